"""``upstream``: what waits to be told upstream, and what becomes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.acts import note
from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store

if TYPE_CHECKING:
    from sync.domain.admission import Admission
    from sync.operations.untold import Untold
    from sync.store.engine import Session

app = typer.Typer(
    name="upstream",
    help="See which acts wait to be told upstream; have them told, or leave them untold.",
)

_RuleOption = Annotated[str, typer.Option("--rule", help="Only what waits of this rule.")]


@app.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    """Without a verb of its own: as ``show``."""
    if context.invoked_subcommand is None:
        show()


@app.command()
def show(
    config: ConfigOption = None, server: ServerOption = "", as_json: JsonOption = False
) -> None:
    """Show, rule by rule, which acts wait to be told upstream, and the tickets that are held.

    More acts within ten minutes than `large_upstream` allows wait for `upstream accept` or `upstream
    reject`. A ticket that Jira and upstream turned round and round is held until `retry`. Reads the
    store alone.

    Exit codes: 0 shown, 1 the store cannot be read, 2 it or the configuration cannot be used.

    Example:  ticket-sync upstream show
    """
    from dataclasses import asdict

    from sync.operations.untold import Untold, untold

    if server:
        data = Server(server).get("/upstream", Untold)
    else:
        with opened_store(config) as store, store.read() as session:
            data = untold(session)
    if as_json:
        typer.echo(json.dumps(asdict(data), indent=2))
        return
    for line in _lines(data):
        typer.echo(line)


@app.command()
def accept(
    rule: _RuleOption = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Have everything told that waits.

    Look at `ticket-sync upstream show` first. The daemon reads each ticket again and decides anew: what
    was taken back in the meantime is not told. What you accept is told whatever number it is, and does
    not count as told for the guard.

    Exit codes: 0 done, also where nothing waited, 1 the store cannot be written, 2 it or the
    configuration cannot be used.

    Example:  ticket-sync upstream accept
    """
    from sync.domain.admission import Admission

    _decide(Admission.ACCEPTED, rule, config, server, as_json=as_json)


@app.command()
def reject(
    rule: _RuleOption = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Leave untold everything that waits: both sides count as agreed as they stand.

    Acts from now on are told as usual.

    Exit codes: 0 done, also where nothing waited, 1 the store cannot be written, 2 it or the
    configuration cannot be used.

    Example:  ticket-sync upstream reject --rule "stale tables"
    """
    from sync.domain.admission import Admission

    _decide(Admission.REJECTED, rule, config, server, as_json=as_json)


def _decide(
    decision: Admission, rule: str, config: Path | None, server: str, *, as_json: bool
) -> None:
    from sync.operations.accounts import on_command_line
    from sync.operations.telling import Decided, decide

    if server:
        asked = {"decision": decision.value, "rule": rule}
        done = Server(server).post("/upstream/decide", Decided, asked)
    else:
        with opened_store(config) as store:
            done = decide(store, on_command_line(), decision, time.time(), rule=rule)
    if as_json:
        typer.echo(json.dumps({decision.value: {"tickets": done.tickets, "acts": done.acts}}))
    else:
        typer.echo(done.words)


@app.command()
def comments(
    ticket: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="A Jira key, our own key, or an issue's id."),
    ] = None,
    rule: Annotated[str, typer.Option("--rule", help="All tickets of this rule.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have comments told that are older than the telling: those from before the rule told anything.

    Only comments that the rule lets through are told, and each once. The guard counts them: beyond
    `large_upstream` they wait for `upstream accept`. A ticket that waits already, or is held, is left
    out.

    Exit codes: 0 done, 1 there is no such ticket, 2 usage, the store or the configuration.

    Example:  ticket-sync upstream comments DATA-123
    """
    from sync.store import admissions

    if (ticket is not None) + bool(rule) != 1:
        raise Problem("Name a ticket, or --rule NAME.", USAGE)
    with opened_store(config) as store:
        with store.read() as session:
            ids = [_found(session, ticket)] if ticket else admissions.ids_of_rule(session, rule)
        count = admissions.tell_older(store, ids, time.time())
        words = f"The older comments of {_tickets(count)} will be told, if the rule tells comments."
        note(store, "upstream comments", words, ticket or rule)
    left = len(ids) - count
    if as_json:
        typer.echo(json.dumps({"asked": count, "left_out": left}))
        return
    if count:
        typer.echo(words)
    if left or not count:
        why = "they wait, are held, or are not in Jira" if left else f"there are none{_of(rule)}"
        typer.echo(f"{_tickets(left)} left out: {why}." if left else f"No tickets: {why}.")


def _found(session: Session, name: str) -> int:
    from sync.operations.tickets import unknown
    from sync.store import tickets

    row = tickets.find(session, name)
    if row is None or row.id is None:
        raise Problem(str(unknown(session, name)))
    return row.id


def _lines(found: Untold) -> Iterator[str]:
    from sync.operations.untold import notes

    waiting = found.waiting
    for one in waiting.by_rule:
        yield f"Rule {one.rule!r}: {_acts(one.acts)} of {_tickets(one.tickets)}"
    for words in notes(found):
        yield f"{words}."
    if found.accepted:
        yield f"What waited on {_tickets(found.accepted)} is accepted, and will be told."
    if not (waiting.tickets or found.held or found.accepted):
        yield "Nothing waits to be told upstream, and no ticket is held."


def _acts(count: int) -> str:
    return "1 act" if count == 1 else f"{count} acts"


def _tickets(count: int) -> str:
    return "1 ticket" if count == 1 else f"{count} tickets"


def _of(rule: str) -> str:
    return f" of rule {rule!r}" if rule else ""
