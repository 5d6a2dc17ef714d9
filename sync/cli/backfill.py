"""``backfill``: what happened upstream before ticket-sync ran."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.acts import note
from sync.cli.options import ConfigOption, seconds_of
from sync.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.worker.sweeps.run import Report


def backfill(
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="How far back: 30d, 12h.")],
    rule: Annotated[
        str, typer.Option("--rule", metavar="NAME", help="Only what this rule matches.")
    ] = "",
    open_only: Annotated[
        bool, typer.Option("--open-only", help="Leave out what has ended and is not known.")
    ] = False,
    rate: Annotated[
        float, typer.Option("--rate", min=0.01, help="Tickets a second, behind live traffic.")
    ] = 5.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would come in; touch nothing.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Bring in the issues and incidents that changed upstream since a time, as webhooks would have.

    Needs the credentials of [coalesce.api]. Tickets become due a few a second, so that live deliveries
    go first; the daemon makes them. After it was stopped or killed, the same command goes on where it
    was. Running it again does nothing twice.

    Exit codes: 0 done, 1 it was not finished, 2 usage, the store or the configuration.

    Example:  ticket-sync backfill --since 30d --dry-run
    """
    from sync.bootstrap.sweeps import by_hand
    from sync.settings import load
    from sync.worker.sweeps.backfill import Backfill

    ago = seconds_of(since)
    with by_hand(load(config)) as hands:
        if hands.remark:
            typer.echo(hands.remark, err=True)
        parts = hands.parts
        api = parts.apis.get(hands.source)
        if api is None:
            raise Problem(
                "Backfill asks the API of Coalesce Quality, and there are no credentials for it. Set "
                "client_id and client_secret in [coalesce.api].",
                USAGE,
            )
        if rule and parts.rules().get(rule) is None:
            names = ", ".join(repr(one.ref.name) for one in parts.rules().rules)
            raise Problem(f"There is no rule {rule!r}. There are: {names}.", USAGE)
        made = Backfill(
            parts.store,
            parts.triage,
            api,
            parts.rules,
            parts.clock,
            time.time() - ago,
            rule=rule,
            open_only=open_only,
            rate=rate,
        )
        with _bar() as progress:
            report = hands.runner.run(replace(made, progress=progress), dry=dry_run, by_hand=True)
        if report is not None and not dry_run:
            words = f"{report.tally.looked} looked at, {report.tally.total} became due"
            note(parts.store, "backfill", words, f"since {since}")
    if report is None:
        raise Problem("Another backfill is running now. Wait until it ends, or stop it.")
    _print(report, dry_run, rate)
    if report.result.value != "ok":
        raise typer.Exit(1)


@contextmanager
def _bar() -> Iterator[Callable[[float, int], None]]:
    if not sys.stderr.isatty():
        yield lambda _done, _looked: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking back", total=1.0)
        yield lambda done, looked: bar.update(
            task, completed=done, description=f"{looked} looked at"
        )


def _print(report: Report, dry: bool, rate: float) -> None:
    tally = report.tally
    verb = "would become" if dry else "became"
    typer.echo(
        f"{tally.looked} issues and incidents looked at with {tally.calls} calls; {tally.total} were "
        f"not known here or had changed, and {verb} due."
    )
    for reason, count in sorted(tally.reasons.items()):
        if reason.startswith(("rule ", "no rule")):
            typer.echo(f"  {reason}: {count}")
    if tally.total and not dry:
        minutes = tally.total / rate / 60
        typer.echo(
            f"The daemon works them off at {rate:g} a second, in about {minutes:.0f} minutes."
        )
    for words in filter(None, (report.words, *tally.notes)):
        typer.echo(words, err=True)
