"""``check``: configuration and rules, held against the real Jira."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.domain.text import harmless

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
    Changes nothing. Each mistake comes with file, line and the nearest valid name.

    Exit codes: 0 all is well, 1 there are mistakes, 2 it could not be checked (no configuration, or a
    site could not be asked).

    Example:  ticket-sync check --offline
    """
    from sync.bootstrap.rules import rule_files
    from sync.bootstrap.site_check import check_sites
    from sync.settings import find, load
    from sync.toml import MistakesFound

    find(config)
    try:
        settings = load(config, secrets=not offline)
        files = rule_files(settings)
        rules = files.load().rules
    except MistakesFound as error:
        _end([str(mistake) for mistake in error.mistakes], [], as_json)
    else:
        warnings = [str(warning) for warning in rules.warnings]
        reports = [] if offline else check_sites(settings, rules)
        _end(warnings, reports, as_json, files.notes())


def _end(
    mistakes: list[str], reports: list[Report], as_json: bool, notes: Sequence[str] = ()
) -> None:
    """Print what was found, and end with the exit code."""
    found = [*mistakes, *(str(one) for report in reports for one in report.findings)]
    troubles = [f"site {r.site!r} could not be asked: {r.trouble}" for r in reports if r.trouble]
    if as_json:
        data = {**_as_data(mistakes, reports), "notes": list(notes)}
        typer.echo(json.dumps(data, indent=2))
    else:
        for words in notes:
            typer.echo(f"Note: {harmless(words)}.")
        for line in _lines(found, troubles, reports):
            typer.echo(harmless(line))
    raise typer.Exit(CANNOT if troubles else MISTAKES if found else 0)


def _lines(found: list[str], troubles: list[str], reports: list[Report]) -> Iterator[str]:
    for report in reports:
        if report.who:
            yield f"Site {report.site!r}: we are {report.who} there."
    yield from found
    yield from (f"Note: {words}." for report in reports for words in report.notes)
    yield from (f"Not checked: {words}" for words in troubles)
    if found:
        yield f"{len(found)} {'mistake' if len(found) == 1 else 'mistakes'}."
    elif not troubles:
        yield "All is well." if reports else "Configuration and rules are well."


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
