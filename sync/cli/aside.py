"""``set-aside`` and ``forget``: taking a ticket out of the daemon's hands."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store

if TYPE_CHECKING:
    from sync.operations.accounts import Account
    from sync.operations.acts import Done
    from sync.store.engine import Store

_Ticket = Annotated[
    str, typer.Argument(metavar="KEY", help="A Jira key, our own key, or an issue's id.")
]


def set_aside(
    ticket: _Ticket,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Have a ticket left alone for a while: nothing is written to it until `retry`.

    It is among the parked ones meanwhile. What is in hand at this moment is finished.

    Exit codes: 0 done, 1 there is no such ticket, 2 it is set aside already, the store or the
    configuration.

    Example:  ticket-sync set-aside DATA-123
    """
    from sync.operations import ticket_acts

    _print(_done("/set-aside", ticket_acts.set_aside, ticket, config, server), as_json)


def forget(
    ticket: Annotated[
        str,
        typer.Argument(
            metavar="TICKET|SUBJECT",
            help="A Jira key, our own key, or an issue's or incident's id.",
        ),
    ],
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="The reason, for the story.")
    ] = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Have a ticket followed no more: it stays in Jira as it is, and no second one is made.

    By the id of an issue or incident that shares its ticket with others, that one alone is forgotten:
    it leaves the ticket and gets no other. `retry` follows again.

    Exit codes: 0 done, 1 there is no such ticket, 2 it is forgotten already, the store or the
    configuration.

    Example:  ticket-sync forget DATA-123
    """
    from functools import partial

    from sync.operations import ticket_acts

    act = partial(ticket_acts.forget, why=why)
    _print(_done("/forget", act, ticket, config, server, {"why": why}), as_json)


def _done(
    path: str,
    act: Callable[[Store, Account, str, float], Done],
    ticket: str,
    config: Path | None,
    server: str,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Done:
    from sync.operations.accounts import on_command_line
    from sync.operations.acts import Done

    if server:
        return Server(server).post(path, Done, {"ticket": ticket, **more})
    with opened_store(config) as store:
        return act(store, on_command_line(), ticket, time.time())


def _print(done: Done, as_json: bool) -> None:
    typer.echo(json.dumps(asdict(done)) if as_json else done.words)
