"""``dead``: deliveries that could not be read."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store

if TYPE_CHECKING:
    from sync.operations.deliveries import DeliveryLine, Replayed

app = typer.Typer(
    name="dead",
    help="Look at deliveries that could not be read, and read them again.",
    no_args_is_help=True,
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A delivery's id, or how it begins.")]


@app.command("list")
def listed(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many.")] = 100,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first: signed and accepted, but not readable.

    Exit codes: 0 shown, 1 the store cannot be read, 2 it or the configuration cannot be used.

    Example:  ticket-sync dead list --json | jq '.[].reason'
    """
    from sync.cli.deliveries import of_server
    from sync.operations.deliveries import DeliveryQuery, as_data
    from sync.store import deliveries

    if server:
        data = [_of_line(one) for one in of_server(Server(server), DeliveryQuery("dead"), limit)]
    else:
        with opened_store(config) as store, store.read() as session:
            data = [as_data(row) for row in deliveries.dead(session, limit)]
    if as_json:
        typer.echo(json.dumps(data, indent=2))
    elif not data:
        typer.echo("There are no dead letters.")
    else:
        _print(data)


def _of_line(one: DeliveryLine) -> dict[str, Any]:
    """A delivery of the API in the form of ``as_data``."""
    return {
        "id": one.id,
        "source": one.source,
        "received": one.received,
        "event_id": one.event_id,
        "event_type": one.event_type,
        "state": "triaged" if one.outcome == "read" else one.outcome,
        "reason": one.words,
        "bytes": one.bytes,
    }


@app.command()
def show(
    id_: IdArgument,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show one delivery, dead or not: what became of it, and its body.

    In the body "***" stands for addresses, because those of callbacks are secret.

    Exit codes: 0 shown, 1 there is no such delivery, 2 the store or configuration cannot be used.

    Example:  ticket-sync dead show 7f3c
    """
    from sync.adapters.coalesce import without_addresses
    from sync.operations.deliveries import DeliveryView, as_data, indented, named

    if server:
        view = Server(server).get(f"/deliveries/{quote(id_, safe='')}", DeliveryView)
        data, body = _of_line(view.delivery), view.body
    else:
        with opened_store(config) as store, store.read() as session:
            row = named(session, id_)
        data, body = as_data(row), without_addresses(row.body)
    if as_json:
        typer.echo(json.dumps({**data, "body": body}, indent=2))
        return
    from sync.domain.text import harmless

    typer.echo(f"delivery  {data['id']}")
    typer.echo(f"received  {_at(data)} UTC from {harmless(data['source'])}")
    typer.echo(f"type      {harmless(data['event_type']) or 'not readable'}")
    typer.echo(f"state     {data['state']}: {harmless(data['reason']) or 'waits to be read'}")
    typer.echo(f"body      {data['bytes']} bytes\n")
    typer.echo(harmless(indented(body)))


def _at(data: Mapping[str, Any]) -> str:
    """When a delivery was received, for people."""
    return str(data["received"] or "")[:19].replace("T", " ")


@app.command()
def replay(
    id_: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A delivery's id, or how it begins.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Have deliveries read again, for example after an upgrade that can read them.

    The daemon reads them. Replaying a delivery that was read before is harmless: the newest state wins.

    Exit codes: 0 done, 1 there is no such delivery, 2 usage, the store or the configuration.

    Example:  ticket-sync dead replay --all
    """
    if (id_ is None) != everything:
        raise Problem("Name one delivery, or --all.", USAGE)
    done = _by_server(server, id_) if server else _by_store(config, id_)
    typer.echo(json.dumps({"replayed": done.replayed}) if as_json else done.words)


def _by_server(url: str, id_: str | None) -> Replayed:
    from sync.operations.deliveries import Replayed

    return Server(url).post("/replay", Replayed, {"delivery": id_ or ""})


def _by_store(config: Path | None, id_: str | None) -> Replayed:
    from sync.operations.accounts import on_command_line
    from sync.operations.deliveries import replay_dead, replay_one

    with opened_store(config) as store:
        if id_ is None:
            return replay_dead(store, on_command_line(), time.time())
        return replay_one(store, on_command_line(), id_, time.time())


def _print(found: list[dict[str, Any]]) -> None:
    from sync.cli.terminal import cell, console, table

    count = "1 dead letter" if len(found) == 1 else f"{len(found)} dead letters"
    shown = table(count, "id", "received (UTC)", "type", "bytes", "why it could not be read")
    for one in found:
        shown.add_row(
            cell(one["id"][:13], "bold"),
            cell(_at(one)),
            cell(one["event_type"] or "?"),
            cell(one["bytes"]),
            cell(one["reason"]),
        )
    console().print(shown)
    typer.echo(
        "`ticket-sync dead show ID` shows a body; `dead replay ID` or `--all` reads it again."
    )
