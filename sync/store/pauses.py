"""Queries on the pauses that Jira sites asked for. All daemons on a store share them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session, col, select

from sync.store.engine import dialect_of, insert_into
from sync.store.tables import SitePauseRow


def load(session: Session) -> Mapping[str, float]:
    """Until when (seconds since the epoch) each site asked for no calls, by the site's name."""
    return {row.site: row.until for row in session.exec(select(SitePauseRow))}


def put(session: Session, site: str, until: float) -> None:
    """Record a pause for the other daemons. A longer pause that is on record stays."""
    row = insert_into(dialect_of(session), SitePauseRow).values(site=site, until=until)
    later = {"until": row.excluded.until}
    shorter = col(SitePauseRow.until) < row.excluded.until
    session.execute(row.on_conflict_do_update(index_elements=["site"], set_=later, where=shorter))
