"""``list``: which tickets are like this."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store

if TYPE_CHECKING:
    from rich.table import Table

    from sync.operations.tickets import TicketLine, TicketQuery
    from sync.store.engine import Store

WATCH_SECONDS = 2.0


def list_tickets(  # noqa: PLR0913  (each is an option of the verb)
    words: Annotated[
        str,
        typer.Argument(
            metavar="[WORDS]", help="A Jira key, an id, or a part of a title.", show_default=False
        ),
    ] = "",
    standing: Annotated[
        str,
        typer.Option(
            "--standing",
            help="Only tickets that are settled, due, held, parked, unsure, spared, gone, "
            "forgotten or unplaced.",
        ),
    ] = "",
    rule: Annotated[str, typer.Option("--rule", help="Only tickets of this rule.")] = "",
    project: Annotated[str, typer.Option("--project", help="Only tickets of this project.")] = "",
    site: Annotated[str, typer.Option("--site", help="Only tickets of this Jira site.")] = "",
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="AGE", help="Only those recorded before: 2d, 12h."),
    ] = "",
    newer_than: Annotated[
        str, typer.Option("--newer-than", metavar="AGE", help="Only those recorded since: 2d, 12h.")
    ] = "",
    oldest: Annotated[bool, typer.Option("--oldest", help="The oldest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many.")] = 50,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every 2 seconds, until Ctrl-C.")
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show which tickets are like this, newest first: by standing, rule, project, site, age, or words.

    The same search as on the page Tickets. `ticket-sync why TICKET` tells the story of each. With
    --watch and --json, a line is printed whenever something has changed.

    Exit codes: 0 shown, 1 the store cannot be read, 2 usage, the store or the configuration.

    Example:  ticket-sync list --standing due --older-than 1h
    """
    from sync.operations.tickets import TicketQuery

    order = "oldest" if oldest else "newest"
    query = TicketQuery(words, standing, rule, project, site, older_than, newer_than, order)
    opened: AbstractContextManager[Store | None]
    opened = nullcontext() if server else opened_store(config)
    with opened as store:
        look: Callable[[], Sequence[TicketLine]]
        if store is None:
            look = partial(of_server, Server(server), query, limit)
        else:
            look = partial(_of_store, store, query, limit)
        if watch:
            _watch(look, query, as_json=as_json)
        elif as_json:
            typer.echo(json.dumps([asdict(one) for one in look()], indent=2))
        else:
            _print(look(), query)


def _of_store(store: Store, query: TicketQuery, limit: int) -> Sequence[TicketLine]:
    from sync.operations.tickets import listed

    return listed(store, query, time.time(), limit=limit).tickets


def of_server(server: Server, query: TicketQuery, limit: int) -> Sequence[TicketLine]:
    """The first ``limit`` tickets that fit, asked of a daemon page by page. Raises Problem."""
    from sync.operations.tickets import TicketList

    found: list[TicketLine] = []
    while len(found) < limit:
        place = {"order": query.order, "after": str(query.after or "")}
        page = server.get("/tickets", TicketList, **query.filters, **place)
        found += page.tickets
        if page.after is None:
            break
        query = replace(query, after=page.after)
    return found[:limit]


def _watch(look: Callable[[], Sequence[TicketLine]], query: TicketQuery, *, as_json: bool) -> None:
    """Show what there is whenever that has changed, until Ctrl-C."""
    from sync.cli.terminal import console

    screen, shown = console(), None
    try:
        while True:
            found = look()
            if found != shown:
                if as_json:
                    typer.echo(json.dumps([asdict(one) for one in found], separators=(",", ":")))
                else:
                    # Nothing where this is no terminal.
                    screen.clear()
                    _print(found, query)
                shown = found
            _pause(WATCH_SECONDS)
    except KeyboardInterrupt:
        return


_pause = time.sleep


def _print(found: Sequence[TicketLine], query: TicketQuery) -> None:
    from sync.cli.terminal import console

    if not found:
        typer.echo("No ticket fits." if query.filters else "There are no tickets yet.")
        return
    console().print(_pictured(found))


def _pictured(found: Sequence[TicketLine]) -> Table:
    from sync.cli.terminal import cell, table
    from sync.domain.times import lasting

    styles = {"bad": "red", "busy": "yellow", "wait": "yellow"}
    now = time.time()
    shown = table("", "ticket", "standing", "age", "rule", "project", "title", "why")
    for one in found:
        shown.add_row(
            cell(one.name, "bold"),
            cell(one.standing, styles.get(one.token, "")),
            cell(lasting(max(0.0, now - one.recorded_at))),
            cell(one.rule),
            cell(f"{one.project or '–'} ({one.site})"),
            cell(one.title),
            cell(one.reason),
        )
    return shown
