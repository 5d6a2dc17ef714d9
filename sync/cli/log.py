"""``log``: who did what."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.cli.store import opened_store
from sync.domain.times import moment


def log(
    who: Annotated[str, typer.Option("--who", help="Only acts of this account.")] = "",
    act: Annotated[str, typer.Option("--act", help="Only acts with this verb.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many acts.")] = 50,
    config: ConfigOption = None,
    server: ServerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show who did what: on the pages, by the API and on the command line, newest first.

    Exit codes: 0 shown, 1 the store cannot be read, 2 it or the configuration cannot be used.

    Example:  ticket-sync log --act retry
    """
    from sync.operations.log import LogPage, log_page

    if server:
        found = Server(server).get("/log", LogPage, who=who, act=act, limit=limit)
    else:
        with opened_store(config) as store:
            found = log_page(store, who=who, act=act, limit=limit)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found.acts], indent=2))
        return
    if not found.acts:
        typer.echo("No act fits." if who or act else "Nobody has done anything yet.")
        return
    from sync.cli.terminal import cell, console, table

    shown = table("Acts", "time (UTC)", "who", "act", "what was done")
    for one in found.acts:
        style = "yellow" if one.refused else ""
        named = f"{one.act} {one.about}".strip()
        words = f"refused: {one.words}" if one.refused else one.words
        shown.add_row(cell(moment(one.seconds)), cell(one.account), cell(named), cell(words, style))
    console().print(shown)
