"""The pace of calls under a rate limit, and its fair division between daemons with one account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# A daemon whose callers do not wait counts as needing this multiple of what it used a moment ago, so
# that it can make more calls when it has more to do.
_ROOM = 1.25


@dataclass(frozen=True, slots=True)
class Pace:
    """What one daemon knows of one rate limit of a site, and how much of the limit it uses.

    ``endpoint`` is "" for a limit on all calls to the site. ``limit`` is in calls a second, for all
    daemons together; since it was met or announced, the daemon had enough to do for ``age`` seconds.
    ``empty``: a call of this daemon met it, so that Jira had no call left at that moment. The daemon
    makes ``used`` calls a second now; Jira has accepted ``taken`` of its calls so far. ``waiting``: the
    daemon has more calls to make than its pace allows. ``first``: its name comes before the name of the
    daemon that is told.
    """

    endpoint: str
    limit: float
    age: float
    empty: bool
    used: float
    taken: float
    waiting: bool
    first: bool = False


def fair_share(limit: float, others: Iterable[Pace]) -> float:
    """The calls a second that a daemon may make of a ``limit`` that it shares (max-min fairness).

    Another daemon that needs less than an equal part gets what it needs; the rest is divided equally,
    whether this daemon needs its part now or not: its next calls may come in a burst.

    >>> modest = Pace("POST issue", 10.0, 0.0, True, 1.6, 9, False)
    >>> fair_share(10.0, [modest])
    8.0
    """
    needs = sorted(_need(pace) for pace in others)
    left, sharers = limit, len(needs) + 1
    for need in needs:
        if need >= left / sharers:
            break
        left, sharers = left - need, sharers - 1
    return left / sharers


def _need(pace: Pace) -> float:
    return float("inf") if pace.waiting else pace.used * _ROOM
