"""``doctor``: where deliveries end on their way from the sender to tickets."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.domain.text import harmless

if TYPE_CHECKING:
    from pathlib import Path

    from sync.operations.doctor import Diagnosis


def doctor(
    config: ConfigOption = None, server: ServerOption = "", as_json: JsonOption = False
) -> None:
    """Show how many deliveries of the last day were sent, received and read, and what does not fit.

    With credentials for the API of Coalesce Quality, the sender's own log is read: what failed and why,
    what was skipped, what went to no integration, what was answered elsewhere. Changes nothing.

    Exit codes: 0 nothing is amiss, as far as it is known, 1 something is, or the store cannot be read, 2
    it or the configuration cannot be used.

    Example:  ticket-sync doctor --json | jq .words
    """
    found = _by_server(server) if server else _by_store(config)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        for link in found.links:
            mark = {"ok": "✓", "bad": "✗"}.get(link.token, "·")
            typer.echo(f"{mark} {link.name:<16}{harmless(link.words)}")
        typer.echo(harmless(" ".join(filter(None, (found.words, found.remedy)))))
    raise typer.Exit(0 if found.fits else 1)


def _by_server(url: str) -> Diagnosis:
    from sync.operations.doctor import Diagnosis

    return Server(url).get("/doctor", Diagnosis)


def _by_store(config: Path | None) -> Diagnosis:
    from contextlib import closing

    from sync.bootstrap.adapters import apis_of
    from sync.bootstrap.stores import existing_store
    from sync.operations.doctor import examine
    from sync.ports import SystemClock
    from sync.settings import load

    settings = load(config)
    with closing(existing_store(settings)) as store:
        return examine(store, apis_of(settings, SystemClock()), time.time())
