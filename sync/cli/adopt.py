"""``adopt``: tickets that exist already are taken over, so that no second ones are made."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.acts import note
from sync.cli.options import ConfigOption, JsonOption
from sync.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from sync.store.engine import Store
    from sync.worker.adoption import Pair


def adopt(  # noqa: PLR0913  (each is an option of the verb)
    label: Annotated[
        str, typer.Option("--label", help="Tickets with this label, as other tools set one.")
    ] = "",
    jql: Annotated[str, typer.Option("--jql", help="Tickets that this query finds.")] = "",
    markers: Annotated[
        bool, typer.Option("--markers", help="Tickets of ours that the store does not know.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="A file of lines: subject,ticket.")
    ] = None,
    site: Annotated[
        str, typer.Option("--site", help="The Jira site. [default: that of rules that name none]")
    ] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Without it, only show what would be done.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take over tickets that a person or another tool made for issues that ticket-sync knows.

    With --label and --jql a ticket is taken over if its text has the id of exactly one issue or
    incident, for example in a link. In a CSV each line gives an id and a ticket's key. The fields of a
    ticket stay as they are until something changes upstream; its status follows at once. A ticket is
    never taken from another issue, and an issue that has a ticket gets no second one: such pairs are
    reported. With --markers tickets that ticket-sync itself made are taken over by what marks them, for
    a store that is new or was restored from a backup.

    Exit codes: 0 no conflicts, 1 there were some, 2 usage, the store or the configuration.

    Example:  ticket-sync adopt --label jiralert --apply
    """
    from sync.bootstrap.sweeps import by_hand
    from sync.domain.ticket import FAMILY_LABEL
    from sync.settings import load
    from sync.worker.adoption import Adoption

    if sum(map(bool, (label, jql, csv, markers))) != 1:
        raise Problem("Name the tickets in one way: --label, --jql, --csv or --markers.", USAGE)
    settings = load(config)
    name = site or settings.site_by_default
    if name not in settings.sites:
        known = ", ".join(sorted(settings.sites))
        raise Problem(f"Name the site with --site: one of {known}.", USAGE)
    given = lines_of(csv) if csv else []
    with by_hand(settings) as hands:
        parts = hands.parts
        adoption = Adoption(
            parts.store,
            parts.trackers[name],
            parts.rules(),
            parts.clock,
            source=hands.source,
            api=parts.apis.get(hands.source),
            apply=apply,
        )
        if hands.remark:
            typer.echo(hands.remark, err=True)
        if markers or label == FAMILY_LABEL:
            pairs = adoption.marked()
        else:
            pairs = adoption.pairs(given) if given else adoption.matching(jql or _labelled(label))
        _note(parts.store, pairs, name, applied=apply)
    _print(pairs, apply, as_json)
    if any(pair.fate.value == "conflict" for pair in pairs):
        raise typer.Exit(1)


def _note(store: Store, pairs: list[Pair], site: str, *, applied: bool) -> None:
    if applied:
        adopted = [pair.ticket for pair in pairs if pair.fate.value == "adopt"]
        words = f"{len(adopted)} of {len(pairs)} tickets adopted: {', '.join(adopted)}"
        note(store, "adopt", words, site)


def _labelled(label: str) -> str:
    text = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'labels = "{text}" ORDER BY created ASC'


def lines_of(file: Path) -> list[tuple[str, str]]:
    """(Subject, ticket) of each line of a CSV file; the first line may be the heading subject,ticket.

    Raises Problem, which names the line, and OSError.
    """
    import csv

    found: list[tuple[str, str]] = []
    with file.open(encoding="utf-8-sig", newline="") as text:
        for number, row in enumerate(csv.reader(text), start=1):
            cells = [cell.strip() for cell in row]
            if not any(cells) or (number == 1 and cells[:2] == ["subject", "ticket"]):
                continue
            if len(cells) < 2 or not cells[0] or not cells[1]:
                raise Problem(
                    f"{file}:{number}: {','.join(row)!r} is not subject,ticket. Write the id of the "
                    "issue or incident, a comma, and the ticket's key.",
                    USAGE,
                )
            found.append((cells[0], cells[1]))
    if not found:
        raise Problem(f"{file} has no lines of subject,ticket.", USAGE)
    return found


def _print(pairs: list[Pair], applied: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(pair) for pair in pairs], indent=2))
        return
    from sync.cli.terminal import cell, console, table

    out = console()
    styles = {"adopt": "green", "already": "", "conflict": "red"}
    shown = table("Adopted" if applied else "Would be adopted", "ticket", "subject", "fate", "how")
    for pair in pairs:
        fate = pair.fate.value
        shown.add_row(
            cell(pair.ticket), cell(pair.subject), cell(fate, styles[fate]), cell(pair.words)
        )
    out.print(shown)
    counts = {fate: sum(pair.fate.value == fate for pair in pairs) for fate in styles}
    out.print(", ".join(f"{fate}: {count}" for fate, count in counts.items()))
    if counts["adopt"] and not applied:
        out.print("Nothing was done. Add --apply to adopt them.")
