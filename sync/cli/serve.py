"""``serve``: the daemon."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from sync.bootstrap.half import Half
from sync.cli.options import ConfigOption

OnlyOption = Annotated[
    Half | None,
    typer.Option(help="One half alone, where other daemons on the same PostgreSQL run the other."),
]


def serve(config: ConfigOption = None, only: OnlyOption = None) -> None:
    """Receive deliveries and keep the tickets, until a signal stops it.

    SIGTERM or Ctrl-C stops it: it accepts no more, finishes what is in hand and ends with 0. A second
    signal ends it at once. No accepted delivery is lost either way.

    On PostgreSQL, --only receiver takes deliveries and leaves the work to other daemons; it needs no
    rules and no Jira. --only worker does the work and takes no deliveries.

    Example:  ticket-sync serve --config /etc/ticket-sync/config.toml
    """
    # Modules are imported to stay, and to look for garbage among them takes a tenth of the start. The
    # server turns collection on again.
    gc.disable()
    try:
        from sync.bootstrap.daemon import run
        from sync.settings import load

        raise typer.Exit(run(load(config), only))
    finally:
        gc.enable()
