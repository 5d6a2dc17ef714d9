"""``retry``: try parked tickets again, now."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store

if TYPE_CHECKING:
    from sync.operations.parked import Retried


def retry(
    ticket: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="A Jira key, our own key, or an issue's id."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every parked ticket.")] = False,
    rule: Annotated[str, typer.Option("--rule", help="The parked tickets of this rule.")] = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Have parked tickets tried again at once, or spread over some time if there are many.

    The daemon does the work; a ticket stays parked until its try has succeeded. A single ticket that is
    not parked is read in Jira and brought to where its rule wants it. If it is held, because Jira and
    upstream turned each other round and round, the hold ends, and both sides count as agreed as they
    stand.

    Exit codes: 0 done, 1 there is no such ticket, 2 usage, the store or the configuration.

    Example:  ticket-sync retry DATA-123
    """
    if sum((ticket is not None, everything, bool(rule))) != 1:
        raise Problem("Name one thing to retry: a ticket, --rule NAME, or --all.", USAGE)
    done = _by_server(server, ticket, rule) if server else _by_store(config, ticket, rule)
    typer.echo(json.dumps({"retried": done.retried}) if as_json else done.words)


def _by_server(url: str, ticket: str | None, rule: str) -> Retried:
    from sync.operations.parked import Retried

    return Server(url).post("/retry", Retried, {"ticket": ticket or "", "rule": rule})


def _by_store(config: Path | None, ticket: str | None, rule: str) -> Retried:
    from sync.operations.accounts import on_command_line
    from sync.operations.parked import ParkedQuery, try_again, try_one_again

    with opened_store(config) as store:
        if ticket is not None:
            return try_one_again(store, on_command_line(), ticket, time.time())
        return try_again(store, on_command_line(), ParkedQuery(rule=rule), time.time())
