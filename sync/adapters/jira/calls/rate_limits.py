"""Reads the headers of a 429, or of a 503 with Retry-After: how long to wait, and which calls wait.

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
