"""``backtest``: what edited rules would have made of the past."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from sync.worker.foresight.backtest import Tally

_NUMBERS = {
    "made": "tickets made",
    "spared": "spared by hold",
    "grouped": "spared by grouping",
    "umbrellas": "umbrellas of storms",
    "parked": "set aside by a rule that fails",
    "unmatched": "issues and incidents without a rule",
}
MOST_RULES = 15


def backtest(
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How far to go back: 30d, 12h, 2w.")
    ] = "30d",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay stored deliveries through the rules on disk and those in force, and compare.

    Tickets made, by project and by rule; what hold and grouping spared; the noisiest rules. Nothing is
    touched and Jira is not asked. Goes back as far as deliveries are kept ([retention]). Issues that
    were there before count as having had their ticket.

    Exit codes: 0 told, 1 the store cannot be read, 2 usage, or the rules or configuration are wrong.

    Example:  ticket-sync backtest --since 30d
    """
    from sync.bootstrap.adapters import sources_of
    from sync.bootstrap.rules import rule_files, rules_in_force
    from sync.bootstrap.stores import existing_store
    from sync.settings import load
    from sync.worker.foresight.backtest import backtest as replay

    settings = load(config, secrets=False)
    edited = rule_files(settings).load().rules
    now = time.time()
    start = now - _seconds(since)
    sources = sources_of(settings)
    store = existing_store(settings)
    try:
        in_force = rules_in_force(settings, store)
        after = replay(store, sources, edited, start, now)
        same = in_force is not None and in_force.digest == edited.digest
        before = None
        if in_force is not None:
            before = after if same else replay(store, sources, in_force, start, now)
    finally:
        store.close()
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


def _seconds(words: str) -> float:
    from sync.settings.values import parse_duration

    try:
        return parse_duration(words)
    except ValueError as error:
        raise Problem(f"--since: {error} Write 30d, 12h or 2w.", USAGE) from None


def _print(since: str, after: Tally, before: Tally | None, same: bool) -> None:
    from sync.cli.terminal import console, table

    out = console()
    spoken = "delivery" if after.deliveries == 1 else "deliveries"
    about = "issue or incident" if after.subjects == 1 else "issues and incidents"
    typer.echo(f"{after.deliveries} {spoken} about {after.subjects} {about} in the last {since}.")
    if before is None:
        typer.echo("No rules are in force yet to compare with.")
    elif same:
        typer.echo("The rules on disk are those in force.")
    columns = ("in force", "edited", "")
    totals = table("In all", "", *columns)
    for name, words in _NUMBERS.items():
        _row(totals, words, getattr(before, name, None), getattr(after, name))
    out.print(totals)
    for title, attribute in (
        ("Tickets by project", "by_project"),
        ("Tickets by rule, the noisiest first", "by_rule"),
        ("Walks by rule: how often its tickets changed", "walks_by_rule"),
    ):
        now: Mapping[str, int] = getattr(after, attribute)
        then: Mapping[str, int] = getattr(before, attribute, {})
        if not now and not then:
            continue
        shown = table(title, "", *columns)
        names = sorted(
            now.keys() | then.keys(), key=lambda n: (-max(now.get(n, 0), then.get(n, 0)), n)
        )
        for name in names[:MOST_RULES]:
            known = then.get(name, 0) if before is not None else None
            _row(shown, name or "?", known, now.get(name, 0))
        out.print(shown)
        if len(names) > MOST_RULES:
            typer.echo(f"… and {len(names) - MOST_RULES} more; --json has them all.")


def _row(shown: object, name: str, then: int | None, now: int) -> None:
    from sync.cli.terminal import cell

    change = "" if then is None or then == now else f"{now - then:+d}"
    style = "yellow" if change.startswith("+") else "green"
    shown.add_row(  # type: ignore[attr-defined]
        cell(name), cell("" if then is None else then), cell(now), cell(change, style)
    )
