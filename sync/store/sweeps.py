"""Queries for sweeps: how far each has come, and the runs on record."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from sync.store import leases
from sync.store.engine import Store, change, put
from sync.store.tables import RunResult, SweepRunRow, WatermarkRow

# Runs on a page.
PAGE = 50


class SweepLost(Exception):
    """Another process has the sweep's lease now: stop, and change nothing more."""


def lease_name(sweep: str) -> str:
    """The name of the lease under which a sweep runs."""
    return f"sweep:{sweep}"


def advance(session: Session, sweep: str, owner: str, value: dict[str, Any], now: float) -> None:
    """Move a watermark. Raises SweepLost, which undoes the transaction, where ``owner`` does not hold
    the sweep's lease any more."""
    if not leases.is_held(session, lease_name(sweep), owner):
        raise SweepLost(f"another process took the sweep {sweep!r} over")
    put(session, WatermarkRow(sweep=sweep, value=value, at=now))


def value(store: Store, sweep: str) -> dict[str, Any]:
    """What a sweep's watermark says; empty before the sweep's first run."""
    with store.read() as session:
        row = session.get(WatermarkRow, sweep)
        return dict(row.value) if row else {}


def begin(session: Session, row: SweepRunRow) -> int:
    """Record that a run began, under the sweep's lease; the run's id.

    Earlier runs of the sweep that never ended are marked as died: their processes lost the lease.
    """
    unended = col(SweepRunRow.sweep) == row.sweep, col(SweepRunRow.result) == RunResult.RUNNING
    words = "its process ended before the run did; the next run covers its window"
    died = update(SweepRunRow).where(*unended).values(result=RunResult.DIED.value, words=words)
    change(session, died)
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def end(session: Session, run_id: int, **columns: Any) -> None:
    """Record how a run ended, unless it was marked as died meanwhile."""
    row = session.get(SweepRunRow, run_id)
    if row is not None and row.result == RunResult.RUNNING:
        row.sqlmodel_update(columns)


def recent(session: Session, *, sweep: str = "", limit: int = 50) -> list[SweepRunRow]:
    """Runs (of one sweep, if named), newest first."""
    query = select(SweepRunRow).order_by(col(SweepRunRow.id).desc()).limit(limit)
    if sweep:
        query = query.where(SweepRunRow.sweep == sweep)
    return list(session.exec(query))


def last_success(session: Session, sweep: str) -> float | None:
    """When the newest run ended that went well (seconds since the epoch); None for never."""
    query = (
        select(SweepRunRow.started_at, SweepRunRow.seconds)
        .where(SweepRunRow.sweep == sweep, SweepRunRow.result == RunResult.OK)
        .order_by(col(SweepRunRow.id).desc())
    )
    found = session.exec(query.limit(1)).first()
    return None if found is None else found[0] + (found[1] or 0.0)


def page(session: Session, *, sweep: str, after: int, limit: int) -> list[SweepRunRow]:
    """Runs (of one sweep, if named) before the run ``after`` (0: from the newest), newest first."""
    query = select(SweepRunRow).order_by(col(SweepRunRow.id).desc()).limit(limit)
    if sweep:
        query = query.where(SweepRunRow.sweep == sweep)
    if after:
        query = query.where(col(SweepRunRow.id) < after)
    return list(session.exec(query))


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Delete up to ``batch`` runs that began before ``older_than``; how many were deleted."""
    old = select(SweepRunRow.id).where(SweepRunRow.started_at < older_than)
    oldest = old.order_by(col(SweepRunRow.started_at)).limit(batch)
    return change(session, delete(SweepRunRow).where(col(SweepRunRow.id).in_(oldest)))
