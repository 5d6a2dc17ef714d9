"""Jira's rate limits: calls a second for each endpoint and method, and writes for each issue."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sync.sandbox.jira.site.call import Problem

# Calls a second by method, as Atlassian documents them for API tokens on Cloud.
CLOUD_BURSTS = {"GET": 100, "POST": 100, "PUT": 50, "DELETE": 50}
# Writes to one issue: (number of writes, within this many seconds).
CLOUD_ISSUE_WRITES = ((20, 2.0), (100, 30.0))


def told(limit: float, left: float, *, cloud: bool) -> dict[str, str]:
    """The headers by which an answer announces a limit of ``limit`` calls a second, with ``left``
    left."""
    headers = {"X-RateLimit-Limit": f"{limit:g}", "X-RateLimit-Remaining": str(int(left))}
    if cloud:
        near = left < limit / 5
        return headers | ({"X-RateLimit-NearLimit": "true"} if near else {})
    return headers | {"X-RateLimit-Interval-Seconds": "1", "X-RateLimit-FillRate": f"{limit:g}"}


def too_many(
    now: float, *, reason: str, retry_after: float, limit: float | None = 100, cloud: bool = True
) -> Problem:
    """A 429 with the headers of Cloud or of Data Center. ``retry_after`` is in seconds. Where ``limit``
    is None, the answer does not announce the limit."""
    seconds = max(1, math.ceil(retry_after))
    headers = {"Retry-After": str(seconds)}
    if limit is not None:
        headers |= told(limit, 0, cloud=cloud)
    if cloud:
        reset = datetime.fromtimestamp(now + seconds, UTC)
        headers |= {"X-RateLimit-Reset": f"{reset:%Y-%m-%dT%H:%MZ}", "RateLimit-Reason": reason}
    return Problem(429, "Rate limit exceeded.", headers=headers)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class Limits:
    """Counts calls and writes on the sandbox's clock. Not thread-safe.

    ``bursts`` are calls a second by method. On Cloud each is the limit of an endpoint; on Data
    Center the largest is the limit of the account. They may be replaced at any time.
    ``issue_writes`` are as ``CLOUD_ISSUE_WRITES``. ``silent``: no answer tells a limit, and a 429 not
    even how long to wait, as of a proxy that limits the calls to Jira.
    """

    bursts: Mapping[str, float] = field(default_factory=lambda: dict(CLOUD_BURSTS))
    issue_writes: tuple[tuple[int, float], ...] = CLOUD_ISSUE_WRITES
    cloud: bool = True
    silent: bool = False
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _writes: dict[int, deque[float]] = field(default_factory=dict)

    def call(self, method: str, template: str, now: float) -> dict[str, str]:
        """Count one call; returns the headers that tell the limit. Raises Problem(429) beyond it."""
        size = self.bursts.get(method) if self.cloud else max(self.bursts.values(), default=None)
        if size is None:
            return {}
        name = (method, template) if self.cloud else ("", "")
        bucket = self._buckets.setdefault(name, _Bucket(size, now))
        bucket.tokens = min(size, bucket.tokens + max(0.0, now - bucket.at) * size)
        bucket.at = now
        if bucket.tokens < 1:
            if self.silent:
                raise Problem(429, "Rate limit exceeded.")
            raise too_many(
                now,
                reason="jira-burst-based",
                retry_after=(1 - bucket.tokens) / size,
                limit=size,
                cloud=self.cloud,
            )
        bucket.tokens -= 1
        return {} if self.silent else told(size, bucket.tokens, cloud=self.cloud)

    def write(self, issue: int, now: float) -> None:
        """Count one write to an issue. Raises Problem(429) beyond the limit."""
        if not self.issue_writes:
            return
        longest = max(window for _, window in self.issue_writes)
        times = self._writes.setdefault(issue, deque())
        while times and times[0] <= now - longest:
            times.popleft()
        for most, window in self.issue_writes:
            within = [at for at in times if at > now - window]
            if len(within) >= most:
                raise too_many(
                    now,
                    reason="jira-per-issue-on-write",
                    retry_after=within[0] + window - now,
                    limit=most,
                    cloud=self.cloud,
                )
        times.append(now)
