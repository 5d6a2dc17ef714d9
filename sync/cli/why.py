"""``why``: the story of a ticket."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import Problem
from sync.cli.store import opened_store
from sync.domain.text import harmless, one_line

if TYPE_CHECKING:
    from sync.store.engine import Store
    from sync.store.tables import TicketRow
    from sync.worker.foresight.why import FieldStory, Story


def why(
    name: Annotated[
        str, typer.Argument(metavar="KEY|ISSUE_ID", help="A Jira key, or an issue's id.")
    ],
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Jira how the ticket stands now.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a ticket's story in time order: deliveries, decisions with their reasons, calls, results.

    Ends with who last wrote each field. To find that out, the ticket is read in Jira, if Jira can be
    reached.

    Exit codes: 0 shown, 1 nothing is known of that name, 2 the store or configuration cannot be used.

    Example:  ticket-sync why DATA-123
    """
    from sync.worker.foresight.why import story_of

    with opened_store(config) as store:
        with store.read() as session:
            story = story_of(session, name)
        if story is None:
            raise Problem(
                f"Nothing is known of {name!r}. Name a ticket by its Jira key or an issue or incident "
                "by its id. Its delivery may still wait (`ticket-sync status`) or be dead "
                "(`ticket-sync dead list`)."
            )
        fields, unasked = _fields(config, store, story, offline)
    if as_json:
        typer.echo(json.dumps(_as_data(story, fields, unasked), indent=2, default=str))
    else:
        _print(story, fields, unasked)


def _fields(
    config: Path | None, store: Store, story: Story, offline: bool
) -> tuple[list[FieldStory], str]:
    """Who wrote each field, and why Jira was not asked ("" if it was)."""
    from sync.bootstrap.adapters import trackers_of
    from sync.bootstrap.rules import working_rules
    from sync.domain.errors import Fault
    from sync.ports import SystemClock
    from sync.rules import RuleErrors
    from sync.settings import SettingsError, load
    from sync.worker.foresight.why import authors, shown_now
    from sync.worker.walk.facts import gather

    ticket = story.ticket
    if ticket is None or not ticket.jira_id:
        return authors(story.base), "there is no ticket in Jira"
    if offline:
        return authors(story.base), "--offline"
    try:
        settings = load(config)
        tracker = trackers_of(settings, SystemClock()).get(ticket.site)
        if tracker is None:
            return authors(story.base), f"the site {ticket.site!r} is not configured"
        with store.read() as session:
            facts = gather(session, ticket)
        rules, remark = working_rules(settings, store)
        if remark:
            typer.echo(remark, err=True)
        observed, names = shown_now(facts, rules, tracker, time.time())
    except (SettingsError, RuleErrors, Fault) as error:
        return authors(story.base), str(error).splitlines()[0]
    return authors(story.base, observed, names), ""


def _as_data(story: Story, fields: list[FieldStory], unasked: str) -> dict[str, Any]:
    from sync.cli.terminal import stamp

    ticket = story.ticket
    return {
        "ticket": {
            "jira_key": ticket.jira_key,
            "key": ticket.key,
            "site": ticket.site,
            "rule": ticket.rule,
            "state": ticket.state,
            "due": stamp(ticket.due_at),
            "parked": ticket.parked,
        }
        if ticket
        else None,
        "subjects": [
            {"ref": str(s.ref), "status": s.status.value, "title": s.payload.get("title", "")}
            for s in story.snapshots
        ],
        "story": [{**asdict(line), "at": stamp(line.at)} for line in story.lines],
        "fields": [asdict(field) for field in fields],
        "jira_not_asked": unasked,
    }


def _print(story: Story, fields: list[FieldStory], unasked: str) -> None:
    from sync.cli.terminal import cell, console, moment, table

    _print_standing(story.ticket)
    for snapshot in story.snapshots:
        title = harmless(snapshot.payload.get("title", ""))
        typer.echo(f"  {snapshot.ref} is {snapshot.status.value}: {title}")
    shown = table("What happened", "when (UTC)", "what", "result", "in words")
    for line in story.lines:
        rule = f"  [{line.rule}]" if line.rule else ""
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
    for field in fields:
        shown.add_row(cell(field.name), cell(field.by), cell(_short(field.value)))
    out.print(shown)
    if unasked:
        typer.echo(f"Jira was not asked: {harmless(unasked)}")


def _print_standing(ticket: TicketRow | None) -> None:
    from sync.cli.terminal import moment

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
    else:
        typer.echo("settled: it is as its rule wants it")
    for one in (ticket.parked or {}).get("fields", {}).values():
        typer.echo(f"FIELD PARKED: {harmless(one.get('words', ''))}")


def _short(value: Any, limit: int = 160) -> str:
    text = " ¶ ".join(map(str, value)) if isinstance(value, list) else str(value)
    return one_line(text, limit)
