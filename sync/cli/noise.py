"""``noise``: which monitors, tables, owners and rules make tickets that come and go, and what to do."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import Problem
from sync.cli.server import Server, ServerOption
from sync.domain.text import harmless

if TYPE_CHECKING:
    from sync.operations.noise import Noise, NoiseLine, NoiseQuery
    from sync.operations.rules.quieter import Quieter

_COLUMNS = (
    *("made", "spared", "opened again", "closed", "unattended", "median life", "median between"),
)
_LINES = 10
_ASK_EVERY = 0.3

# How to look at the numbers, and how to look for lines.
_Look = Callable[["NoiseQuery", Sequence[str]], Sequence["Noise"]]
_Try = Callable[["NoiseQuery"], "Quieter"]


def noise(  # noqa: PLR0913  (each is an option of the verb)
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How far to go back: 30d, 12h, 2w.")
    ] = "30d",
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="WHAT",
            help="Only by this: monitor, table, owner or rule; with all lines.",
        ),
    ] = "",
    rule: Annotated[str, typer.Option("--rule", help="Only tickets of this rule.")] = "",
    lines: Annotated[
        bool, typer.Option("--lines/--no-lines", help="Whether to try lines for the worst rules.")
    ] = True,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what makes tickets that come and go without anybody acting on them, and the line against it.

    The worst first: what most often came and went within a day. For the worst rules, hold, close_after
    and group_by are each tried by a backtest of the same time, and the line that would have spared the
    most is printed with what it would have cost. Nothing is changed, and Jira is not asked. Goes back
    as far as the journal and the deliveries are kept ([retention]).

    Exit codes: 0 shown, 1 the store cannot be read, 2 usage, or the rules or configuration are wrong.

    Example:  ticket-sync noise --since 30d --by monitor
    """
    from sync.operations.noise import BY, NoiseQuery

    query = NoiseQuery(since, by or "monitor", rule)
    with _asked(config, server) as (look, tried):
        found = look(query, [by] if by else list(BY))
        if not as_json:
            _print(found, all_lines=bool(by))
        rules = ([rule] if rule else found[0].rules) if lines else ()
        quieter = [tried(replace(query, rule=one)) for one in rules]
    if as_json:
        data = {"noise": [asdict(one) for one in found], "lines": [_as_json(q) for q in quieter]}
        typer.echo(json.dumps(data, indent=2))
        return
    for one in quieter:
        _print_line(one)


@contextmanager
def _asked(config: Path | None, server: str) -> Iterator[tuple[_Look, _Try]]:
    """How to look and how to try: in the store, or by a daemon."""
    if server:
        yield _by_daemon(Server(server))
        return
    from sync.bootstrap.adapters import sources_of
    from sync.bootstrap.rules import rule_files
    from sync.bootstrap.stores import existing_store
    from sync.operations.noise import noise_by
    from sync.operations.rules.quieter import Replay, quieter
    from sync.settings import Secrets, load

    settings = load(config, secrets=Secrets.UNNEEDED)
    now = time.time()
    with closing(existing_store(settings)) as store:
        replay = Replay(store, rule_files(settings), sources_of(settings), now, _progress)
        try:
            yield (
                lambda query, by: noise_by(store, query, now, by),
                lambda query: quieter(replay, query.rule, query.seconds),
            )
        finally:
            _progress("")


def _by_daemon(server: Server) -> tuple[_Look, _Try]:
    from sync.operations.noise import Noise
    from sync.operations.rules.quieter import Quieter

    def look(query: NoiseQuery, by: Sequence[str]) -> Sequence[Noise]:
        asked = {"since": query.since, "rule": query.rule}
        return [server.get("/noise", Noise, by=one, **asked) for one in by]

    def tried(query: NoiseQuery) -> Quieter:
        shown = server.post("/noise/lines", Quieter, {"since": query.since, "rule": query.rule})
        while shown.state in ("waiting", "counting"):
            time.sleep(_ASK_EVERY)
            shown = server.get(f"/noise/lines/{shown.id}", Quieter)
        if shown.state != "done":
            raise Problem(shown.words or "The search for a line was given up. Ask for it again.")
        return shown

    return look, tried


def _progress(words: str) -> None:
    """What is being done, in one line of a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{harmless(words)}")
        sys.stderr.flush()


def _as_json(found: Quieter) -> dict[str, object]:
    best = found.best
    return {**asdict(found), "best": asdict(best) if best else None}


def _print(found: Sequence[Noise], *, all_lines: bool) -> None:
    from sync.cli.terminal import console

    typer.echo(harmless(f"{found[0].sentence}."))
    for note in found[0].notes:
        typer.echo(harmless(note))
    for one in found:
        if one.lines:
            some = one.lines if all_lines else one.lines[:_LINES]
            console().print(_pictured(one.by, some))
            if len(one.lines) > len(some):
                typer.echo(f"… and {len(one.lines) - len(some)} more; --by {one.by} has them all.")


def _pictured(by: str, lines: Iterable[NoiseLine]) -> object:
    from sync.cli.terminal import cell, table

    shown = table(f"By {by}", by, *_COLUMNS)
    for line in lines:
        numbers = (line.made, line.spared, line.reopened, line.closed, line.unattended)
        shown.add_row(
            cell(line.name, "bold" if line.brief > 1 else ""),
            *map(cell, numbers),
            cell(line.life_words),
            cell(line.between_words),
        )
    return shown


def _tried(found: Quieter) -> object:
    from sync.cli.terminal import cell, table

    shown = table("Lines tried", "line", "made", "opened again", "fewer", "what it would have cost")
    shown.add_row(cell("as it is"), cell(found.made), cell(found.reopened), cell(""), cell(""))
    for one in found.trials:
        style = "green" if one.fewer > 0 and found.best else ""
        numbers = (cell(one.made), cell(one.reopened), cell(one.fewer, style))
        shown.add_row(cell(f"{one.key} = {one.value}"), *numbers, cell(one.cost))
    return shown


def _print_line(found: Quieter) -> None:
    from sync.cli.terminal import console

    typer.echo(harmless(f"\nRule {found.rule}: {found.words}"))
    for note in found.notes:
        typer.echo(harmless(note))
    if found.trials:
        console().print(_tried(found))
    best = found.best
    if best is not None:
        where = "instead of the line there" if best.instead_of else "as a new line"
        typer.echo(harmless(f"Write it in {best.file}, line {best.line}, {where}:"))
        typer.echo(harmless(best.text))
