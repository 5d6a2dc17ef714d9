"""Queries on the paces that daemons keep to under Jira's rate limits, so that they share the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, or_
from sqlmodel import Session, col, select

from sync.domain.pace import Pace
from sync.store.engine import dialect_of, insert_into
from sync.store.tables import PaceRow

# A daemon that has said nothing for so many seconds makes no calls.
FRESH_SECONDS = 3.0
_KEPT_SECONDS = 60.0
_LONGEST_ENDPOINT = 300


def exchange(
    session: Session, owner: str, now: float, own: Mapping[str, Sequence[Pace]]
) -> Mapping[str, list[Pace]]:
    """Say what a daemon knows, by site, in place of what it said before; what the others know, in the
    order of their names. What they said a moment ago is brought up to ``now``."""
    old = or_(col(PaceRow.owner) == owner, col(PaceRow.at) < now - _KEPT_SECONDS)
    session.execute(delete(PaceRow).where(old))
    rows = [
        {
            "owner": owner,
            "site": site,
            "endpoint": pace.endpoint[:_LONGEST_ENDPOINT],
            "rate": pace.limit,
            "met_at": now - pace.age,
            "empty": pace.empty,
            "used": pace.used,
            "taken": int(pace.taken),
            "waiting": pace.waiting,
            "at": now,
        }
        for site, paces in own.items()
        for pace in paces
    ]
    if rows:
        insert = insert_into(dialect_of(session), PaceRow)
        session.execute(insert.on_conflict_do_nothing(), rows)
    fresh = (
        select(PaceRow)
        .where(col(PaceRow.owner) != owner, col(PaceRow.at) > now - FRESH_SECONDS)
        .order_by(col(PaceRow.owner))
    )
    found: dict[str, list[Pace]] = {}
    for row in session.exec(fresh):
        age = max(0.0, now - row.met_at)
        first = row.owner < owner
        taken = row.taken + row.used * min(max(0.0, now - row.at), 1.0)
        pace = Pace(row.endpoint, row.rate, age, row.empty, row.used, taken, row.waiting, first)
        found.setdefault(row.site, []).append(pace)
    return found
