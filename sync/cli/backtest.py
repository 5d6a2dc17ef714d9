"""``backtest``: the past deliveries, replayed through edited rules."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption, seconds_of

if TYPE_CHECKING:
    from rich.table import Table

    from sync.worker.foresight.backtest import BacktestResult

_NUMBERS = {
    "made": "tickets made",
    "spared": "spared by hold",
    "grouped": "spared by grouping",
    "umbrellas": "umbrellas of storms",
    "parked": "set aside by a rule that fails",
    "unmatched": "issues and incidents without a rule",
}
# Only where a rule tells upstream.
_TOLD = {
    "announced": "announced upstream",
    "acknowledged": "marked upstream as investigating by themselves",
}
_COLUMNS = ("", "in force", "edited", "")
MOST_RULES = 15


def backtest(
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How far to go back: 30d, 12h, 2w.")
    ] = "30d",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay stored deliveries through the rules on disk and those in force, and compare.

    Shows the tickets that each would have made, by project and by rule, what hold and grouping would
    have spared, and the noisiest rules. Of what upstream would have been told, only what a new ticket
    tells by itself can be known: what people did in Jira is in no delivery. Nothing is touched and Jira
    is not asked. Goes back as far as deliveries are kept ([retention]). Issues known before that count
    as having had their ticket.

    Exit codes: 0 shown, 1 the store cannot be read, 2 usage, or the rules or configuration are wrong.

    Example:  ticket-sync backtest --since 30d
    """
    from sync.bootstrap.adapters import sources_of
    from sync.bootstrap.rules import rule_files, rules_in_force
    from sync.bootstrap.stores import existing_store
    from sync.settings import Secrets, load
    from sync.worker.foresight.backtest import backtest as replay

    settings = load(config, secrets=Secrets.UNNEEDED)
    files = rule_files(settings)
    edited = files.load().rules
    now = time.time()
    start = now - seconds_of(since)
    sources = sources_of(settings)
    with closing(existing_store(settings)) as store:
        in_force = rules_in_force(files, store)
        after = replay(store, sources, edited, start, now)
        same = in_force is not None and in_force.digest == edited.digest
        before = None
        if in_force is not None:
            before = after if same else replay(store, sources, in_force, start, now)
    if as_json:
        data = {
            "since_seconds": now - start,
            "same_rules": same,
            "edited": asdict(after),
            "in_force": asdict(before) if before else None,
        }
        typer.echo(json.dumps(data, indent=2))
        return
    _print(since, after, before, same)


def _print(since: str, after: BacktestResult, before: BacktestResult | None, same: bool) -> None:
    from sync.cli.terminal import console, table

    spoken = "delivery" if after.deliveries == 1 else "deliveries"
    about = "issue or incident" if after.subjects == 1 else "issues and incidents"
    typer.echo(f"{after.deliveries} {spoken} about {after.subjects} {about} in the last {since}.")
    if before is None:
        typer.echo("No rules are in force that they could be compared with.")
    elif same:
        typer.echo("The rules on disk are those in force.")
    totals = table("In all", *_COLUMNS)
    for name, words in _NUMBERS.items():
        _row(totals, words, getattr(before, name, None), getattr(after, name))
    if after.announced is not None:
        for name, words in _TOLD.items():
            _row(totals, words, getattr(before, name, None), getattr(after, name))
    console().print(totals)
    if after.announced is not None:
        from sync.domain.telling_words import UNKNOWN

        typer.echo(UNKNOWN)
    for title, attribute in (
        ("Tickets by project", "by_project"),
        ("Tickets by rule, the noisiest first", "by_rule"),
        ("Walks by rule: how often its tickets changed", "walks_by_rule"),
    ):
        _print_counts(title, getattr(before, attribute, None), getattr(after, attribute))


def _print_counts(title: str, then: Mapping[str, int] | None, now: Mapping[str, int]) -> None:
    """The counts by rule or project, the largest first. ``then`` is None where no rules are in force."""
    from sync.cli.terminal import console, table

    known = then or {}
    largest = {name: max(now.get(name, 0), known.get(name, 0)) for name in {*now, *known}}
    if not largest:
        return
    shown = table(title, *_COLUMNS)
    for name in sorted(largest, key=lambda name: (-largest[name], name))[:MOST_RULES]:
        before = known.get(name, 0) if then is not None else None
        _row(shown, name or "?", before, now.get(name, 0))
    console().print(shown)
    if len(largest) > MOST_RULES:
        typer.echo(f"… and {len(largest) - MOST_RULES} more; --json has them all.")


def _row(shown: Table, name: str, then: int | None, now: int) -> None:
    from sync.cli.terminal import cell

    change = "" if then is None or then == now else f"{now - then:+d}"
    style = "yellow" if change.startswith("+") else "green"
    shown.add_row(cell(name), cell("" if then is None else then), cell(now), cell(change, style))
