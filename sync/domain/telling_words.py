"""What a rule tells upstream, in words for people."""

from __future__ import annotations

from collections.abc import Iterator

from sync.domain.rule import Acknowledge, Side, UpstreamWish
from sync.domain.subject import Kind, Status

# What only happens later: no delivery tells of it, so nothing that works on deliveries knows it.
UNKNOWN = "What people do in Jira is in no delivery, so which acts would be told is not known here."


def told_in_words(wish: UpstreamWish) -> Iterator[str]:
    """The parts of what a rule tells, a sentence each without its full stop."""
    if wish.announce:
        yield "the ticket's key and address, as a comment"
    if wish.acknowledge is Acknowledge.MADE:
        yield "investigating, once the ticket is made, where nobody has set a mark"
    if wish.acknowledge is Acknowledge.ASSIGNED:
        yield "investigating, once a person assigns the ticket, where nobody has set a mark"
    for kind in Kind:
        for status, signs in wish.signs(kind).items():
            places = ", ".join(str(sign) for sign in signs)
            yield f"{_mark(kind, status)}, once a person moves the ticket to: {places}"
    if wish.comments == "all":
        yield "the comments of people"
    elif wish.comments != "none":
        yield f"the comments of people that mention {wish.comments!r}"
    if wish.ignore:
        yield f"nothing of what these accounts do: {', '.join(wish.ignore)}"
    if wish.wins is not None:
        loser = "upstream" if wish.wins is Side.JIRA else "in Jira"
        yield f"where both sides have acted, what was done {loser} gives way"


def _mark(kind: Kind, status: Status) -> str:
    if kind is Kind.INCIDENT:
        verb = {Status.CLOSED: "close", Status.CANCELLED: "cancel"}.get(status, "open again")
        return f"{verb} the incident"
    return "no mark any more" if status is Status.OPEN else status.value.replace("_", " ")
