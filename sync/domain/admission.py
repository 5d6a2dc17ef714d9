"""Admission: whether a ticket's acts are let through to upstream, and what a person decided of it. Pure.

A ticket whose acts wait is left as it stands: nothing of it is told, and what both sides agreed on stays
what it was. Comments from upstream go onto the ticket all the same.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from sync.domain.actions import CommentUpstream, MarkUpstream
from sync.domain.agreement import NONE, Agreement
from sync.domain.history import Act, Part
from sync.domain.rule import SubjectState
from sync.domain.subject import Status
from sync.domain.ticket import Base, Draft, Observed
from sync.domain.upstream import Telling, begun, view_of
from sync.domain.upstream_view import View

# More acts than the guard allows are counted over so many seconds.
WINDOW = 600.0
ACCEPT = "`ticket-sync upstream accept`"


class Admission(StrEnum):
    """What stands between a ticket's acts and upstream, or what a person decided of that since the last
    walk. A ticket without one is told of as its rule says.

    ``waiting``: there were more acts than the guard allows. ``accepted``: what waits is told.
    ``rejected``: what was there counts as agreed. ``held``: both sides turned each other round and
    round. ``released``: the hold is over. ``older``: comments from before are told as well.
    """

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    HELD = "held"
    RELEASED = "released"
    OLDER = "older"


def acts_of(telling: Telling) -> tuple[MarkUpstream | CommentUpstream, ...]:
    """What of a telling upstream is told. Copies onto the ticket are told to nobody upstream."""
    return tuple(a for a in telling.actions if isinstance(a, MarkUpstream | CommentUpstream))


def act_name(act: MarkUpstream | CommentUpstream) -> str:
    """By what an act of a ticket is known, however often its call is tried."""
    return act.name if isinstance(act, CommentUpstream) else f"{act.ref} {act.status.value}"


def held_back(telling: Telling, *, waits: bool = True) -> Telling:
    """The telling without its acts, if these wait. The rest is done, and everything that no act is about
    becomes agreed."""
    acts = acts_of(telling) if waits else ()
    if not acts:
        return telling
    words = f"{acts_in_words(len(acts))} for {ACCEPT}"
    rest = tuple(action for action in telling.actions if action not in acts)
    held = replace(telling, actions=rest, untold=len(acts), reasons=(*telling.reasons, words))
    before = telling.before
    if any(isinstance(act, MarkUpstream) and not act.only_unmarked for act in acts):
        # The ticket stays where somebody moved it: the act that counts is not told yet.
        after = replace(before, copied=telling.after.copied)
        return replace(held, after=after, stays=True, waits=True)
    # What was said already of a telling that was interrupted is in ``done``.
    names = ("heard", "announced", "acknowledged", "unheard", "done")
    said = {name: getattr(before, name) for name in names}
    return replace(held, after=replace(telling.after, **said))


def acts_in_words(count: int) -> str:
    """``1 act waits``, ``3 acts wait``."""
    return "1 act waits" if count == 1 else f"{count} acts wait"


def as_decided(
    draft: Draft, base: Base, observed: Observed, decided: Admission | None, at: float
) -> Base:
    """The base once a person has decided, at ``at`` (seconds since the epoch), what becomes of what is
    not told. What people did after that is a later act."""
    view, known = view_of(draft, base, observed), base.agreement
    if view is None or decided not in (Admission.REJECTED, Admission.RELEASED, Admission.OLDER):
        return base
    if known is None or known.since != view.wish.since:
        # Nothing was agreed since the rule tells what it tells now, so nothing has waited.
        known = begun(view, known or NONE)
    elif decided is not Admission.OLDER:
        known = _as_it_stood(view, known, at)
    if decided is Admission.OLDER:
        known = replace(known, floor=0)
    return replace(base, agreement=known)


def _as_it_stood(view: View, known: Agreement, at: float) -> Agreement:
    """The agreement on both sides as they stood at ``at``."""
    tie = view.wish.tie
    # Clocks differ: an act upstream within the tie counts as one from before.
    subjects = [_stood(known.now(one, tie), known, at + tie) for one in view.subjects]
    comments = tuple(one for one in view.history.comments if one.created <= at)
    history = replace(view.history, comments=comments, read_at=at)
    stood = replace(view, subjects=subjects, observed=replace(view.observed, history=history))
    agreed = begun(stood, known)
    status, resolution = view.place
    for act in _moves_after(view, at):
        if act.part is Part.STATUS:
            status, resolution = act.before, known.resolution
        elif status == view.place[0]:
            resolution = act.before
    edited = {one.id: known.heard.get(one.id) for one in comments if one.updated > at}
    told = {id_: updated for id_, updated in edited.items() if updated is not None}
    heard = {**agreed.heard, **told}
    return replace(agreed, status=status, resolution=resolution, heard=heard)


def _moves_after(view: View, at: float) -> list[Act]:
    """The moves, and changes of the resolution, after ``at``: the latest first."""
    parts = (Part.STATUS, Part.RESOLUTION)
    return [act for act in reversed(view.history.acts) if act.part in parts and act.at > at]


def _stood(one: SubjectState, known: Agreement, at: float) -> SubjectState:
    """The subject as it stood at ``at``, as far as that is known."""
    one = replace(one, comments=tuple(said for said in one.comments if said.at <= at))
    before = known.marks.get(str(one.ref))
    changed = one.at if one.marked_at is None else one.marked_at
    return one if before is None or changed <= at else replace(one, status=Status(before))
