"""``notify``: try the channels by which people are told that something needs them."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem
from sync.domain.text import harmless

app = typer.Typer(
    name="notify",
    help="Try the channels by which people are told that something needs them.",
    no_args_is_help=True,
)


@app.callback()
def start() -> None:
    """The verbs about notifications."""


@app.command("test")
def try_out(
    channel: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="A channel of [notify.NAME]; all of them by default."
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a sample through each channel, and say what its receiver answered.

    Neither the store nor a running daemon is needed or touched: a sample counts for no gap and is
    never tried again.

    Exit codes: 0 all took it, 1 one did not, 2 there is no such channel, or the configuration cannot be
    used.

    Example:  ticket-sync notify test ops
    """
    from dataclasses import asdict

    from sync.bootstrap.notifications import channels_of
    from sync.operations.notifications.notifier import tried
    from sync.operations.notifications.wording import wording_of
    from sync.settings import load

    settings = load(config)
    channels = channels_of(settings)
    if not channels:
        raise Problem("The configuration has no channel: add a table [notify.NAME].", USAGE)
    if channel is not None and channel not in channels:
        raise Problem(f"There is no channel {channel!r}. There are: {', '.join(channels)}.", USAGE)
    wording = wording_of(settings)
    wanted = channels if channel is None else {channel: channels[channel]}
    found = [tried(name, way, wording) for name, way in wanted.items()]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            mark = "✓" if one.sent else "✗"
            typer.echo(harmless(f"{mark} {one.channel}: {one.words} ({one.seconds:g} s)"))
    raise typer.Exit(0 if all(one.sent for one in found) else 1)
