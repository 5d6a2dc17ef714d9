"""``plan``: what the rules on disk would do, before they are in force."""

from __future__ import annotations

import difflib
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from sync.cli.options import ConfigOption, JsonOption
from sync.cli.server import Server, ServerOption
from sync.cli.server_draft import RulesOption, draft_of, only_by_server

if TYPE_CHECKING:
    from pathlib import Path

    from sync.domain.actions import Action, Change
    from sync.operations.rules.plan import PlanShown
    from sync.worker.foresight.forecast import Forecast, TicketForecast

CHANGES = 3
_ASK_EVERY = 0.3
# So many tickets of a group are named.
EXAMPLES = 3
# What is told upstream and comes from there, by its name among the counts.
_TELLING = {
    "mark_upstream": "to mark upstream",
    "comment_upstream": "to comment on upstream",
    "copy": "to get comments from upstream",
}


def plan(  # noqa: PLR0913  (each is an option of the verb)
    live: Annotated[
        bool,
        typer.Option("--live", help="Read every open ticket in Jira, instead of what is known."),
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 3 when something would be done.")
    ] = False,
    grouped: Annotated[
        bool,
        typer.Option("--grouped", help="Tickets with the same change as one line, harm first."),
    ] = False,
    config: ConfigOption = None,
    server: ServerOption = "",
    rules_folder: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the rules on disk would do to every open ticket, without touching anything.

    Shows tickets that would be made, fields old → new, moves, comments, what would be set aside, and
    what would be told upstream. Compares with what was last known of each ticket or, with --live, with
    the ticket as it is now; Jira is asked for its fields either way. Closed tickets are left out: an
    edit reaches them when their issue comes back.

    What people did in Jira and upstream was not told yet shows with --live. Where a rule begins to tell
    upstream, both sides count as agreed, and the tickets on which they differ are counted: for that,
    Jira is asked how those tickets stand, a call for each 100.

    With --server, a running daemon counts, as for its page Rules: within 20 seconds, and in groups where
    there are more than a few tickets. --json then gives the document of the API. With --rules it counts
    for the rules of a folder here, such as those of a change that is being reviewed.

    Exit codes: 0 shown, 1 a site could not be asked, so that something is missing, 2 the rules or
    configuration are wrong, 3 with --exit-code: something would be done.

    Example:  ticket-sync plan --live --json | jq .counts
    """
    from sync.bootstrap.adapters import trackers_of
    from sync.bootstrap.pauses import rest
    from sync.bootstrap.rules import as_if_in_force, rule_files, rules_in_force
    from sync.bootstrap.stores import existing_store
    from sync.ports import SystemClock
    from sync.settings import load
    from sync.worker.foresight.forecast import forecast_all

    only_by_server(rules_folder, server)
    if server:
        shown = _by_daemon(Server(server), rules_folder, live=live)
        for text in [json.dumps(asdict(shown), indent=2)] if as_json else _by_page(shown):
            typer.echo(text)
        trouble = shown.counts is not None and shown.counts.trouble > 0
        raise typer.Exit(1 if trouble else CHANGES if exit_code and shown.size else 0)
    settings = load(config)
    files = rule_files(settings)
    rules = files.load().rules
    trackers = trackers_of(settings, SystemClock())
    with closing(existing_store(settings)) as store:
        rest(store, trackers)
        known = rules_in_force(files, store)
        rules = as_if_in_force(rules, store, time.time())
        found = forecast_all(store, rules, trackers, time.time(), live=live, known=known)
        for text in _texts(found, grouped=grouped, as_json=as_json):
            typer.echo(text, nl=not as_json)
    if found.counts["trouble"]:
        raise typer.Exit(1)
    raise typer.Exit(CHANGES if exit_code and found.changes else 0)


def _by_daemon(server: Server, folder: Path | None, *, live: bool) -> PlanShown:
    from sync.operations.rules.plan import PlanShown

    with draft_of(server, folder) as draft:
        shown = server.post("/rules/plans", PlanShown, {"live": live, "draft": draft})
        while shown.state in ("waiting", "counting"):
            time.sleep(_ASK_EVERY)
            shown = server.get(f"/rules/plans/{shown.id}", PlanShown)
    return shown


def _by_page(shown: PlanShown) -> Iterator[str]:
    """A plan as the page Rules shows it, line by line."""
    for told in shown.told:
        yield _safe(told.words)
    for one in shown.tickets:
        yield f"{one.ticket or 'new ticket'}: {_safe(one.title)}  [{one.rule} ({one.where})]"
        for line in one.lines:
            yield f"  {line.sign} {_safe(line.words)}"
            yield from (f"      {sign} {_safe(text)}" for sign, text in line.diff)
    for group in (*(() if shown.tickets else shown.groups), *shown.left):
        where = f"  [{group.where}]" if group.where else ""
        count = f"{group.number:,} {_tickets(group.number)}"
        yield f"{group.sign} {count}: {_safe(group.words)}{where}"
    yield from map(_safe, (*shown.notes, shown.words, shown.compared))


def _texts(found: Forecast, *, grouped: bool, as_json: bool) -> Iterator[str]:
    if not grouped:
        return as_json_text(found) if as_json else pictured(found)
    return _grouped_json(found) if as_json else _grouped(found)


def _grouped_json(found: Forecast) -> Iterator[str]:
    from sync.operations.rules.counted import Counted, count_all

    counted = Counted()
    count_all(found, counted)
    data = {
        "live": found.live,
        "looked_at": found.looked_at,
        "counts": {**found.counts, "untold": found.untold},
        "groups": [asdict(group) for group in counted.groups()],
        "left": [asdict(group) for group in counted.left()],
    }
    yield f"{json.dumps(data, indent=2)}\n"


def _grouped(found: Forecast) -> Iterator[str]:
    """The forecast for people, a line for each kind of change: what can hurt first, then the rarest."""
    from sync.operations.rules.counted import Counted, count_all

    counted = Counted()
    count_all(found, counted)
    for group in (*counted.groups(), *counted.left()):
        some = counted.of_group(group.id)[:EXAMPLES]
        names = ", ".join(one.ticket or _safe(one.title) for one in some)
        more = ", …" if group.number > len(some) else ""
        where = f"  [{group.where}]" if group.where else ""
        count = f"{group.number:,} {_tickets(group.number)}"
        yield f"{group.sign} {count}: {_safe(group.words)}{where}"
        yield f"    {names}{more}"
    yield from _begun(found)
    yield from _sum(found)


def as_json_text(found: Forecast) -> Iterator[str]:
    """The forecast for machines, in pieces of one JSON document.

    The counts stand before the tickets in the document, but are known only after the last ticket,
    so the tickets wait in a temporary file.
    """
    from sync.operations.rules.shapes import as_data

    with tempfile.TemporaryFile("w+", encoding="utf-8") as waiting:
        before = "\n"
        for one in found.tickets:
            text = json.dumps(as_data(one), indent=2, default=str)
            waiting.write(before + indent(text, "    "))
            before = ",\n"
        numbers = {
            "live": found.live,
            "looked_at": found.looked_at,
            "counts": {**found.counts, "untold": found.untold},
        }
        yield json.dumps(numbers, indent=2).removesuffix("\n}") + ',\n  "tickets": ['
        waiting.seek(0)
        yield from iter(lambda: waiting.read(65_536), "")
        yield "\n  ]\n}\n" if found.acting else "]\n}\n"


def pictured(found: Forecast) -> Iterator[str]:
    """The forecast for people, line by line."""
    troubles: dict[str, int] = {}
    for one in found.tickets:
        if one.trouble and not one.plan:
            troubles[one.trouble] = troubles.get(one.trouble, 0) + 1
            continue
        yield from _ticket(one)
        yield ""
    yield from _begun(found)
    for words, count in troubles.items():
        yield f"! {count} {_tickets(count)} could not be worked out: {_safe(words)}"
    yield from _sum(found)


def _sum(found: Forecast) -> Iterator[str]:
    """The numbers, and what they were compared with."""
    if found.lacking:
        yield found.lacking
    counts = found.counts
    rest = found.looked_at - found.acting
    if not found.changes and not counts["trouble"]:
        yield f"Nothing to do: all {found.looked_at} open tickets are as the rules want them."
        return
    yield (
        f"Plan: {counts['create']} to create, {counts['update']} to change "
        f"({counts['fields']} fields), {counts['transition']} to move, "
        f"{counts['comment']} to comment, {_told(found)}{_set_aside(counts)}; "
        f"{rest} of {found.looked_at} open tickets stay as they are."
    )
    yield "Compared with " + (
        "Jira now." if found.live else "what was last known; --live reads Jira."
    )


def _begun(found: Forecast) -> Iterator[str]:
    """What becomes of the tickets that a rule begins to tell of, and how many acts wait to be told."""
    from sync.domain.admission import ACCEPT, acts_in_words
    from sync.worker.rulebook.impact import begun_words

    counts = found.counts
    if counts["begin"]:
        yield begun_words(counts["begin"], counts["differ"])
    if found.untold:
        yield f"! {acts_in_words(found.untold)} for {ACCEPT}; `ticket-sync upstream show` says more."
    if found.unasked:
        yield f"! Not all of them could be compared: {_safe(found.unasked)}"


def _told(found: Forecast) -> str:
    """How many tickets upstream would be told of, and get comments from there, if a rule tells."""
    if not found.telling:
        return ""
    told, counts = "", found.counts
    for name, words in _TELLING.items():
        told += f"{counts[name]} {words}, "
    return told


def _ticket(one: TicketForecast) -> Iterator[str]:
    where = f"  [{one.rule}]"
    yield f"{one.ticket or 'new ticket'}: {_safe(one.title)}{where}"
    if one.waits:
        yield f"  waits {one.waits}"
    if one.apart:
        yield f"  = counts as agreed, although the sides differ: {_safe(one.apart)}"
    for action in one.plan.actions:
        yield from _action(action)
    if one.plan.parked:
        yield f"  ! set aside: {_safe(one.plan.parked)}"
    for why in one.plan.parked_fields.values():
        yield f"  ! field set aside: {_safe(why)}"


def _action(action: Action) -> Iterator[str]:
    from sync.domain.actions import CommentUpstream, Create, MarkUpstream, Transition, Update

    if isinstance(action, Update):
        for change in action.changes:
            yield from _change(change)
    elif isinstance(action, Create):
        yield f"  + {_safe(action)}"
    elif isinstance(action, Transition):
        yield f"  > {_safe(action)}"
    elif isinstance(action, MarkUpstream | CommentUpstream):
        yield f"  < {_safe(action)}"
    else:
        yield f"  * {_safe(action)}"


def _change(change: Change) -> Iterator[str]:
    from sync.domain.ticket import FieldKind, remembered

    if change.kind is not FieldKind.TEXT:
        yield f"  ~ {_safe(change)}"
        return
    yield f"  ~ {_safe(change.name)}:"
    before, after = remembered(change.before) or [], remembered(change.after) or []
    for line in list(difflib.ndiff(before, after))[:40]:
        if line[:1] in "+-":
            yield f"      {line[:1]} {_safe(line[2:])[:160]}"


def _set_aside(counts: dict[str, int]) -> str:
    """How many tickets would be parked, or have fields parked."""
    fields = counts["park_fields"]
    of_them = f" ({fields} {'field' if fields == 1 else 'fields'} of tickets)" if fields else ""
    return f"{counts['park']} to set aside{of_them}"


def _tickets(count: int) -> str:
    return "ticket" if count == 1 else "tickets"


def _safe(text: object) -> str:
    from sync.domain.text import harmless

    return " ".join(harmless(text).split())
