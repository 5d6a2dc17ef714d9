"""``user``: somebody who signs in to the pages with a password."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.problems import USAGE, Problem, sentence

if TYPE_CHECKING:
    from sync.operations.accounts import Role

app = typer.Typer(name="user", help="Make users of the pages.", no_args_is_help=True)


@app.callback()
def start() -> None:
    """Make users of the pages."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with.")],
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="viewer, operator or editor.")
    ] = "viewer",
) -> None:
    """Ask for a password and print what to put into the configuration for this user.

    The configuration holds a hash of the password, from which nobody finds the password. Where input is
    no terminal, the password is its first line. With `login = "users"` under [web] the user can sign in
    after a restart. A user who is there already gets another password by another hash.

    Exit codes: 0 printed, 2 usage, or a password that is not taken.

    Example:  ticket-sync user add dana --role editor
    """
    from sync.operations.passwords import fault, hashed
    from sync.settings.web import user_name

    known = role_of(role)
    try:
        user_name(name)
    except ValueError as error:
        raise Problem(sentence(str(error)), USAGE) from None
    password = _typed()
    wrong = fault(password)
    if wrong:
        raise Problem(wrong, USAGE)
    key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
    typer.echo(f'[web.users.{key}]\npassword_hash = "{hashed(password)}"\nrole = "{known}"')


def role_of(text: str) -> Role:
    """The role of this name. Raises Problem."""
    from sync.operations.accounts import Role

    try:
        return Role(text)
    except ValueError:
        raise Problem(f"{text!r} is no role. There are: {', '.join(Role)}.", USAGE) from None


def _typed() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
