"""``init``: first files for a Jira site, with its real names."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem, sentence
from sync.cli.verifying import verified

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.bootstrap.first_files import Answers
    from sync.domain.errors import Fault

URL = "The address of the Jira site"
PROJECT = "The key of the project that tickets go to"


def init(  # noqa: PLR0913  (each is an option of the verb)
    site: Annotated[
        str, typer.Option("--site", metavar="URL", help="The address of the Jira site.")
    ] = "",
    email: Annotated[
        str, typer.Option("--email", help="The account's email address; none for Data Center.")
    ] = "",
    token_env: Annotated[
        str, typer.Option("--token-env", metavar="NAME", help="The variable that holds the token.")
    ] = "JIRA_TOKEN",  # noqa: S107
    project: Annotated[
        str, typer.Option("--project", metavar="KEY", help="The project that tickets go to.")
    ] = "",
    issue_type: Annotated[
        str, typer.Option("--issue-type", help="[default: Bug, or what the project has]")
    ] = "",
    directory: Annotated[
        Path, typer.Option("--directory", help="Where to write the files.")
    ] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write over files that are there.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Then try the whole way once. With a configuration, only that."
        ),
    ] = False,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", help="With --verify: seconds that the test delivery may take.", min=0
        ),
    ] = 30.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for a Jira site and a project, look at it, and write config.toml and first mapping rules.

    The rules name the project's real issue types, fields, values and statuses, and explain the rest
    in comments. The token is read from the environment, or asked for once; it is not written.

    With --verify the whole way is tried, and each step says what works or what to enter where. The
    sender is asked for a test delivery, which is waited for; if no daemon runs, a receiver listens at
    its address meanwhile. A ticket marked as a trial is made by the rules, moved through its states and
    deleted, or left closed where the account may not delete. Where there is a configuration already,
    nothing is asked and no file is written.

    Exit codes: 0 written, and what was tried works; 1 the site could not be asked or has no such
    project, or a step does not work; 2 usage, the configuration, or a file is there already.

    Example:  JIRA_TOKEN=… ticket-sync init --site https://your-team.atlassian.net
    --email jira-bot@example.com --project DATA --yes
    """
    if verify and not force and _configured(config, directory):
        raise typer.Exit(verified(_there(config, directory), wait=wait, as_json=as_json))
    from sync.bootstrap.first_files import Answers

    answers = Answers(
        url=_asked(site, URL, "--site", yes),
        email=email or ("" if yes else _email()),
        token=_token(token_env, yes),
        token_env=token_env,
        project=_asked(project, PROJECT, "--project", yes),
        issue_type=issue_type,
    )
    given = {"url": site, "email": email, "token": os.environ.get(token_env), "project": project}
    asked = {name for name, value in given.items() if not (value or yes)}
    answers = _written(answers, asked, directory, force=force, quiet=verify and as_json)
    if verify:
        # What was typed is not written, and not asked for again.
        os.environ.setdefault(token_env, answers.token)
        raise typer.Exit(verified(directory / "config.toml", wait=wait, as_json=as_json))
    _what_next()


def _written(
    answers: Answers, asked: set[str], directory: Path, *, force: bool, quiet: bool
) -> Answers:
    """Write the files. Answers in ``asked`` that turn out wrong are asked for again; returns those that
    hold. ``quiet``: what is said goes to standard error. Raises Problem."""
    from sync.bootstrap.first_files import first_files, other_rules, write
    from sync.domain.errors import Fault

    while True:
        try:
            files = first_files(answers, directory)
            break
        except Fault as fault:
            again = asked.intersection(_to_ask_again(fault))
            if not again:
                raise Problem(_words(fault)) from fault
            typer.echo(_words(fault), err=True)
            answers = _asked_again(answers, again)
    write(files, force=force)
    for path in files:
        typer.echo(f"wrote {path}", err=quiet)
    if others := other_rules(files):
        words = f"The rules of {', '.join(others)} are there already, and hold beside them."
        typer.echo(words, err=quiet)
    return answers


def _what_next() -> None:
    from sync.adapters.jira.calls.rights import CLASSIC, EVERY_RULE

    needed = ", ".join(right.name for right in EVERY_RULE)
    typer.echo(
        f"\nIn Jira, the account needs in the project: {needed};\n"
        "to look people up, the global permission Browse users and groups. A token with scopes needs\n"
        f"{', '.join(CLASSIC)}. docs/permissions.md says what for; `check` tries them."
    )
    typer.echo(
        "\nNext: set COALESCE_SIGNING_SECRET to the webhook integration's secret, then\n"
        "  ticket-sync init --verify                    the whole way tried once, step by step\n"
        "  ticket-sync check                            whether all fits together\n"
        "  ticket-sync preview --sample issue_created   the ticket an issue would make\n"
        "  ticket-sync serve                            begin"
    )


def _there(config: Path | None, directory: Path) -> Path | None:
    file = directory / "config.toml"
    return config or (file if file.exists() else None)


def _configured(config: Path | None, directory: Path) -> bool:
    """Whether there is a configuration already: a file, or all of it in the environment."""
    named = os.environ.get("TICKET_SYNC_CONFIG")
    sites = any(name.startswith("TICKET_SYNC_SITES__") for name in os.environ)
    return bool(config or named or sites) or (directory / "config.toml").exists()


def _asked(given: str, question: str, option: str = "", yes: bool = False) -> str:
    if given:
        return given
    if yes:
        raise Problem(f"{option} is missing, and with --yes nothing is asked.", USAGE)
    return str(typer.prompt(question)).strip()


def _email() -> str:
    question = "The account's email (none for Data Center)"
    return str(typer.prompt(question, default="", show_default=False)).strip()


def _to_ask_again(fault: Fault) -> tuple[str, ...]:
    """The answers that may be the cause of a fault."""
    from sync.domain.errors import Cause, Outage, Rejected, SiteDown

    if isinstance(fault, SiteDown) and fault.outage is Outage.AUTHENTICATION:
        return ("email", "token")
    if isinstance(fault, Rejected) and fault.cause is not Cause.OTHER:
        return ("project",) if fault.cause is Cause.PROJECT else ()
    return ("url",)


def _asked_again(answers: Answers, names: set[str]) -> Answers:
    ask: dict[str, Callable[[], str]] = {
        "url": lambda: _asked("", URL),
        "email": _email,
        "token": lambda: _token_typed(answers.token_env),
        "project": lambda: _asked("", PROJECT),
    }
    return replace(answers, **{name: ask[name]() for name in ask if name in names})


def _words(fault: Fault) -> str:
    return sentence(f"{fault}. {getattr(fault, 'remedy', '')}".replace("..", ".").strip())


def _token(name: str, yes: bool) -> str:
    given = os.environ.get(name, "")
    if given:
        return given
    if yes:
        raise Problem(
            f"The variable {name} is not set. Put the API token (Cloud) or personal access token "
            "(Data Center) in it, or name another with --token-env.",
            USAGE,
        )
    return _token_typed(name)


def _token_typed(name: str) -> str:
    question = f"The account's token ({name} is not set; the token is not written to a file)"
    return str(typer.prompt(question, hide_input=True))
