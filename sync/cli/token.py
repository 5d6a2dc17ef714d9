"""``token``: what programs use the API with."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.store import opened_store
from sync.cli.user import role_of

if TYPE_CHECKING:
    from sync.operations.tokens import Token

app = typer.Typer(
    name="token", help="Make, list and revoke tokens of the API.", no_args_is_help=True
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="What the token is for.")]


@app.command()
def add(
    name: _Name,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="viewer, operator or editor.")
    ] = "viewer",
    days: Annotated[
        float, typer.Option("--days", min=0, help="For how long it holds; 0 for no end.")
    ] = 90,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token of the API and print it. It is shown this one time.

    Programs send it as `Authorization: Bearer ts_…`; verbs with --server take it from the variable
    TICKET_SYNC_TOKEN. The store has its digest alone.

    Exit codes: 0 made, 1 the store cannot be written, 2 usage, the store or the configuration.

    Example:  ticket-sync token add ci --role operator --days 30
    """
    from sync.operations import tokens
    from sync.operations.accounts import on_command_line

    wanted = role_of(role)
    with opened_store(config) as store:
        made = tokens.make(store, on_command_line(), name, wanted, days or None, time.time())
    if as_json:
        typer.echo(json.dumps(asdict(made), indent=2))
        return
    typer.echo(made.secret)
    typer.echo(f"This is the token {made.name}; it is not shown again.", err=True)


@app.command(name="list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the tokens of the API: their roles, until when they hold, when they were last used.

    Exit codes: 0 listed, 1 the store cannot be read, 2 it or the configuration cannot be used.

    Example:  ticket-sync token list
    """
    from sync.operations import tokens

    with opened_store(config) as store:
        found = tokens.listed(store, time.time())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif found:
        _print(found)
    else:
        typer.echo("There are no tokens.")


@app.command()
def revoke(name: _Name, config: ConfigOption = None) -> None:
    """Let a token hold no more, from now on.

    Exit codes: 0 revoked, 1 there is no such token, 2 the store or the configuration.

    Example:  ticket-sync token revoke ci
    """
    from sync.operations import tokens
    from sync.operations.accounts import on_command_line

    with opened_store(config) as store:
        words = tokens.revoke(store, on_command_line(), name, time.time())
    typer.echo(f"{words[:1].upper()}{words[1:]}.")


def _print(found: list[Token]) -> None:
    from sync.cli.terminal import cell, console, table

    shown = table("Tokens of the API", "name", "role", "made by", "until", "last used")
    for one in found:
        until = "expired" if one.expired else one.until or "no end"
        shown.add_row(
            cell(one.name),
            cell(one.role),
            cell(one.made_by),
            cell(until, "red" if one.expired else ""),
            cell(one.used_at or "never"),
        )
    console().print(shown)
