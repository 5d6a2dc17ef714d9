"""``pause`` and ``go-on``: leaving a rule, a project or a site alone until a time."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store
from sync.domain.text import harmless

if TYPE_CHECKING:
    from sync.operations.acts import Done
    from sync.operations.pauses import Known, Pauses, Pausing
    from sync.store.engine import Store

_SiteOption = Annotated[
    str, typer.Option("--site", help="The site of a project whose key several sites have.")
]


def pause(  # noqa: PLR0913  (each is an option of the verb)
    kind: Annotated[
        str, typer.Argument(metavar="rule|project|site", help="What to pause. None: show.")
    ] = "",
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A rule, the key of a project, or a site.")
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="TIME", help="18:00, 2026-12-01T08:00; UTC unless a zone is given."
        ),
    ] = "",
    lasts: Annotated[str, typer.Option("--for", metavar="SPAN", help="2h, 1d12h, 90m.")] = "",
    why: Annotated[str, typer.Option("--why", help="Others read it where tickets wait.")] = "",
    site: _SiteOption = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Leave a rule, a project or a whole site alone until a time; without arguments, show what is.

    Deliveries are accepted and read as always, and what happens meanwhile is done afterwards, once for
    each ticket. A site that is paused gets no call at all. Nothing has to be done at the end; `go-on`
    ends a pause before. All daemons keep to it within a second; a walk that is under way is finished,
    unless its site is paused.

    Exit codes: 0 done or shown, 1 there is no such rule, project or site, or the store cannot be used,
    2 usage or the configuration.

    Example:  ticket-sync pause rule "stale tables" --for 2h --why "tables are being moved"
    """
    if not kind:
        _show(_paused_now(config, server), as_json=as_json)
        return
    if not name or bool(until) == bool(lasts):
        raise Problem("Name what to pause, and either --until TIME or --for SPAN.", USAGE)
    if not why.strip():
        raise Problem(
            "Say with --why TEXT why it is paused: others read it where tickets wait.", USAGE
        )
    wish = {"kind": kind, "name": name, "site": site}
    end = until or _span(lasts)
    if server:
        from sync.operations.acts import Done

        done = Server(server).post("/pauses", Done, {**wish, "until": end, "why": why})
    else:
        from sync.operations.pauses import Wish
        from sync.operations.pauses import pause as let_wait

        with opened_store(config) as store:
            done = let_wait(_at(store), Wish(**wish), _known(config, store), end, why)
    _print(done, as_json=as_json)


def go_on(
    kind: Annotated[str, typer.Argument(metavar="rule|project|site", help="What is paused.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The rule, the key of the project, or the site.")
    ],
    site: _SiteOption = "",
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a pause before its time: what waited for it follows.

    Exit codes: 0 done, 1 nothing of that name is paused, or the store cannot be used, 2 usage or the
    configuration.

    Example:  ticket-sync go-on rule "stale tables"
    """
    wish = {"kind": kind, "name": name, "site": site}
    if server:
        from sync.operations.acts import Done

        done = Server(server).post("/pauses/go-on", Done, wish)
    else:
        from sync.operations.pauses import Wish
        from sync.operations.pauses import go_on as follow

        with opened_store(config) as store:
            done = follow(_at(store), Wish(**wish))
    _print(done, as_json=as_json)


def _span(text: str) -> str:
    from sync.domain.durations import seconds_in

    if seconds_in(text) is None:
        raise Problem(f"{text!r} is no span of time. Write 2h, 1d12h or 90m.", USAGE)
    return text


def _at(store: Store) -> Pausing:
    from sync.operations.accounts import on_command_line
    from sync.operations.pauses import Pausing
    from sync.store.database_clock import ask_time

    # Daemons compare the end with the database's clock, which may not be this machine's.
    return Pausing(store, on_command_line(), ask_time(store))


def _known(config: Path | None, store: Store) -> Known:
    from sync.bootstrap.rules import working_rules
    from sync.operations.pauses import Known
    from sync.settings import Secrets, load

    settings = load(config, secrets=Secrets.UNNEEDED)
    return Known(working_rules(settings, store)[0], settings.sites)


def _paused_now(config: Path | None, server: str) -> Pauses:
    from sync.operations.pauses import Pauses, pauses_of

    if server:
        return Server(server).get("/pauses", Pauses)
    with opened_store(config) as store:
        now = _at(store).now
        with store.read() as session:
            return pauses_of(session, now)


def _show(found: Pauses, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    typer.echo(f"{found.words}.")
    for one in found.pauses:
        typer.echo(harmless(f"- {one.counted}"))


def _print(done: Done, *, as_json: bool) -> None:
    typer.echo(json.dumps(asdict(done)) if as_json else harmless(done.words))
