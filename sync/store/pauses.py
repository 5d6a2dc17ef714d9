"""Pauses that Jira sites asked for, shared by all daemons on a store. Kept in the watermarks table."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session, col, select

from sync.store.tables import WatermarkRow

_PREFIX = "pause: "


def load(session: Session) -> Mapping[str, float]:
    """By site, until when (seconds since the epoch) it asked to be left alone, as last heard."""
    query = select(WatermarkRow).where(col(WatermarkRow.name).startswith(_PREFIX, autoescape=True))
    return {
        row.name.removeprefix(_PREFIX): float(row.value.get("until", 0.0))
        for row in session.exec(query)
    }


def put(session: Session, site: str, until: float, now: float) -> None:
    """Tell the others; a longer pause that another has told of stands."""
    row = session.exec(
        select(WatermarkRow).where(WatermarkRow.name == _PREFIX + site).with_for_update()
    ).first()
    if row is None:
        session.add(WatermarkRow(name=_PREFIX + site, value={"until": until}, at=now))
    elif float(row.value.get("until", 0.0)) < until:
        row.value = {"until": until}
        row.at = now
