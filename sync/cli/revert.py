"""``rules revert``: the files as they were in a version, and the tickets as they were before an edit."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem
from sync.cli.rule_versions import editing, say
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store
from sync.domain.text import harmless

if TYPE_CHECKING:
    from pathlib import Path

    from sync.operations.acts import Done
    from sync.operations.rules.undo import Bounds, UndoPlan, UndoTicket
    from sync.settings import Settings
    from sync.worker.rulebook.files import RuleFiles


def revert(
    version: Annotated[
        int,
        typer.Argument(
            metavar="[VERSION]",
            min=0,
            show_default="the one before the one in force",
            help="As `rules history` numbers it.",
        ),
    ] = 0,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo", help="Also put back what the last edit changed in tickets; shows it first."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --undo: do it.")] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write the rule files as they were in an earlier version.

    The files come into force as after any edit: an edit that touches many tickets waits for `rules
    accept`. Open tickets are brought to what those rules ask. Comments that were made and tickets that
    were created stay.

    With --undo, each field and status that the last edit changed in tickets is put back to what it was
    before, where neither a person nor upstream has changed it since. Without --yes it is shown, ticket
    by ticket, and nothing is done: each of these tickets is read in Jira for that.

    Exit codes: 0 written or shown, 1 there is no such version, or somebody else was faster, 2 the files
    say that already or cannot be written; usage, the store or the configuration.

    Example:  ticket-sync rules revert --undo
    """
    from sync.operations.rules import save

    if undo:
        if version:
            raise Problem(
                "--undo is about the last edit, so it takes no version. Leave one of them out.",
                USAGE,
            )
        _undo(config, server, yes=yes, as_json=as_json)
        return
    if yes:
        raise Problem("--yes goes with --undo alone: without it nothing is asked.", USAGE)
    if server:
        say(_done(server, "/rules/revert", {"version": version}), as_json=as_json)
        return
    settings = _settings(config)
    files = _files(settings)
    with opened_store(config) as store:
        done = save.revert(editing(store, files), version)
    say(done, as_json=as_json)


def _undo(config: Path | None, server: str, *, yes: bool, as_json: bool) -> None:
    from sync.bootstrap.adapters import trackers_of
    from sync.bootstrap.pauses import rest
    from sync.operations.rules import undo
    from sync.ports import SystemClock
    from sync.settings import load

    if server and yes:
        say(_done(server, "/rules/undo", {}), as_json=as_json)
        return
    if server:
        _picture(Server(server).get("/rules/undo", undo.UndoPlan), as_json=as_json)
        return
    settings = load(config) if not yes else _settings(config)
    with opened_store(config) as store:
        at, bounds = editing(store, _files(settings)), _bounds(settings)
        if yes:
            done = undo.undo(at, bounds)
        else:
            trackers = trackers_of(settings, SystemClock())
            rest(at.store, trackers)
            found = undo.plan(at, trackers, bounds)
    if yes:
        say(done, as_json=as_json)
    else:
        _picture(found, as_json=as_json)


def _settings(config: Path | None) -> Settings:
    from sync.settings import Secrets, load

    return load(config, secrets=Secrets.UNNEEDED)


def _files(settings: Settings) -> RuleFiles:
    from sync.bootstrap.rules import rule_files

    return rule_files(settings)


def _bounds(settings: Settings) -> Bounds:
    from sync.operations.rules.undo import Bounds

    return Bounds(settings.retention.journal)


def _done(server: str, path: str, body: dict[str, int]) -> Done:
    from sync.operations.acts import Done

    return Server(server).post(path, Done, body)


def _picture(found: UndoPlan, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    when = (found.at or "").replace("T", " ")[:19]
    typer.echo(
        harmless(
            f"Undoing version {found.version} of the rules ({found.account}, {when} UTC): the files "
            f"would say again what they said in version {found.to}."
        )
    )
    for one in found.tickets:
        _ticket(one)
    typer.echo(harmless(found.words))
    for note in found.notes:
        typer.echo(harmless(note))
    typer.echo(
        harmless(found.why_not) if found.why_not else "Do it: ticket-sync rules revert --undo --yes"
    )


def _ticket(one: UndoTicket) -> None:
    typer.echo(harmless(f"{one.ticket or one.key}  {one.title}"))
    if one.trouble:
        typer.echo(harmless(f"  not known: {one.trouble}"))
    for part in one.parts:
        typer.echo(
            harmless(f"  {part.name}: {'put back: ' if part.verdict == 'back' else ''}{part.words}")
        )
