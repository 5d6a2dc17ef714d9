"""``check``: configuration and rules, held against the real Jira."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from sync.adapters.jira.check import Report

MISTAKES, CANNOT = 1, 2


def check(
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Jira, and do without secrets.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check configuration and rules, then ask each Jira site whether all they name is there.

    Who we are there and what we may do in each project; issue types; that fields are on the create
    screen and take the value; required fields; statuses and the ways to them; labels and link types.
    Only reads. Each mistake comes with file, line and the nearest valid name.

    Exit codes: 0 all is well, 1 there are mistakes, 2 it could not be checked (no configuration, or a
    site could not be asked).

    Example:  ticket-sync check --offline
    """
    from sync.bootstrap.rules import rule_files
    from sync.bootstrap.site_check import check_sites
    from sync.rules import RuleErrors
    from sync.settings import SettingsError, find, load

    find(config)
    try:
        settings = load(config, secrets=not offline)
        loaded = rule_files(settings).load()
    except SettingsError as error:
        _end([str(mistake) for mistake in error.mistakes], [], as_json)
    except RuleErrors as error:
        _end([str(mistake) for mistake in error.errors], [], as_json)
    else:
        warnings = [str(warning) for warning in loaded.rules.warnings]
        _end(warnings, [] if offline else check_sites(settings, loaded), as_json)


def _end(mistakes: list[str], reports: list[Report], as_json: bool) -> None:
    """Print what was found, and end with the exit code."""
    from sync.cli.terminal import harmless

    found = [*mistakes, *(str(one) for report in reports for one in report.findings)]
    troubles = [f"site {r.site!r} could not be asked: {r.trouble}" for r in reports if r.trouble]
    if as_json:
        typer.echo(json.dumps(_as_data(mistakes, reports), indent=2))
    else:
        for report in reports:
            if report.who:
                typer.echo(f"Site {report.site!r}: we are {harmless(report.who)} there.")
        for words in found:
            typer.echo(harmless(words))
        for report in reports:
            for words in report.notes:
                typer.echo(f"Note: {harmless(words)}.")
        for words in troubles:
            typer.echo(f"Not checked: {harmless(words)}")
        if not found and not troubles:
            typer.echo("All is well." if reports else "Configuration and rules are well.")
        elif found:
            typer.echo(f"{len(found)} {'mistake' if len(found) == 1 else 'mistakes'}.")
    raise typer.Exit(CANNOT if troubles else MISTAKES if found else 0)


def _as_data(mistakes: list[str], reports: list[Report]) -> dict[str, Any]:
    return {
        "mistakes": mistakes,
        "sites": [
            {
                "site": report.site,
                "who": report.who,
                "trouble": report.trouble,
                "notes": list(report.notes),
                "findings": [asdict(one) for one in report.findings],
            }
            for report in reports
        ],
    }
