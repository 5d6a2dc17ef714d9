"""``merge``, ``split`` and ``link``: a change of mind about which ticket subjects belong to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store

if TYPE_CHECKING:
    from sync.operations.acts import Done
    from sync.rules import RuleSet
    from sync.store.engine import Store
    from sync.worker.sweeps.groups import Parts

_Ticket = Annotated[
    str, typer.Argument(metavar="TICKET", help="A Jira key, our own key, or an issue's id.")
]
_Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the story.")]


def merge(  # noqa: PLR0913  (each is an option of the verb)
    ticket: _Ticket,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The ticket that takes them.")],
    why: _Why = "",
    leave: Annotated[
        bool, typer.Option("--leave", help="Leave the emptied ticket in Jira as it is.")
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put all issues and incidents of a ticket onto another ticket, which then follows them.

    The emptied ticket is linked with the other as a duplicate and closed as its rule closes tickets.
    It gets no issues again: what its group brings later goes to the other ticket, too. The words say
    how to undo it.

    Exit codes: 0 done, 1 there is no such ticket, 2 refused, the store or the configuration.

    Example:  ticket-sync merge DATA-123 DATA-77 --why "the same cause"
    """
    from sync.operations.accounts import on_command_line
    from sync.operations.ticket_moves import Merging
    from sync.operations.ticket_moves import merge as act

    wish = Merging(ticket, into, why, leave)
    if server:
        done = _by_server(server, "/merge", wish)
    else:
        with opened_store(config) as store:
            done = act(store, on_command_line(), wish, time.time())
    _print(done, as_json)


def split(  # noqa: PLR0913  (each is an option of the verb)
    ticket: _Ticket,
    subjects: Annotated[
        list[str], typer.Argument(metavar="SUBJECT…", help="The ids of issues or incidents.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="TICKET", help="Onto this ticket. [default: a new one]")
    ] = "",
    why: _Why = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take issues or incidents off a ticket: for a new ticket of their own, or for another one.

    No group takes them back, and whatever comes for them later follows them.

    Exit codes: 0 done, 1 there is no such ticket or subject, 2 refused, the store or the configuration.

    Example:  ticket-sync split DATA-77 1f0c7a52-0d5e-4a3c-9a51-5f0e3b0b7a10
    """
    from sync.operations.accounts import on_command_line
    from sync.operations.ticket_moves import Splitting
    from sync.operations.ticket_moves import split as act

    wish = Splitting(ticket, subjects, to, why)
    done = (
        _by_server(server, "/split", wish)
        if server
        else _stored(config, lambda s, rules: act(s, rules, on_command_line(), wish, time.time()))
    )
    _print(done, as_json)


def link(  # noqa: PLR0913  (each is an option of the verb)
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="An issue's or incident's id.")],
    ticket: Annotated[str, typer.Argument(metavar="KEY", help="The Jira key of the ticket.")],
    why: _Why = "",
    instead: Annotated[
        bool, typer.Option("--instead", help="Instead of the ticket that it has in Jira.")
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let a ticket that a person made in Jira be that of an issue or incident, instead of making one.

    What its fields say stays until something changes upstream, what is empty is filled, and its status
    follows at once. A ticket that was still to be made for the subject alone is not made.

    Exit codes: 0 done, 1 there is no such subject, 2 refused, the store or the configuration.

    Example:  ticket-sync link 1f0c7a52-0d5e-4a3c-9a51-5f0e3b0b7a10 OPS-17
    """
    from sync.operations.accounts import on_command_line
    from sync.operations.ticket_moves import Linking
    from sync.operations.ticket_moves import link as act

    wish = Linking(subject, ticket, why, instead)
    done = (
        _by_server(server, "/link", wish)
        if server
        else _asked(
            config,
            lambda p: act(p.store, (p.trackers, p.rules()), on_command_line(), wish, time.time()),
        )
    )
    _print(done, as_json)


def _stored(config: Path | None, act: Callable[[Store, RuleSet], Done]) -> Done:
    """An act that needs the store and the rules alone, and no secrets."""
    from sync.bootstrap.rules import working_rules
    from sync.bootstrap.stores import existing_store
    from sync.settings import Secrets, load

    settings = load(config, secrets=Secrets.UNNEEDED)
    store = existing_store(settings)
    try:
        rules, remark = working_rules(settings, store)
        if remark:
            typer.echo(remark, err=True)
        return act(store, rules)
    finally:
        store.close()


def _asked(config: Path | None, act: Callable[[Parts], Done]) -> Done:
    """An act for which Jira is asked."""
    from sync.bootstrap.sweeps import by_hand
    from sync.settings import load

    with by_hand(load(config)) as hands:
        if hands.remark:
            typer.echo(hands.remark, err=True)
        return act(hands.parts)


def _by_server(server: str, path: str, wish: Any) -> Done:
    from sync.operations.acts import Done

    return Server(server).post(path, Done, asdict(wish))


def _print(done: Done, as_json: bool) -> None:
    typer.echo(json.dumps(asdict(done)) if as_json else done.words)
