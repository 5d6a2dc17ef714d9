"""What people did on both sides of a ticket, as lines of its story: in Jira, and upstream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sync.domain.errors import Unreadable
from sync.domain.history import Act, Part, Person, TicketComment
from sync.domain.subject import Snapshot, Status
from sync.domain.ticket import Base, Observed
from sync.domain.upstream_comments import is_announcement, is_copy, unwanted
from sync.domain.wording import short
from sync.ports import Source
from sync.rules import Rule
from sync.store.tables import DeliveryRow
from sync.worker.foresight.story import Line

_LONGEST = 120
_MARKS = (Status.INVESTIGATING, Status.EXPECTED, Status.FIXED, Status.NO_ACTION_NEEDED)
# Words of a reason why something was not told or not done, and the keys of the rule that decided so.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "the rule ignores that account": ("upstream.ignore",),
    "as the rule says": ("upstream.wins",),
    "is not surely later": ("upstream.wins",),
    "it is left closed": ("leave_closed.resolutions", "leave_closed.statuses"),
    "the rule tells no comments": ("upstream.comments",),
    "it does not mention": ("upstream.comments",),
    "also fits": ("upstream.status",),
    "stands for": ("upstream.status",),
    "no line of upstream.status": ("upstream.status",),
    "is not taken off": ("upstream.status",),
    "held: ": ("upstream.status",),
}


def where_decided(rule: Rule | None, words: str) -> str:
    """File and line of the part of a rule by which something was left, "" where the words name none."""
    if rule is None:
        return ""
    keys = next((keys for part, keys in _KEYS.items() if part in words), ())
    places = rule.projection.places
    written = (places[key] for key in keys if key in places)
    return next(written, rule.ref.where if keys else "")


def in_jira(observed: Observed, base: Base, rule: Rule | None) -> Iterator[Line]:
    """What happened to the ticket in Jira, ours included, as its history tells it."""
    history = observed.history
    if history is None:
        return
    for act in history.acts:
        yield Line(act.at, "jira", _act(act, observed), side="jira", who=_name(act.who))
    for one in history.comments:
        if not one.marker:
            yield from _comment(one, base, rule)


def _act(act: Act, observed: Observed) -> str:
    who = _name(act.who)
    if act.part is Part.STATUS:
        names = {one.id: one.name for one in observed.statuses}
        names.setdefault(act.after, act.called or f"status {act.after}")
        before, after = names.get(act.before, f"status {act.before}"), names[act.after]
        return f"{who} moved it from {before} to {after}"
    if act.part is Part.RESOLUTION:
        return _resolved(act, observed) if act.after else f"{who} took the resolution off"
    assigned = observed.assignee
    known = assigned is not None and assigned.id == act.after
    name = _name(assigned) if known and assigned else act.called or act.after
    return f"{who} assigned it to {name}" if act.after else f"{who} assigned it to nobody"


def _resolved(act: Act, observed: Observed) -> str:
    """The words for a resolution that was set. Where the history has its id alone, the ticket has the
    name of the last one."""
    assert observed.history is not None
    last = [one for one in observed.history.acts if one.part is Part.RESOLUTION][-1]
    name = observed.resolution if act is last and observed.resolution else act.called or act.after
    return f"{_name(act.who)} set the resolution {name}"


def _comment(one: TicketComment, base: Base, rule: Rule | None) -> Iterator[Line]:
    wish, known = rule.projection.upstream if rule else None, base.agreement
    why = unwanted(wish, known, one) if wish is not None and known is not None else ""
    words = f"{_name(one.who)} commented: {short(one.text, _LONGEST)}"
    result, where = "", ""
    if why:
        words, result = f"{words} (not told: {why})", "left"
        where = where_decided(rule, why)
    yield Line(one.created, "jira", words, result, side="jira", who=_name(one.who), where=where)
    if one.updated > one.created:
        words = f"{_name(one.who)} edited the comment: {short(one.text, _LONGEST)}"
        yield Line(one.updated, "jira", words, side="jira", who=_name(one.who))


def _name(who: Person) -> str:
    return who.name or who.id or "somebody"


def upstream_mark(one: Snapshot, delivered: Iterable[Line]) -> Iterator[Line]:
    """The mark that an issue has, where none of its deliveries tells of it: it was found by asking. The
    time is the latest at which somebody can have set the mark."""
    mark = one.status.value.replace("_", " ")
    if one.status in _MARKS and not any(f" set it to {mark}" in line.words for line in delivered):
        who = str((one.payload.get("status_actor") or {}).get("name") or "somebody")
        words = f"{who} set issue {one.ref.id} to {mark} (found by asking upstream)"
        yield Line(one.event_time / 1e9, "upstream", words, side="upstream", who=who)


def upstream_comments(snapshots: Iterable[Snapshot]) -> Iterator[Line]:
    """The comments upstream that are known."""
    for snapshot in snapshots:
        for one in snapshot.comments:
            what = _said(one.text)
            author = one.author or "somebody"
            words = f"{author} commented on {snapshot.ref.kind.value} {snapshot.ref.id}: {what}"
            yield Line(one.at, "upstream", words, side="upstream", who=author)


def _said(text: str) -> str:
    """A comment upstream in short, or what it is where it comes from the ticket."""
    if is_announcement(text):
        return "the address of the ticket"
    return "a copy of a comment in Jira" if is_copy(text) else short(text, _LONGEST)


def marked_by(row: DeliveryRow, sources: Mapping[str, Source]) -> tuple[str, str]:
    """What a delivery says somebody set the status of its subject to, in words, and who that was; empty
    where it says nothing of that."""
    source = sources.get(row.source)
    if source is None or "STATUS" not in row.event_type.upper():
        return "", ""
    try:
        events = source.read(row.body)
    except Unreadable:
        return "", ""
    for event in events:
        if event.snapshot is not None:
            who = str((event.snapshot.payload.get("status_actor") or {}).get("name") or "somebody")
            return f"{who} set it to {event.snapshot.status.value.replace('_', ' ')}", who
    return "", ""
