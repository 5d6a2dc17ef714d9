"""``demo``: everything at once, simulated, on this machine."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from rich.console import Console

    from sync.bootstrap.demo import Demo
    from sync.bootstrap.signals import Stop

# Seconds: the shortest story; the part of it that is kept for settling; how long settling may take at
# most, and after Ctrl-C; how often new lines are printed.
_SHORTEST = 5
_SETTLING = 4.0
_PATIENCE = 120.0
_HURRY = 10.0
_TICK = 0.25
# Seconds for which Jira must not be called once all is settled, and how often that is looked at.
_SILENCE = 1.0
_LOOKS = 4


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
        bool,
        typer.Option(
            "--open/--no-open", help="Open the board and the pages in a browser, on a terminal."
        ),
    ] = True,
) -> None:
    """Watch deliveries become tickets, and what people do with them told upstream. Needs no
    configuration and touches nothing outside.

    Runs the daemon with a simulated Jira and a simulated Coalesce Quality on 127.0.0.1, with a store of
    its own that is thrown away at the end, and prints what happens. Ctrl-C or --for ends it: then it
    checks every ticket and whether what people did on one side is on the other, prints a summary, and
    exits with 1 if anything is lost, doubled or wrong.

    Examples:

      ticket-sync demo

      ticket-sync demo --for 20s --seed 7 --datacenter
    """
    seconds = _seconds(until)
    from rich.console import Console

    from sync.bootstrap.demo import Demo
    from sync.bootstrap.signals import stop_on_signals
    from sync.cli.demo_output import summarise
    from sync.telemetry import configure_logs

    # The lines below replace the log; only errors are logged beside them.
    configure_logs(level="error", form="text")
    console = Console(highlight=False)
    with stop_on_signals() as stop:
        running = Demo(seed=seed, port=port, datacenter=datacenter)
        stop.at_last = running.discard
        try:
            running.start()
            _introduce(console, running, seconds)
            if browser and console.is_terminal:
                _open(running.board)
                _open(running.pages)
            _follow(console, running, stop, seconds)
            if stop.asked:
                console.print("Finishing what is on the way; Ctrl-C again ends it at once.")
            running.end_story()
            settled, late_calls = _rest(console, running, stop)
            if stop.asked and not settled:
                console.print("Ended before everything was done, so the outcome says nothing.")
                return
            result = running.result()
        finally:
            running.stop()
    summarise(console, result, settled=settled, late_calls=late_calls)
    raise typer.Exit(0 if settled and result.good and not late_calls else 1)


def _seconds(until: str) -> float | None:
    if not until:
        return None
    from sync.settings.values import parse_duration

    try:
        seconds = parse_duration(until)
    except ValueError as error:
        raise Problem(f"--for: {error}. Write it as 20s or 2m.", USAGE) from error
    if seconds < _SHORTEST:
        raise Problem(f"--for: the story needs at least {_SHORTEST} seconds.", USAGE)
    return seconds


def _introduce(console: Console, running: Demo, seconds: float | None) -> None:
    ending = "Ctrl-C ends it" if seconds is None else f"it ends by itself after {seconds:g} seconds"
    console.print(
        f"Everything here is simulated and stays on this machine; {ending}.\n"
        f"  the board with the tickets   [bold]{running.board}[/bold]\n"
        f"  the daemon receives at       {running.receiver}\n"
        f"  its pages                    [bold]{running.pages}[/bold]\n\n"
        "[yellow]→[/yellow] a delivery came in   [green]⇒[/green] something was done in Jira\n"
        "[magenta]•[/magenta] a person did something    [green]⇐[/green] upstream was told of it\n"
        "[cyan]?[/cyan] asked upstream, and found what no delivery had brought\n",
        soft_wrap=True,
    )


def _open(address: str) -> None:
    import os
    import webbrowser

    # Without a desktop, a browser would take over the terminal.
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def _follow(console: Console, running: Demo, stop: Stop, seconds: float | None) -> None:
    """Print what happens until it is time to settle, or until stopped."""
    end = None if seconds is None else time.monotonic() + max(seconds / 2, seconds - _SETTLING)
    while not stop.wait(_TICK) and (end is None or time.monotonic() < end):
        _print_new(console, running)


def _settle(console: Console, running: Demo, stop: Stop) -> bool:
    """Print what happens until nothing is left to do; returns whether that was in time."""
    began = time.monotonic()
    while not running.settled():
        if time.monotonic() - began > (_HURRY if stop.asked else _PATIENCE):
            return False
        time.sleep(_TICK)
        _print_new(console, running)
    _print_new(console, running)
    return True


def _rest(console: Console, running: Demo, stop: Stop) -> tuple[bool, int]:
    """Print what happens until nothing is left to do and Jira is left alone; whether the first was in
    time, and how many calls go on all the same.

    What was on its way from one side to the other at that moment may make a few more calls once.
    """
    late = 0
    for _ in range(_LOOKS):
        settled = _settle(console, running, stop)
        if stop.asked and not settled:
            return False, 0
        before = running.calls
        time.sleep(_SILENCE)
        late = running.calls - before
        if not (settled and late):
            return settled, late
    return True, late


def _print_new(console: Console, running: Demo) -> None:
    from sync.cli.demo_output import line

    for happening in running.happened():
        if console.is_terminal:
            console.print(line(happening), no_wrap=True, overflow="ellipsis")
        else:
            console.print(line(happening), soft_wrap=True)
