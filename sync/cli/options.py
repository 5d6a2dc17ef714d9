"""Options that several verbs share, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync.cli.problems import USAGE, Problem

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration file; none is needed where the environment has all settings. "
        "[default: $TICKET_SYNC_CONFIG, else ./config.toml]",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def seconds_of(since: str) -> float:
    """The value of ``--since`` in seconds. Raises Problem."""
    from sync.settings.values import parse_duration

    try:
        return parse_duration(since)
    except ValueError:
        raise Problem(f"{since!r} is no span of time. Write 30d, 12h or 90m.", USAGE) from None
