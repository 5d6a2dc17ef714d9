"""``parked``: the tickets that were set aside, and why."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store

if TYPE_CHECKING:
    from sync.store.tables import TicketRow


def parked(
    rule: Annotated[str, typer.Option("--rule", help="Only tickets of this rule.")] = "",
    site: Annotated[str, typer.Option("--site", help="Only tickets of this Jira site.")] = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show every ticket and field that was set aside: why, which rule and line, and what to do.

    Reads the store alone. The daemon tries parked tickets again by itself, less and less often, and at
    once after an edit of their rule; `ticket-sync retry` has them tried now. A parked field holds up
    nothing else of its ticket; it is tried again once its value or what Jira says of it is another.

    Exit codes: 0 shown, 1 the store cannot be read, 2 it or the configuration cannot be used.

    Example:  ticket-sync parked --rule "stale tables"
    """
    if server:
        _by_server(Server(server), rule, site, as_json=as_json)
        return
    from sync.store import parking

    with opened_store(config) as store, store.read() as session:
        rows = parking.parked(session, rule=rule, site=site)
    if as_json:
        typer.echo(json.dumps([as_data(row) for row in rows], indent=2))
    elif not rows:
        typer.echo("Nothing is parked.")
    else:
        _print(rows)


def _by_server(server: Server, rule: str, site: str, *, as_json: bool) -> None:
    """The groups from a running daemon: its document with --json."""
    from dataclasses import asdict

    from sync.cli.terminal import cell, console, table
    from sync.domain.times import ago
    from sync.operations.parked import Parked, sentence

    found = server.get("/parked", Parked, rule=rule, site=site)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    if not found.groups:
        typer.echo("Nothing is parked.")
        return
    now = time.time()
    columns = ("tickets", "since", "reason", "rule", "what to do")
    shown = table(sentence(found), *columns, lines=True)
    for one in found.groups:
        more = f" and {one.count - len(one.tickets)} more" if one.count > len(one.tickets) else ""
        shown.add_row(
            cell(", ".join(ticket.name for ticket in one.tickets) + more, "bold"),
            cell(ago(now - (one.since or now))),
            cell(one.reason),
            cell("\n".join(filter(None, (one.rule, one.where, one.key)))),
            cell(one.remedy or "Mend what the reason names."),
        )
    console().print(shown)


def as_data(row: TicketRow) -> dict[str, Any]:
    """One parked ticket for machines. Times are ISO 8601."""
    from sync.domain.times import stamp
    from sync.store.parking import reason

    why = (row.parked or {}) if row.parked_at is not None else {}
    return {
        "ticket": row.jira_key or None,
        "key": row.key,
        "site": row.site,
        "project": row.project or None,
        "since": stamp(row.parked_at),
        "next_try": stamp(row.due_at),
        "attempts": row.attempts,
        **{name: why.get(name, "") for name in ("remedy", "cause", "field", "value")},
        "reason": reason(row, why) if why else "",
        "rule": why.get("rule") or row.rule,
        "rule_key": why.get("key", ""),
        "where": why.get("where", ""),
        "fields": [
            {
                "id": id_,
                "since": stamp(one.get("since")),
                **{
                    name: one.get(name, "")
                    for name in ("field", "value", "reason", "remedy", "cause")
                },
                **{name: one.get(name, "") for name in ("rule", "where")},
                "rule_key": one.get("key", ""),
            }
            for id_, one in _fields(row).items()
        ],
    }


def _fields(row: TicketRow) -> dict[str, Any]:
    """The parked fields of a ticket, by id."""
    return dict((row.parked or {}).get("fields", {}))


def _print(rows: list[TicketRow]) -> None:
    from sync.cli.terminal import cell, console, table
    from sync.domain.times import ago
    from sync.operations.parked import said_of, several
    from sync.store.parking import grouped

    now = time.time()
    shown = table(_counted(rows), "tickets", "since", "reason", "rule", "what to do", lines=True)
    for group in grouped(rows):
        why, first = group.why, group.rows[0]
        place = filter(None, (why.get("rule") or first.rule, why.get("where"), why.get("key")))
        shown.add_row(
            cell(several([row.jira_key or row.key for row in group.rows]), "bold"),
            cell(ago(now - (why.get("since") or now))),
            cell(said_of(group)),
            cell("\n".join(map(str, place))),
            cell(why.get("remedy") or "Mend what the reason names."),
        )
    console().print(shown)
    typer.echo("Once mended: `ticket-sync retry TICKET`, `--rule NAME` or `--all`.")


def _counted(rows: list[TicketRow]) -> str:
    parked = sum(row.parked_at is not None for row in rows)
    fields = sum(len(_fields(row)) for row in rows)
    count = "1 ticket is parked" if parked == 1 else f"{parked} tickets are parked"
    if not fields:
        return count
    return f"{count}, and {fields} {'field' if fields == 1 else 'fields'} by themselves"
