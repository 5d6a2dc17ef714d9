"""``status``: where everything stands, read from the store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.store import opened_store
from sync.domain.times import ago

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text


# Parked tickets are grouped by cause. Only this many are read for that, the oldest ones.
PARKED_LOOKED_AT = 1000


def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what is due, held, parked and dead, the oldest of it, and each Jira site.

    Reads the store alone, so it works whether or not the daemon runs, and needs no secrets.

    Example:  ticket-sync status --json | jq .tickets.parked
    """
    with opened_store(config) as store:
        data = gathered(store, time.time())
    if as_json:
        typer.echo(json.dumps(data, indent=2))
        return
    from rich.console import Console

    console = Console()
    for part in pictured(data):
        console.print(part)


def gathered(store: Any, now: float) -> dict[str, Any]:
    """What status shows, as JSON-compatible data. Ages are in seconds, None where there is none."""
    from sync.cli.parked import said_of
    from sync.cli.upstream import gathered as untold
    from sync.store import counts, damage, deliveries, liveness, parking, rulebook, upstreams
    from sync.worker.rulebook.in_force import waiting_words

    def age(at: float | None) -> float | None:
        return None if at is None else round(max(0.0, now - at), 1)

    with store.read() as session:
        inbox, heads = deliveries.counts(session), deliveries.count_heads(session)
        found, sites = counts.in_all_and_by_site(session, now=now)
        edition, waiting = rulebook.in_force(session), rulebook.waiting(session)
        problem = rulebook.problem(session)
        groups = parking.grouped(parking.parked(session, limit=PARKED_LOOKED_AT))
        told = untold(session)
        lately, standings = upstreams.lately(session, now), upstreams.standings(session)
    return {
        "store": store.place,
        "damage": damage.known(store),
        "daemons": [
            {"name": name, "seen_seconds_ago": None if seen is None else round(seen, 1)}
            for name, seen in liveness.running(store).items()
        ],
        "tickets": {
            "due": found.due,
            "held": found.held,
            "parked": found.parked,
            "fields_parked": found.fields_parked,
            "unsure": found.unsure,
            "linked": found.linked,
            "spared": found.spared,
            "total": found.total,
            "oldest_due_seconds": age(found.oldest_due),
        },
        "parked_for": [
            {
                "tickets": len(group.rows),
                "reason": said_of(group),
                **{name: group.why.get(name, "") for name in ("rule", "where", "remedy")},
            }
            for group in groups
        ],
        "deliveries": {
            "waiting": inbox.waiting,
            "dead": inbox.dead,
            "heads": heads,
            "oldest_waiting_seconds": age(inbox.oldest_waiting),
            "last_received_seconds_ago": age(inbox.last_received),
        },
        "rules": {
            "digest": edition.digest if edition else None,
            "in_force_since_seconds": age(edition.at) if edition else None,
            "waiting": waiting_words(waiting) if waiting else "",
            "mistakes": list(problem.words) if problem else [],
        },
        "sites": [asdict(site) for site in sites],
        "upstream": {
            "told_in_a_day": lately.told,
            "not_told_in_a_day": lately.not_told,
            "not_told_because": lately.reasons,
            "last_told_seconds_ago": age(lately.last_told),
            "standing": standings,
            **told,
        },
    }


def _daemons(running: list[dict[str, Any]]) -> Text:
    from rich.text import Text

    if not running:
        return Text("none runs: nothing is received, and no ticket is worked on", style="red")

    def words(name: str, seen: float | None) -> str:
        return name if seen is None else f"{name}, last seen {ago(seen)}"

    return Text("; ".join(words(one["name"], one["seen_seconds_ago"]) for one in running))


def pictured(data: dict[str, Any]) -> list[RenderableType]:
    """The same for people."""
    from rich.table import Table
    from rich.text import Text

    from sync.cli.terminal import cell

    tickets, inbox = data["tickets"], data["deliveries"]
    standing = Table(title=cell(f"Store {data['store']}"), title_justify="left", show_header=False)
    standing.add_column(style="bold")
    standing.add_column(justify="right")
    standing.add_column()

    def row(name: str, number: int, words: str, bad: bool = False) -> None:
        standing.add_row(name, f"[red]{number}[/red]" if bad and number else str(number), words)

    daemons = data["daemons"]
    standing.add_row("daemons", str(len(daemons)), _daemons(daemons))
    if data["damage"]:
        standing.add_row("[red]damage[/red]", "", Text(data["damage"]))
    oldest = tickets["oldest_due_seconds"]
    row("due", tickets["due"], f"oldest since {ago(oldest)}" if oldest is not None else "")
    row("held", tickets["held"], "due later: on hold, or to be tried again")
    row("parked", tickets["parked"], "set aside; each has a reason and a remedy", bad=True)
    words = "tickets that are kept, save for a field that is set aside; see `parked`"
    row("fields", tickets["fields_parked"], words, bad=True)
    for group in data["parked_for"][:5]:
        place = f" (rule {group['rule']!r}, {group['where']})" if group["where"] else ""
        standing.add_row("", str(group["tickets"]), Text(f"{group['reason']}{place}"))
    row("unsure", tickets["unsure"], "being created; the outcome is not known yet")
    row("tickets", tickets["linked"], f"in Jira, of {tickets['total']} on record")
    row("spared", tickets["spared"], "never made: ended within their hold, or on another ticket")
    row("waiting", inbox["waiting"], "deliveries accepted and not yet read")
    row("dead", inbox["dead"], "deliveries that could not be read", bad=True)
    if heads := inbox["heads"]:
        row("", heads, "of them larger than max_body, and only their heads kept; see `dead list`")
    standing.add_row("last delivery", "", ago(inbox["last_received_seconds_ago"]))
    for name, words, bad in _upstream(data["upstream"]):
        standing.add_row(f"[red]{name}[/red]" if bad else name, "", Text(words))
    rules = data["rules"]
    for mistake in rules["mistakes"]:
        standing.add_row(
            "[red]rules[/red]", "", Text(f"the last good ones are in force: {mistake}")
        )
    if rules["waiting"]:
        standing.add_row("[yellow]rules[/yellow]", "", Text(rules["waiting"]))
    return [standing, *_sites(data["sites"])]


_KINDS = {"mark_upstream": "marks", "comment_upstream": "comments", "copy": "copies in Jira"}


def _upstream(data: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Lines about what upstream was told: a heading, the words, and whether they are bad news. None
    where nothing is told."""

    from sync.cli.upstream import notes as untold_notes

    def counted(numbers: dict[str, int]) -> str:
        return ", ".join(f"{words} {numbers[k]}" for k, words in _KINDS.items() if numbers.get(k))

    told, not_told = data["told_in_a_day"], data["not_told_in_a_day"]
    if told or not_told or data["standing"]:
        last = data["last_told_seconds_ago"]
        words = "nothing in the last day" if last is None else f"last {ago(last)}; in a day: "
        yield "told upstream", words + counted(told), False
    if not_told:
        yield "not told", f"in a day: {counted(not_told)}", True
        for reason, count in data["not_told_because"].items():
            yield "", f"{count} of them: {reason}", False
    for words in untold_notes(data):
        yield "untold", words, True
    for source, how in data["standing"].items():
        if how["trouble"]:
            yield "upstream down", f"{source}: {how['trouble']}", True
        for what, why in how["off"].items():
            yield "upstream", f"{source}: cannot {what}: {why}", True


def _sites(found: list[dict[str, Any]]) -> list[RenderableType]:
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
        numbers = [str(site[name]) for name in ("tickets", "due", "held", "parked")]
        sites.add_row(site["site"], *numbers, cell(site["trouble"] or "nothing"))
    return [sites]
