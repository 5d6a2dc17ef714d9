"""``rules history``, ``diff``, ``take-back``, ``pause``, ``go-on``: the rules as they were and are."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store
from sync.domain.text import harmless

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sync.operations.acts import Done
    from sync.operations.rules.editing import Editing
    from sync.operations.rules.history import History
    from sync.store.engine import Store
    from sync.worker.rulebook.files import RuleFiles


def take_back(
    config: ConfigOption = None, server: ServerOption = "", as_json: JsonOption = False
) -> None:
    """Let the rule files say again what is in force.

    An edit that waits, or that has mistakes, is taken back: its files are written as they were before.
    What the edit said is kept among the versions of `rules history`.

    Exit codes: 0 taken back, 1 somebody else changed a file at the same moment, 2 the files say what is
    in force or cannot be written; usage, the store or the configuration.

    Example:  ticket-sync rules take-back
    """
    from sync.operations.rules.save import take_back as back

    _done("/rules/take-back", back, config, server, as_json=as_json)


def pause(
    config: ConfigOption = None, server: ServerOption = "", as_json: JsonOption = False
) -> None:
    """Let the tickets wait that the last edit of the rules has not reached yet.

    What happens to one of them meanwhile is followed at once, by the new rules. `rules go-on` ends it.

    Exit codes: 0 paused, 1 the store cannot be written, 2 no ticket waits; usage or the configuration.

    Example:  ticket-sync rules pause
    """
    from sync.operations.rules.progress import pause as let_wait

    _done("/rules/pause", let_wait, config, server, as_json=as_json)


def go_on(
    config: ConfigOption = None, server: ServerOption = "", as_json: JsonOption = False
) -> None:
    """Let an edit of the rules go on that was paused.

    Exit codes: 0 it goes on, 1 the store cannot be written, 2 none is paused; usage or the
    configuration.

    Example:  ticket-sync rules go-on
    """
    from sync.operations.rules.progress import go_on as follow

    _done("/rules/go-on", follow, config, server, as_json=as_json)


def _done(
    path: str, act: Callable[[Editing], Done], config: Path | None, server: str, *, as_json: bool
) -> None:
    """Do an act here or by a daemon, and say what was done."""
    from sync.bootstrap.rules import rule_files
    from sync.operations.acts import Done
    from sync.settings import Secrets, load

    if server:
        say(Server(server).post(path, Done), as_json=as_json)
        return
    files = rule_files(load(config, secrets=Secrets.UNNEEDED))
    with opened_store(config) as store:
        done = act(editing(store, files))
    say(done, as_json=as_json)


def history(
    after: Annotated[
        int, typer.Option("--after", metavar="VERSION", help="Versions older than this one.")
    ] = 0,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the rule sets that were in force, newest first: when, who, and what each did.

    Exit codes: 0 shown, 1 the store cannot be read, 2 usage or the configuration.

    Example:  ticket-sync rules history --json | jq '.versions[0]'
    """
    from sync.operations.rules.history import History
    from sync.operations.rules.history import history as versions

    if server:
        found = Server(server).get("/rules/history", History, after=after)
    else:
        with opened_store(config) as store:
            found = versions(store, after)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        _picture(found)


def _picture(found: History) -> None:
    from sync.cli.terminal import cell, console, table

    columns = ("version", "when (UTC)", "who", "how", "tickets", "files")
    shown = table("Versions of the rules, newest first", *columns)
    for one in found.versions:
        when = (one.at or "").replace("T", " ")[:19]
        number = f"{one.id}{' (in force)' if one.in_force else ''}"
        values = (number, when, one.account, one.how, one.words, ", ".join(one.files))
        shown.add_row(*map(cell, values))
    console().print(shown)
    if found.after:
        typer.echo(f"Older ones: --after {found.after}.")
    typer.echo(found.note)


def diff(
    old: Annotated[
        str, typer.Argument(metavar="[OLD]", help="A version, disk or in-force.")
    ] = "in-force",
    new: Annotated[str, typer.Argument(metavar="[NEW]", help="The same.")] = "disk",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show how rule files differ: those in force and those on disk, or two versions of `rules history`.

    The output is a patch that `git apply` takes in the folder of rules.

    Exit codes: 0 shown, 1 there is no such version, 2 usage, the store or the configuration.

    Example:  ticket-sync rules diff 12 in-force
    """
    from sync.bootstrap.rules import rule_files
    from sync.operations.rules.history import Difference, difference
    from sync.settings import Secrets, load

    if server:
        found = Server(server).get("/rules/diff", Difference, old=old, new=new)
    else:
        files = rule_files(load(config, secrets=Secrets.UNNEEDED))
        with opened_store(config) as store:
            found = difference(store, files, old, new)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        typer.echo(harmless(found.patch), nl=False)


def say(done: Done, *, as_json: bool) -> None:
    """Print what was done, as JSON or in words."""
    typer.echo(json.dumps(asdict(done), indent=2) if as_json else harmless(done.words))


def editing(store: Store, files: RuleFiles) -> Editing:
    """Whoever runs the verb, at work on the rule files."""
    from sync.operations.accounts import on_command_line
    from sync.operations.rules.editing import Editing

    return Editing(store, files, on_command_line(), time.time())
