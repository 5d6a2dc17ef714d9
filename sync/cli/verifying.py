"""``init --verify``: the steps as they come, and what to do about those that do not work."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from sync.domain.text import harmless

if TYPE_CHECKING:
    from sync.bootstrap.verified import Step

_SHOWN = {
    "ok": ("ok     ", "green"),
    "failed": ("FAILED ", "red"),
    "skipped": ("skipped", "yellow"),
}


def verified(config: Path | None, *, wait: float, as_json: bool) -> int:
    """Try everything and print each step; the exit code: 0 where nothing failed, else 1. Raises
    SettingsError and RuleErrors."""
    from sync.bootstrap.rules import rule_files
    from sync.bootstrap.verify import verify
    from sync.settings import Secrets, load

    steps: list[Step] = []

    def emit(step: Step) -> None:
        steps.append(step)
        if not as_json:
            _print(step)

    settings = load(config, secrets=Secrets.STOOD_IN)
    rules = rule_files(settings).load().rules
    stopped = False
    with _quiet(), _stoppable():
        try:
            verify(settings, rules, emit, wait=wait)
        except KeyboardInterrupt:
            stopped = True
    failed = [step for step in steps if step.result.value == "failed"]
    if as_json:
        data = {"ok": not failed and not stopped, "stopped": stopped}
        typer.echo(json.dumps({**data, "steps": [asdict(step) for step in steps]}, indent=2))
    else:
        typer.echo(_closing(steps, len(failed), stopped))
    return 1 if failed or stopped else 0


def _print(step: Step) -> None:
    word, colour = _SHOWN[step.result.value]
    typer.echo(f"{typer.style(word, fg=colour)}  {harmless(f'{step.name}: {step.words}')}")
    if step.remedy:
        typer.echo(f"         {harmless(step.remedy)}")


def _closing(steps: list[Step], failed: int, stopped: bool) -> str:
    left_out = sum(step.result.value == "skipped" for step in steps)
    if stopped:
        return "Stopped. What was made is named above, with what became of it."
    if failed:
        return (
            f"{failed} of {len(steps)} steps do not work yet. Do what they say, and run this again."
        )
    more = f" {left_out} could not be tried: see above." if left_out else ""
    return f"What was tried works.{more} Next: `ticket-sync serve`."


@contextmanager
def _quiet() -> Iterator[None]:
    """No log within the block: each step says what there is to say."""
    from sync.telemetry import configure_logs

    configure_logs(level="error", form="text")
    yield


@contextmanager
def _stoppable() -> Iterator[None]:
    """Within the block, SIGTERM ends as Ctrl-C does, so that the trial's ticket is removed."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
