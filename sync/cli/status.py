"""``status``: where everything stands, read from the store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import explained
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store
from sync.domain.text import harmless
from sync.domain.times import ago

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType
    from rich.text import Text

    from sync.operations.pauses import PauseView
    from sync.operations.status import DaemonStatus, RuleStatus, Status, SweepLine, UpstreamStatus
    from sync.store.counts import SiteCounts


def status(
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Say whether all is well, for monitoring: see the exit codes."
        ),
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what is due, held, parked and dead, the oldest of it, each daemon, site and last sweep.

    Reads the store alone, so it works whether or not the daemon runs, and needs no secrets; with
    --server it asks a running daemon instead.

    Exit codes: 0 shown, 1 the store cannot be read, 2 it or the configuration cannot be used. With
    --check: 0 all is well; 1 work goes on, and something needs a person; 2 down: no daemon runs, nothing
    is read, the store is damaged, or the question cannot be answered.

    Example:  ticket-sync status --json | jq .tickets.parked
    """
    if check:
        raise typer.Exit(_check(config, server, as_json=as_json))
    found = _found(config, server)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    from rich.console import Console

    console = Console()
    for part in pictured(found):
        console.print(part)


def _found(config: Path | None, server: str) -> Status:
    from sync.operations.status import Status, status_of

    if server:
        return Server(server).get("/status", Status)
    with opened_store(config) as store:
        return status_of(store, time.time())


def _check(config: Path | None, server: str, *, as_json: bool) -> int:
    """Print whether all is well; the exit code."""
    from sync.operations.verdict import Judged, Verdict, judged
    from sync.telemetry import concealed

    try:
        found = judged(_found(config, server), time.time())
    except Exception as error:
        words, _ = explained(error)
        found = Judged(int(Verdict.DOWN), concealed(words), [])
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return found.code
    typer.echo(found.sentence)
    for one in found.needs:
        typer.echo(harmless(f"- {one.words}{one.detail and f'. {one.detail}'}"))
    return found.code


def _daemons(found: Status) -> Text:
    from rich.text import Text

    if not found.running:
        return Text("none runs: nothing is received, and no ticket is worked on", style="red")
    return Text("that receive deliveries and work on tickets")


def _processes(found: Sequence[DaemonStatus]) -> Iterator[RenderableType]:
    """A table of the daemons, if there are any."""
    if not found:
        return
    from sync.cli.terminal import cell, table

    shown = table("Daemons", "process", "host", "since (UTC)", "version", "alive")
    for one in found:
        seen = "" if one.seen_seconds_ago is None else f", last seen {ago(one.seen_seconds_ago)}"
        shown.add_row(
            cell(one.pid or "?"),
            cell(one.host or "?"),
            cell((one.since or "?")[:19].replace("T", " ")),
            cell(one.version or "?"),
            cell(f"yes{seen}", "") if one.alive else cell("no: it died", "red"),
        )
    yield shown


def _sweeps(found: Sequence[SweepLine]) -> Iterator[RenderableType]:
    """A table of the last runs of the sweeps, if there were any."""
    if not found:
        return
    from sync.cli.terminal import cell, table

    shown = table("Last sweeps", "sweep", "began", "ended", "found")
    now = time.time()
    for one in found:
        style = "" if one.result in ("ok", "running") else "red"
        began = ago(max(0.0, now - one.at))
        shown.add_row(cell(one.name), cell(began), cell(one.result, style), cell(one.found))
    yield shown


def pictured(found: Status) -> list[RenderableType]:
    """The same for people."""
    from rich.table import Table
    from rich.text import Text

    from sync.cli.terminal import cell

    tickets, inbox = found.tickets, found.deliveries
    standing = Table(title=cell(f"Store {found.store}"), title_justify="left", show_header=False)
    standing.add_column(style="bold")
    standing.add_column(justify="right")
    standing.add_column()

    def row(name: str, number: int, words: str, bad: bool = False) -> None:
        standing.add_row(name, f"[red]{number}[/red]" if bad and number else str(number), words)

    standing.add_row("daemons", str(len(found.running)), _daemons(found))
    if found.damage:
        standing.add_row("[red]damage[/red]", "", Text(found.damage))
    oldest = tickets.oldest_due_seconds
    row("due", tickets.due, f"oldest since {ago(oldest)}" if oldest is not None else "")
    row("held", tickets.held, "due later: on hold, or to be tried again")
    row("paused", tickets.paused, "due, and waiting for the end of a pause; see `pause`")
    for count, words in _pauses(found.pauses):
        standing.add_row("", count, Text(harmless(words)))
    row("parked", tickets.parked, "set aside; each has a reason and a remedy", bad=True)
    words = "tickets that are kept, save for a field that is set aside; see `parked`"
    row("fields", tickets.fields_parked, words, bad=True)
    for group in found.parked_for[:5]:
        place = f" (rule {group.rule!r}, {group.where})" if group.where else ""
        standing.add_row("", str(group.tickets), Text(f"{group.reason}{place}"))
    row("unsure", tickets.unsure, "being created; the outcome is not known yet")
    row("tickets", tickets.linked, f"in Jira, of {tickets.total} on record")
    row("spared", tickets.spared, "never made: ended within their hold, or on another ticket")
    words = "tickets for issues that are not known yet; see `adopt --recorded`"
    row("ahead", tickets.recorded_ahead, words)
    row("waiting", inbox.waiting, "deliveries accepted and not yet read")
    row("dead", inbox.dead, "deliveries that could not be read", bad=True)
    if heads := inbox.heads:
        row("", heads, "of them larger than max_body, and only their heads kept; see `dead list`")
    standing.add_row("last delivery", "", ago(inbox.last_received_seconds_ago))
    for name, words, bad in _upstream(found.upstream):
        standing.add_row(f"[red]{name}[/red]" if bad else name, "", Text(words))
    for channel in found.notifications:
        if channel.failing:
            words = f"{channel.name} does not get through: {channel.failing}"
            standing.add_row("[red]notifications[/red]", "", Text(words))
    for name, words in _rules(found.rules):
        standing.add_row(name, "", Text(words))
    return [standing, *_processes(found.daemons), *_sites(found.sites), *_sweeps(found.sweeps)]


def _rules(found: RuleStatus) -> Iterator[tuple[str, str]]:
    """What is to be said of the rules: a heading and the words."""
    for mistake in found.mistakes:
        yield "[red]rules[/red]", f"the last good ones are in force: {mistake}"
    if found.waiting:
        yield "[yellow]rules[/yellow]", found.waiting


def _pauses(found: Sequence[PauseView]) -> Iterator[tuple[str, str]]:
    """What waits for each pause, or is left of it, and the words for that."""
    from sync.operations.pauses import late_words

    for one in found:
        yield str(one.tickets), late_words(one, time.time()) if one.over else one.words


_KINDS = {"mark_upstream": "marks", "comment_upstream": "comments", "copy": "copies in Jira"}


def _upstream(found: UpstreamStatus) -> Iterator[tuple[str, str, bool]]:
    """Lines about what upstream was told: a heading, the words, and whether they are bad news. None
    where nothing is told."""

    from sync.operations.untold import notes

    def counted(numbers: Mapping[str, int]) -> str:
        return ", ".join(f"{words} {numbers[k]}" for k, words in _KINDS.items() if numbers.get(k))

    told, not_told = found.told_in_a_day, found.not_told_in_a_day
    if told or not_told or found.standing:
        last = found.last_told_seconds_ago
        words = "nothing in the last day" if last is None else f"last {ago(last)}; in a day: "
        yield "told upstream", words + counted(told), False
    if not_told:
        yield "not told", f"in a day: {counted(not_told)}", True
        for reason, count in found.not_told_because.items():
            yield "", f"{count} of them: {reason}", False
    for words in notes(found):
        yield "untold", words, True
    for source, how in found.standing.items():
        if how["trouble"]:
            yield "upstream down", f"{source}: {how['trouble']}", True
        for what, why in how["off"].items():
            yield "upstream", f"{source}: cannot {what}: {why}", True


def _sites(found: Sequence[SiteCounts]) -> list[RenderableType]:
    """A table of the Jira sites, if there are any."""
    from rich.table import Table

    from sync.cli.terminal import cell

    if not found:
        return []
    sites = Table(title="Jira sites", title_justify="left")
    for column in ("site", "tickets", "due", "held", "parked", "what stands in the way"):
        numeric = column not in ("site", "what stands in the way")
        sites.add_column(column, justify="right" if numeric else "left")
    for site in found:
        numbers = [str(one) for one in (site.tickets, site.due, site.held, site.parked)]
        sites.add_row(site.site, *numbers, cell(site.trouble or "nothing"))
    return [sites]
