"""``init``: first files for a Jira site, with its real names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sync.cli.problems import USAGE, Problem


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
) -> None:
    """Ask for a Jira site and a project, look at it, and write config.toml and first mapping rules.

    The rules name the project's real issue types, fields, values and statuses, and explain the rest
    in comments. The token is read from the environment, or asked for once; it is not written.

    Exit codes: 0 written, 1 the site could not be asked or has no such project, 2 usage, or a file is
    there already.

    Example:  JIRA_TOKEN=… ticket-sync init --site https://your-team.atlassian.net
    --email jira-bot@example.com --project DATA --yes
    """
    from sync.adapters.jira.calls.rights import CLASSIC, PERMISSIONS
    from sync.bootstrap.first_files import Answers, first_files, write
    from sync.domain.errors import Rejected

    answers = Answers(
        url=_asked(site, "The address of the Jira site", "--site", yes).rstrip("/"),
        email=email or ("" if yes else _optional("The account's email (none for Data Center)")),
        token=_token(token_env, yes),
        token_env=token_env,
        project=_asked(project, "The key of the project that tickets go to", "--project", yes),
        issue_type=issue_type,
    )
    if "://" not in answers.url:
        raise Problem(
            f"{answers.url!r} is no address; write https://your-team.atlassian.net.", USAGE
        )
    try:
        files = first_files(answers, directory)
    except Rejected as fault:
        raise Problem(f"{fault}. {fault.remedy}".replace("..", ".").strip()) from fault
    write(files, force=force)
    for path in files:
        typer.echo(f"wrote {path}")
    typer.echo(f"\nThe account needs in each project: {', '.join(PERMISSIONS)}.")
    typer.echo(f"A token with scopes (Cloud) needs: {', '.join(CLASSIC)}.")
    typer.echo(
        "\nNext: set COALESCE_SIGNING_SECRET to the webhook integration's secret, then\n"
        "  ticket-sync check                            whether all fits together\n"
        "  ticket-sync preview --sample issue_created   the ticket an issue would make\n"
        "  ticket-sync serve                            begin"
    )


def _asked(given: str, question: str, option: str, yes: bool) -> str:
    if given:
        return given
    if yes:
        raise Problem(f"{option} is missing, and with --yes nothing is asked.", USAGE)
    return str(typer.prompt(question)).strip()


def _optional(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False)).strip()


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
    return str(typer.prompt(f"Its token ({name} is not set; it is not written)", hide_input=True))
