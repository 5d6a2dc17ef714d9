"""``reconcile``: the sweeps, by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from sync.worker.sweeps.run import Report

SHOWN = 200


def reconcile(
    sweep: Annotated[
        str,
        typer.Option(
            "--sweep",
            metavar="NAME",
            help="Only this one: upstream, deliveries, jira or own. [default: all]",
            show_default=False,
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look and tell, but touch nothing.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look now for what was missed, make it due, and show the drift that was found.

    The daemon does the same on its own schedule; a sweep that it is running at this moment is left to
    it. What is found becomes due here and is brought to Jira by the daemon.

    Exit codes: 0 all sweeps ended well, 1 one did not, 2 usage, the store or the configuration.

    Example:  ticket-sync reconcile --dry-run --sweep upstream
    """
    from sync.bootstrap.sweeps import by_hand, chosen
    from sync.settings import load

    reports: list[Report] = []
    left: list[str] = []
    with by_hand(load(config)) as hands:
        for one in chosen(hands.roster, sweep):
            report = hands.runner.run(one, dry=dry_run, by_hand=True)
            if report is None:
                left.append(one.name)
            else:
                reports.append(report)
    if as_json:
        typer.echo(json.dumps([as_data(report) for report in reports], indent=2))
    else:
        _show(reports, left, dry_run)
    if any(report.result.value != "ok" for report in reports):
        raise typer.Exit(1)


def as_data(report: Report) -> dict[str, Any]:
    """A report as JSON-compatible data."""
    from sync.cli.terminal import stamp

    tally = report.tally
    return {
        "sweep": report.sweep,
        "result": report.result.value,
        "words": " ".join([report.words, *tally.notes]).strip(),
        "from": stamp(report.window.since),
        "to": stamp(report.window.until),
        "seconds": round(report.seconds, 3),
        **tally.columns(),
        "drift": [
            {
                "kind": drift.kind.value,
                "what": drift.what,
                "words": drift.words,
                "repaired": drift.repaired,
            }
            for drift in tally.drifts
        ],
    }


def _show(reports: list[Report], left: list[str], dry: bool) -> None:
    from sync.cli.terminal import cell, console, table

    out = console()
    drifts = [drift for report in reports for drift in report.tally.drifts]
    if drifts:
        found = table("Drift", "sweep", "kind", "what", "how")
        for drift in drifts[:SHOWN]:
            style = "" if drift.repaired else "yellow"
            found.add_row(
                cell(drift.sweep),
                cell(drift.kind.value, style),
                cell(drift.what),
                cell(drift.words),
            )
        out.print(found)
    sums = table(
        "Would be done" if dry else "Done",
        *("sweep", "result", "looked at", "missing", "stale", "wrong"),
        *("would repair" if dry else "repaired", "failed", "calls", "seconds"),
    )
    for report in reports:
        tally = report.tally.columns()
        good = report.result.value == "ok"
        numbers = ("looked", "missing", "stale", "wrong", "repaired", "failed", "calls")
        sums.add_row(
            cell(report.sweep),
            cell(report.result.value, "" if good else "red"),
            *(cell(tally[name]) for name in numbers),
            cell(f"{report.seconds:.1f}"),
        )
    out.print(sums)
    total = sum(report.tally.total for report in reports)
    if total > SHOWN:
        out.print(cell(f"{total - SHOWN} more findings; --json lists them."))
    for report in reports:
        for words in filter(None, (report.words, *report.tally.notes)):
            out.print(cell(f"{report.sweep}: {words}", "yellow"), soft_wrap=True)
    for name in left:
        out.print(cell(f"{name}: another process is at it now; it was left to that."))
