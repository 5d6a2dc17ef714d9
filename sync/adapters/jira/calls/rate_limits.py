"""Reads the headers about rate limits: how long to wait, which calls wait, and what the limit is.

Source: Atlassian's page on rate limiting. ``RateLimit-Reason`` is ``jira-burst-based`` (one endpoint),
``jira-per-issue-on-write`` (one ticket) or ``jira-quota-*`` (everything). Data Center sends no reason,
and limits the whole account.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sync.domain.errors import Scope

LONGEST_SECONDS = 3600.0
# The headers that tell a limit, and how much of it is left.
TELLS, LEFT = "X-RateLimit-Limit", "X-RateLimit-Remaining"


@dataclass(frozen=True, slots=True)
class Limit:
    """A wait that Jira asks for, and which calls it covers. ``seconds`` is None if Jira names none."""

    scope: Scope
    seconds: float | None


def _moment(text: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text.strip().replace("Z", "+00:00"))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait, from ``Retry-After`` (seconds or an HTTP date) or ``X-RateLimit-Reset``.

    None where there is neither header; otherwise from 0 to 3600. ``now`` is seconds since the epoch.

    >>> retry_after({"Retry-After": "7"}, 1_900_000_000.0)
    7.0
    """
    for name in ("Retry-After", "X-RateLimit-Reset"):
        text = (headers.get(name) or "").strip()
        if not text:
            continue
        try:
            seconds = float(text)
            if name == "X-RateLimit-Reset" and seconds > 1e9:
                seconds -= now
        except ValueError:
            moment = _moment(text)
            if moment is None:
                continue
            seconds = moment.timestamp() - now
        if not math.isnan(seconds):
            return min(max(seconds, 0.0), LONGEST_SECONDS)
    return None


def limit_of(headers: Mapping[str, str], now: float) -> Limit:
    """The wait that a 429 asks for."""
    reason = (headers.get("RateLimit-Reason") or "").strip().lower()
    scope = Scope.SITE
    if reason.startswith("jira-burst"):
        scope = Scope.ENDPOINT
    elif reason.startswith("jira-per-issue"):
        scope = Scope.TICKET
    return Limit(scope, retry_after(headers, now))


@dataclass(frozen=True, slots=True)
class Announced:
    """A limit that Jira tells: ``rate`` calls a second, from a bucket of ``size`` calls.

    ``left`` calls are in the bucket, None if Jira does not say. ``whole_site``: the limit is on all
    calls of our account together.
    """

    rate: float
    size: float
    left: float | None
    whole_site: bool


def announced(headers: Mapping[str, str]) -> Announced | None:
    """The limit that an answer tells, None where it tells none.

    Data Center names a fill rate and an interval, for the account. Cloud's limit is a number of calls a
    second, for the endpoint; a quota's is a number of points an hour, which says nothing of a pace.

    >>> announced({"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "7"})
    Announced(rate=100.0, size=100.0, left=7.0, whole_site=False)
    """
    size = _positive(headers.get(TELLS))
    if size is None or (headers.get("RateLimit-Reason") or "").startswith("jira-quota"):
        return None
    left = _number(headers.get(LEFT))
    fill = _positive(headers.get("X-RateLimit-FillRate"))
    if fill is None:
        return Announced(size, size, left, whole_site=False)
    interval = _positive(headers.get("X-RateLimit-Interval-Seconds")) or 1.0
    return Announced(fill / interval, size, left, whole_site=True)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _positive(text: str | None) -> float | None:
    return _number(text) or None
