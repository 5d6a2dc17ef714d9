"""``retry``: try parked tickets again, now."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem
from sync.cli.store import opened_store


def retry(
    ticket: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="A Jira key, our own key, or an issue's id."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every parked ticket.")] = False,
    rule: Annotated[str, typer.Option("--rule", help="The parked tickets of this rule.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have parked tickets tried again at once, or spread over some time if there are many.

    The daemon does the work; a ticket stays parked until its try has succeeded. A single ticket that is
    not parked is read in Jira and brought to where its rule wants it. If it is held, because Jira and
    upstream turned each other round and round, the hold ends, and both sides count as agreed as they
    stand.

    Exit codes: 0 done, 1 there is no such ticket, 2 usage, the store or the configuration.

    Example:  ticket-sync retry DATA-123
    """
    from sync.domain.admission import Admission
    from sync.store import parking, tickets

    if sum((ticket is not None, everything, bool(rule))) != 1:
        raise Problem("Name one thing to retry: a ticket, --rule NAME, or --all.", USAGE)
    now, why = time.time(), "asked for by hand"
    with opened_store(config) as store:
        if ticket is not None:
            with store.write() as session:
                row = tickets.find(session, ticket)
                if row is None:
                    raise Problem(
                        f"There is no ticket {ticket!r}. Name it by its Jira key, or by the id of the "
                        "issue it was made for; `ticket-sync parked` lists those set aside."
                    )
                held = row.admission == Admission.HELD
                count = parking.retry(session, [row], now, why)
                more = " It is held no more: both sides count as agreed." if held else ""
                words = f"{row.jira_key or row.key} will be tried at once.{more}"
        else:
            count = parking.retry_parked(store, now, why, rule=rule)
            of = f" of rule {rule!r}" if rule else ""
            words = (
                f"{count} parked {'ticket' if count == 1 else 'tickets'}{of} will be tried now."
                if count
                else f"Nothing{of} is parked."
            )
    typer.echo(json.dumps({"retried": count}) if as_json else words)
