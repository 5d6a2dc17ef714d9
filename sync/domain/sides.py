"""Where the two sides of a ticket stand apart. Pure."""

from __future__ import annotations

from sync.domain.agreement import Agreement
from sync.domain.rule import SubjectState, UpstreamWish
from sync.domain.subject import Status
from sync.domain.upstream_view import View


def begins(wish: UpstreamWish | None, known: Agreement | None) -> bool:
    """Whether a rule tells upstream, and nothing is agreed yet of a ticket since it has told what it
    tells now. The ticket's next walk then takes both sides as agreed as they stand."""
    return wish is not None and (known is None or known.since != wish.since)


def apart(view: View) -> str:
    """How Jira and upstream differ, in words; "" where the ticket stands for what upstream says, or for
    nothing that upstream is told of."""
    of = next((one for one in view.subjects if _apart(view, one)), None)
    if of is None:
        return ""
    resolution = view.observed.resolution
    place = view.observed.status.name + (f" ({resolution})" if resolution else "")
    return f"{place} in Jira, {_words(of.status)} upstream"


def _apart(view: View, one: SubjectState) -> bool:
    stands = view.stands_for(one.ref.kind)
    if one.status.ended or stands is None or stands is one.status:
        return False
    return not view.fits(one.ref.kind, one.status)


def _words(status: Status) -> str:
    return status.value.replace("_", " ")
