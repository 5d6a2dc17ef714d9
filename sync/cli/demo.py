"""``demo``: everything at once, simulated, on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from sync.cli.problems import USAGE, Problem


def demo(
    until: Annotated[
        str,
        typer.Option(
            "--for", metavar="TIME", help="End after this time (20s, 2m) and check the outcome."
        ),
    ] = "",
    seed: Annotated[int, typer.Option("--seed", help="Another number tells another story.")] = 1,
    port: Annotated[
        int, typer.Option("--port", "-p", help="Where the daemon receives; 0 for any free port.")
    ] = 0,
    datacenter: Annotated[
        bool, typer.Option("--datacenter", help="Simulate Jira Data Center instead of Jira Cloud.")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the board in a browser, on a terminal.")
    ] = True,
) -> None:
    """Watch deliveries become tickets. Needs no configuration and touches nothing outside.

    Runs the daemon with a simulated Jira and a simulated Coalesce Quality on 127.0.0.1, with a store of
    its own that is thrown away at the end, and tells what happens. With --for it ends by itself, checks
    every ticket, prints a summary, and exits with 1 should one be lost, doubled or wrong.

    Examples:

      ticket-sync demo

      ticket-sync demo --for 20s --seed 7 --datacenter
    """
    from pydantic_core import PydanticCustomError

    from sync.bootstrap.demo import run_demo
    from sync.settings.values import parse_duration

    try:
        seconds = parse_duration(until) if until else None
    except PydanticCustomError as error:
        raise Problem(f"--for: {error.message()}. Write it as 20s or 2m.", USAGE) from error
    if seconds is not None and seconds < 5:
        raise Problem("--for: the story needs at least 5 seconds.", USAGE)
    raise typer.Exit(
        run_demo(seconds=seconds, seed=seed, port=port, datacenter=datacenter, browser=browser)
    )
