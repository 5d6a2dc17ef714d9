"""How long deliveries and tickets take, for the metrics."""

from __future__ import annotations

from sync.telemetry import SETTLE_SECONDS, TICKET_SECONDS
from sync.worker.triage.arrivals import ARRIVALS
from sync.worker.walk.facts import Facts

# Seconds. A ticket that came into being longer after the last delivery comes from an edit of the rules,
# or from a sweep.
_CAME_OF_IT = 3600.0


def note_made(facts: Facts, now: float, *, waited: bool) -> None:
    """The ticket is in Jira ``now`` (seconds since the epoch). ``waited``: its rule or a person let it
    wait, so that its time does not count."""
    came = ARRIVALS.earliest(str(one.ref) for one in facts.snapshots)
    if came is not None and not waited and facts.created_at - came < _CAME_OF_IT:
        TICKET_SECONDS.labels(facts.site).observe(max(0.0, now - came))


def note_settled(facts: Facts, now: float, *, waited: bool) -> None:
    """The ticket is ``now`` as its rule wants it. ``waited``: a person let it wait, so that its time
    does not count."""
    ARRIVALS.forget(str(one.ref) for one in facts.snapshots)
    if facts.due_at is not None and not waited:
        SETTLE_SECONDS.labels(facts.site).observe(max(0.0, now - facts.due_at))
