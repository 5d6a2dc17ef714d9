"""``why``: the story of a ticket."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import Problem
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store
from sync.domain.text import harmless, one_line

if TYPE_CHECKING:
    from sync.domain.ticket import Draft, Observed
    from sync.operations.ticket import InJira, TicketView
    from sync.rules import Rule, RuleSet
    from sync.settings import Settings
    from sync.store.engine import Store
    from sync.store.tables import TicketRow
    from sync.worker.foresight.why import FieldStory, Story
    from sync.worker.walk.facts import Facts


def why(
    name: Annotated[
        str, typer.Argument(metavar="KEY|ISSUE_ID", help="A Jira key, or an issue's id.")
    ],
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Jira how the ticket stands now.")
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a ticket's story in time order: deliveries, decisions with their reasons, calls, results.

    Where its rule tells upstream what people do in Jira, both sides are on one time line, with who did
    what; what was not told has the reason, and the line of the rule that says so. Ends with who last
    wrote each field. For that and for what people did in Jira, the ticket is read there, if Jira can be
    reached.

    Exit codes: 0 shown, 1 nothing is known of that name, 2 the store or configuration cannot be used.

    Example:  ticket-sync why DATA-123
    """
    if server:
        _by_server(Server(server), name, offline=offline, as_json=as_json)
        return
    from sync.bootstrap.adapters import sources_of
    from sync.operations.pauses import why_waits
    from sync.operations.recorded import recorded_for
    from sync.operations.ticket import as_data
    from sync.operations.tickets import said_of_epic
    from sync.settings import Secrets, load
    from sync.store.database_clock import ask_time
    from sync.worker.foresight.why import authors, story_of, with_jira

    with opened_store(config) as store:
        sources = sources_of(load(config, secrets=Secrets.UNNEEDED))
        now = ask_time(store)
        with store.read() as session:
            story = story_of(session, name, sources)
            waits = why_waits(session, story.ticket, now) if story and story.ticket else ""
            epic = said_of_epic(session, name) if story is None else ""
        ahead = recorded_for(store, name) if story is None else []
        if story is None and ahead:
            raise Problem(f"Nothing was heard of it yet. {ahead[0].sentence}.")
        if epic:
            raise Problem(epic)
        if story is None:
            raise Problem(
                f"Nothing is known of {name!r}. Name a ticket by its Jira key or an issue or incident "
                "by its id. Its delivery may still wait (`ticket-sync status`) or be dead "
                "(`ticket-sync dead list`)."
            )
        seen = _looked(config, store, story, offline)
    fields = authors(story.base, seen.observed, seen.names)
    story = with_jira(story, seen.observed, seen.rule)
    if as_json:
        data = as_data(story, fields, seen.unasked, waits)
        typer.echo(json.dumps(data, indent=2, default=str))
    else:
        _print(story, fields, seen.unasked, waits)


def _by_server(server: Server, name: str, *, offline: bool, as_json: bool) -> None:
    """The same from a running daemon: its document with --json."""
    from dataclasses import asdict
    from urllib.parse import quote

    from sync.operations.ticket import InJira, TicketView

    view = server.get(f"/tickets/{quote(name, safe='')}", TicketView)
    shown = None if offline else server.get(f"/tickets/{view.id}/jira", InJira)
    if as_json:
        found = {**asdict(view), **({"in_jira": asdict(shown)} if shown else {})}
        typer.echo(json.dumps(found, indent=2))
        return
    _print_view(view, shown)


def _print_view(view: TicketView, shown: InJira | None) -> None:
    from sync.cli.terminal import cell, console, table
    from sync.domain.times import moment

    typer.echo(harmless(f"{view.sentence}  (site {view.site}, rule {view.rule!r})"))
    for words in filter(None, (view.waits, view.reason, view.remedy, view.untold)):
        typer.echo(harmless(words))
    for subject in view.subjects:
        _print_subject(subject.ref, subject.status, subject.title, subject.placed)
    lines = table("What happened", "when (UTC)", "who", "what", "result", "in words")
    for line in reversed(shown.story if shown else view.story):
        texts = (moment(line.at), line.actor, line.what, line.result, line.words)
        lines.add_row(*(cell(text) for text in texts))
    fields = table("Who last wrote each field", "field", "by", "value")
    for one in shown.fields if shown else view.fields:
        fields.add_row(cell(one.name), cell(one.by), cell(one.shown if one.known else one.sent))
    for part in (lines, fields):
        console().print(part)
    if shown is not None and shown.unasked:
        typer.echo(f"Jira was not asked: {harmless(shown.unasked)}")


@dataclass(frozen=True)
class _Seen:
    """The ticket as Jira shows it, the names of its fields by id, the rule that keeps it, and why Jira
    was not asked ("" if it was)."""

    observed: Observed | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    rule: Rule | None = None
    unasked: str = ""


def _looked(config: Path | None, store: Store, story: Story, offline: bool) -> _Seen:
    """What Jira shows of a ticket, as far as it is asked."""
    from sync.bootstrap.rules import working_rules
    from sync.domain.errors import Fault
    from sync.rules import RuleErrors
    from sync.settings import Secrets, SettingsError, load
    from sync.worker.foresight.why import rule_of
    from sync.worker.walk.facts import gather

    ticket = story.ticket
    if ticket is None or not ticket.jira_id:
        return _Seen(unasked="there is no ticket in Jira")
    rule = None
    try:
        settings = load(config, secrets=Secrets.UNNEEDED if offline else Secrets.NEEDED)
        with store.read() as session:
            facts = gather(session, ticket)
        rules, remark = working_rules(settings, store)
        rule = rule_of(facts, rules)
        if offline:
            return _Seen(rule=rule, unasked="--offline")
        if remark:
            typer.echo(remark, err=True)
        observed, draft = _asked(settings, store, facts, rules)
    except (SettingsError, RuleErrors, Fault) as error:
        why = "--offline" if offline else str(error).splitlines()[0]
        return _Seen(rule=rule, unasked=why)
    names = {one.id: one.name for one in draft.fields.values()} if draft else {}
    return _Seen(observed, names, rule)


def _asked(
    settings: Settings, store: Store, facts: Facts, rules: RuleSet
) -> tuple[Observed, Draft | None]:
    """As ``shown_now``."""
    from sync.bootstrap.adapters import trackers_of
    from sync.bootstrap.pauses import rest
    from sync.domain.errors import Missing
    from sync.ports import SystemClock
    from sync.worker.foresight.why import shown_now

    trackers = trackers_of(settings, SystemClock())
    rest(store, trackers)
    tracker = trackers.get(facts.site)
    if tracker is None:
        raise Missing(f"the site {facts.site!r} is not configured")
    return shown_now(facts, rules, tracker, time.time())


def _print(story: Story, fields: list[FieldStory], unasked: str, waits: str) -> None:
    from sync.cli.terminal import cell, console, table
    from sync.domain.times import moment

    _print_standing(story.ticket, story.into)
    if waits:
        typer.echo(harmless(waits))
    for snapshot in story.snapshots:
        ref, title = str(snapshot.ref), snapshot.payload.get("title", "")
        _print_subject(ref, snapshot.status.value, title, str(story.placed.get(ref, "")))
        if snapshot.impact is not None:
            typer.echo(harmless(f"  It {snapshot.impact.words}."))
    shown = table("What happened", "when (UTC)", "what", "result", "in words")
    for line in story.lines:
        about = line.where or line.rule
        rule = f"  [{about}]" if about else ""
        shown.add_row(
            cell(moment(line.at)),
            cell(line.what, "bold"),
            cell(line.result, "red" if line.result in ("parked", "error", "dead") else ""),
            cell(line.words + rule),
        )
    out = console()
    out.print(shown)
    if not fields:
        return
    shown = table("Who last wrote each field", "field", "by", "value")
    for one in fields:
        shown.add_row(cell(one.name), cell(one.by), cell(_short(one.value)))
    out.print(shown)
    if unasked:
        typer.echo(f"Jira was not asked: {harmless(unasked)}")


def _print_subject(ref: str, status: str, title: object, placed: str) -> None:
    by_hand = f" ({placed})" if placed else ""
    typer.echo(harmless(f"  {ref} is {status}: {title}{by_hand}"))


def _print_standing(ticket: TicketRow | None, into: str) -> None:
    from sync.domain.times import moment
    from sync.operations.untold import why_untold

    if ticket is None:
        typer.echo("There is no ticket for it.")
        return
    where = ticket.jira_key or "not made in Jira"
    typer.echo(f"{harmless(where)}  ({ticket.state}, site {ticket.site}, rule {ticket.rule!r})")
    if ticket.parked_at is not None and ticket.parked:
        typer.echo(f"PARKED: {harmless(ticket.parked.get('words', ticket.error))}")
    elif ticket.due_at is not None:
        typer.echo(f"due {moment(ticket.due_at)} UTC: {ticket.due_reason}".rstrip(": "))
        if ticket.error:
            typer.echo(f"the last try: {harmless(ticket.error)}")
    elif ticket.merged is not None:
        typer.echo(harmless(f"merged into {into} by {ticket.merged['by']}"))
    else:
        typer.echo("settled: it is as its rule wants it")
    if untold := why_untold(ticket):
        typer.echo(f"NOT TOLD: {untold}")
    for one in (ticket.parked or {}).get("fields", {}).values():
        typer.echo(f"FIELD PARKED: {harmless(one.get('words', ''))}")


def _short(value: Any, limit: int = 160) -> str:
    text = " ¶ ".join(map(str, value)) if isinstance(value, list) else str(value)
    return one_line(text, limit)
