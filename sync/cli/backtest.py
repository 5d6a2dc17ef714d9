"""``backtest``: the past deliveries, replayed through edited rules."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption, seconds_of
from sync.cli.server import Server, ServerOption
from sync.cli.server_draft import RulesOption, draft_of, only_by_server
from sync.domain.text import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.operations.rules.backtest import BacktestLine, BacktestShown
    from sync.worker.foresight.backtest import BacktestResult

_COLUMNS = ("", "in force", "edited", "")
MOST_RULES = 15
_DAY = 86_400.0
_ASK_EVERY = 0.3


def backtest(
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How far to go back: 30d, 12h, 2w.")
    ] = "30d",
    config: ConfigOption = None,
    server: ServerOption = "",
    rules_folder: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay stored deliveries through the rules on disk and those in force, and compare.

    Shows the tickets that each would have made, by project and by rule, what hold and grouping would
    have spared, and the noisiest rules. Of what upstream would have been told, only what a new ticket
    tells by itself can be known: what people did in Jira is in no delivery. Nothing is touched and Jira
    is not asked. Goes back as far as deliveries are kept ([retention]). Issues known before that count
    as having had their ticket. With --server, a running daemon does it; with --rules, for the rules of a
    folder here.

    Exit codes: 0 shown, 1 the store cannot be read, 2 usage, or the rules or configuration are wrong.

    Example:  ticket-sync backtest --since 30d
    """
    from sync.operations.rules.backtest import shown_of

    ago = seconds_of(since)
    only_by_server(rules_folder, server)
    if server:
        shown = _by_daemon(Server(server), rules_folder, ago / _DAY)
        if as_json:
            typer.echo(json.dumps(asdict(shown), indent=2))
        else:
            _print(shown)
        return
    after, before, same = _replayed(config, ago)
    if as_json:
        data = {
            "since_seconds": ago,
            "same_rules": same,
            "edited": asdict(after),
            "in_force": asdict(before) if before else None,
        }
        typer.echo(json.dumps(data, indent=2))
        return
    _print(shown_of(before, after, ago / _DAY, same=same))


def _replayed(
    config: Path | None, ago: float
) -> tuple[BacktestResult, BacktestResult | None, bool]:
    """What the rules on disk would have made, what those in force, and whether they are the same."""
    from sync.bootstrap.adapters import sources_of
    from sync.bootstrap.rules import rule_files, rules_in_force
    from sync.bootstrap.stores import existing_store
    from sync.settings import Secrets, load
    from sync.worker.foresight.backtest import backtest as replay

    settings = load(config, secrets=Secrets.UNNEEDED)
    files = rule_files(settings)
    edited = files.load().rules
    now = time.time()
    sources = sources_of(settings)
    with closing(existing_store(settings)) as store:
        in_force = rules_in_force(files, store)
        after = replay(store, sources, edited, now - ago, now)
        if in_force is None:
            return after, None, False
        if in_force.digest == edited.digest:
            return after, after, True
        return after, replay(store, sources, in_force, now - ago, now), False


def _by_daemon(server: Server, folder: Path | None, days: float) -> BacktestShown:
    from sync.operations.rules.backtest import BacktestShown

    with draft_of(server, folder) as draft:
        shown = server.post("/rules/backtests", BacktestShown, {"days": days, "draft": draft})
        while shown.state in ("waiting", "counting"):
            time.sleep(_ASK_EVERY)
            shown = server.get(f"/rules/backtests/{shown.id}", BacktestShown)
    return shown


def _print(shown: BacktestShown) -> None:
    typer.echo(harmless(shown.words))
    for one in shown.told:
        typer.echo(harmless(one.words))
    if not shown.totals:
        return
    if all(line.in_force is None for line in shown.totals):
        typer.echo("No rules are in force that they could be compared with.")
    elif shown.same:
        typer.echo("The rules on disk are those in force.")
    _print_lines("In all", shown.totals)
    if any(line.name == "announced" for line in shown.totals):
        from sync.domain.telling_words import UNKNOWN

        typer.echo(UNKNOWN)
    for table in shown.tables:
        if table.lines:
            _print_lines(table.words, table.lines)


def _print_lines(title: str, lines: Sequence[BacktestLine]) -> None:
    from sync.cli.terminal import cell, console, table

    shown = table(title, *_COLUMNS)
    for line in lines[:MOST_RULES]:
        known = line.in_force is not None and line.draft is not None
        change = f"{(line.draft or 0) - (line.in_force or 0):+d}" if known and line.differs else ""
        style = "yellow" if change.startswith("+") else "green"
        numbers = ["" if one is None else one for one in (line.in_force, line.draft)]
        shown.add_row(cell(line.words or "?"), *map(cell, numbers), cell(change, style))
    console().print(shown)
    if len(lines) > MOST_RULES:
        typer.echo(f"… and {len(lines) - MOST_RULES} more; --json has them all.")
