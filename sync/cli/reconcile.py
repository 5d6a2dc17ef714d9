"""``reconcile``: the sweeps, by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption

if TYPE_CHECKING:
    from rich.table import Table

    from sync.operations.sweeps_by_hand import ByHand
    from sync.worker.sweeps.run import Report

SHOWN = 200


def reconcile(
    sweep: Annotated[
        str,
        typer.Option(
            "--sweep",
            metavar="NAME",
            help="Only this one: upstream, deliveries, jira or own. [default: all]",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look and report, but touch nothing.")
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Look now for what was missed, make it due, and show what was found.

    The daemon does the same on its own schedule; a sweep that it is running now is left to it. What is
    found becomes due, and the daemon brings it to Jira.

    Exit codes: 0 all sweeps ended well, 1 one did not, 2 usage, the store or the configuration.

    Example:  ticket-sync reconcile --dry-run --sweep upstream
    """
    if server:
        _by_server(Server(server), sweep, dry_run=dry_run, as_json=as_json)
        return
    from sync.bootstrap.sweeps import by_hand, chosen
    from sync.settings import load

    reports: list[Report] = []
    left: list[str] = []
    with by_hand(load(config)) as hands:
        if hands.remark:
            typer.echo(hands.remark, err=True)
        for one in chosen(hands.groups, sweep):
            report = hands.runner.run(one, dry=dry_run, by_hand=True)
            if report is None:
                left.append(one.name)
            else:
                reports.append(report)
    if as_json:
        from sync.operations.sweep_runs import as_data

        typer.echo(json.dumps([as_data(report) for report in reports], indent=2))
    else:
        _show(reports, left, dry_run)
    if any(report.result.value != "ok" for report in reports):
        raise typer.Exit(1)


def _by_server(server: Server, sweep: str, *, dry_run: bool, as_json: bool) -> None:
    """Have a running daemon sweep, and wait for the end."""
    import time
    from dataclasses import asdict

    from sync.operations.acts import Done
    from sync.operations.sweeps import Sweeps

    begun = server.post("/reconcile", Done, {"sweep": sweep, "dry": dry_run})
    if not as_json:
        typer.echo(begun.words)
    while (run := server.get("/sweeps", Sweeps).by_hand) is not None and run.ended is None:
        time.sleep(1.0)
    if run is None:
        return
    if as_json:
        typer.echo(json.dumps(asdict(run), indent=2))
    else:
        _print_run(run)
    if run.trouble or any(one.result != "ok" for one in run.reports):
        raise typer.Exit(1)


def _print_run(run: ByHand) -> None:
    from sync.cli.terminal import cell, console, table

    shown = table(run.words, "sweep", "result", "found", "looked at", "calls")
    for one in run.reports:
        texts = (one.sweep, one.result, one.outcome or one.words, one.looked, one.calls)
        shown.add_row(*(cell(text) for text in texts))
    console().print(shown)
    for name in run.left:
        typer.echo(f"{name}: another process is running it now; it was left to that.")


def _show(reports: list[Report], left: list[str], dry: bool) -> None:
    from sync.cli.terminal import cell, console, table

    out = console()
    findings = [one for report in reports for one in report.tally.findings]
    if findings:
        shown = table("Drift", "sweep", "kind", "what", "how")
        for one in findings[:SHOWN]:
            kind = cell(one.kind.value, "" if one.repaired else "yellow")
            shown.add_row(cell(one.sweep), kind, cell(one.what), cell(one.words))
        out.print(shown)
    out.print(_counts(reports, dry))
    total = sum(report.tally.total for report in reports)
    if total > SHOWN:
        out.print(cell(f"{total - SHOWN} more findings; --json lists them."))
    for report in reports:
        for words in filter(None, (report.words, *report.tally.notes)):
            out.print(cell(f"{report.sweep}: {words}", "yellow"), soft_wrap=True)
    for name in left:
        out.print(cell(f"{name}: another process is running it now; it was left to that."))


def _counts(reports: list[Report], dry: bool) -> Table:
    from sync.cli.terminal import cell, table

    shown = table(
        "Would be done" if dry else "Done",
        *("sweep", "result", "looked at", "missing", "stale", "wrong"),
        *("would repair" if dry else "repaired", "failed", "calls", "seconds"),
    )
    numbers = ("looked", "missing", "stale", "wrong", "repaired", "failed", "calls")
    for report in reports:
        tally = report.tally.columns()
        cells = [cell(tally[name]) for name in numbers]
        result = cell(report.result.value, "" if report.result.value == "ok" else "red")
        shown.add_row(cell(report.sweep), result, *cells, cell(f"{report.seconds:.1f}"))
    return shown
