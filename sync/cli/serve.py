"""``serve``: the daemon."""

from __future__ import annotations

import typer

from sync.cli.options import ConfigOption


def serve(config: ConfigOption = None) -> None:
    """Receive deliveries and keep the tickets, until a signal stops it.

    SIGTERM or Ctrl-C stops it: it accepts no more, finishes what is in hand and ends with 0. A second
    signal ends it at once. No accepted delivery is lost either way.

    Example:  ticket-sync serve --config /etc/ticket-sync/config.toml
    """
    from sync.bootstrap.daemon import run
    from sync.settings import load

    raise typer.Exit(run(load(config)))
