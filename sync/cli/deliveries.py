"""``deliveries``: whether they came, and what became of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sync.operations.deliveries import DeliveryLine, DeliveryQuery


def deliveries(  # noqa: PLR0913  (each is an option of the verb)
    outcome: Annotated[
        str, typer.Option("--outcome", help="Only those that are read, dead or waiting.")
    ] = "",
    kind: Annotated[
        str, typer.Option("--type", help="Only those of this type, such as issue_created.")
    ] = "",
    subject: Annotated[
        str,
        typer.Option("--subject", metavar="ID", help="Only those about this issue or incident."),
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many.")] = 50,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show which deliveries came, newest first, and what became of each.

    `ticket-sync dead show ID` shows the body of any of them, `ticket-sync preview --delivery ID` what it
    would make by the rules on disk.

    Exit codes: 0 shown, 1 the store cannot be read, 2 usage, the store or the configuration.

    Example:  ticket-sync deliveries --subject 7d1c
    """
    from sync.operations.deliveries import DeliveryQuery

    query = DeliveryQuery(outcome, kind, subject)
    found = of_server(Server(server), query, limit) if server else _of_store(config, query, limit)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        _print(found, query)


def _of_store(config: Path | None, query: DeliveryQuery, limit: int) -> Sequence[DeliveryLine]:
    from sync.operations.deliveries import deliveries_of

    with opened_store(config) as store:
        return deliveries_of(store, query, limit).deliveries


def of_server(server: Server, query: DeliveryQuery, limit: int) -> Sequence[DeliveryLine]:
    """The newest ``limit`` deliveries that fit, asked of a daemon page by page. Raises Problem."""
    from sync.operations.deliveries import DeliveryList

    found: list[DeliveryLine] = []
    after = 0
    while len(found) < limit:
        page = server.get("/deliveries", DeliveryList, **query.filters, after=after)
        found += page.deliveries
        after = page.after
        if not after:
            break
    return found[:limit]


def _print(found: Sequence[DeliveryLine], query: DeliveryQuery) -> None:
    from sync.cli.terminal import cell, console, table

    if not found:
        typer.echo("No delivery fits." if query.filters else "No delivery has come yet.")
        return
    shown = table("", "id", "received (UTC)", "type", "outcome", "what became of it")
    for one in found:
        shown.add_row(
            cell(one.id[:13], "bold"),
            cell((one.received or "")[:19].replace("T", " ")),
            cell(one.event_type or "?"),
            cell(one.outcome),
            cell(one.words),
        )
    console().print(shown)
