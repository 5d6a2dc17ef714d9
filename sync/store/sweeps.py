"""Queries for sweeps: the lease on a watermark, how far it has come, and the runs.

A sweep's lease is a guarded update of its watermark row, like the claim of a ticket; its end is
counted on the database's clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from sync.store.engine import Store
from sync.store.tables import RunResult, SweepRunRow, WatermarkRow
from sync.store.time import database_time


class SweepLost(Exception):
    """Another process took this sweep over: stop, and change nothing more."""


def watermark_name(sweep: str) -> str:
    """The name of a sweep's watermark row."""
    return f"sweep:{sweep}"


def take(store: Store, sweep: str, owner: str, seconds: float) -> dict[str, Any] | None:
    """Take a sweep's lease for ``seconds``. Its watermark's value, or None when another has it.

    Runs of it that never ended are marked as died: their process lost the lease.
    """
    name = watermark_name(sweep)
    insert = sqlite.insert if store.dialect == "sqlite" else postgresql.insert
    now = database_time(store)
    with store.write() as session:
        session.execute(
            insert(WatermarkRow)
            .values(name=name, value={}, at=0.0)
            .on_conflict_do_nothing(index_elements=["name"])
        )
        free = col(WatermarkRow.lease_owner).is_(None) | (col(WatermarkRow.lease_until) < now)
        taken = session.execute(
            update(WatermarkRow)
            .where(col(WatermarkRow.name) == name, free)
            .values(lease_owner=owner, lease_until=now + seconds)
            .returning(col(WatermarkRow.value))
            .execution_options(synchronize_session=False)
        ).all()
        if not taken:
            return None
        session.execute(
            update(SweepRunRow)
            .where(
                col(SweepRunRow.sweep) == sweep, col(SweepRunRow.result) == RunResult.RUNNING.value
            )
            .values(
                result=RunResult.DIED.value,
                words="its process was gone before the run ended; the next run covers its window",
            )
            .execution_options(synchronize_session=False)
        )
        return dict(taken[0][0])


def renew(store: Store, sweep: str, owner: str, seconds: float) -> bool:
    """Hold a lease for ``seconds`` more. False when it is no longer ours."""
    with store.write() as session:
        held = session.execute(
            update(WatermarkRow)
            .where(
                col(WatermarkRow.name) == watermark_name(sweep),
                col(WatermarkRow.lease_owner) == owner,
            )
            .values(lease_until=database_time(store) + seconds)
            .returning(col(WatermarkRow.name))
            .execution_options(synchronize_session=False)
        ).all()
        return bool(held)


def release(store: Store, sweep: str, owner: str) -> None:
    """Let go of a lease, if it is still ours."""
    with store.write() as session:
        session.execute(
            update(WatermarkRow)
            .where(
                col(WatermarkRow.name) == watermark_name(sweep),
                col(WatermarkRow.lease_owner) == owner,
            )
            .values(lease_owner=None, lease_until=None)
            .execution_options(synchronize_session=False)
        )


def advance(session: Session, sweep: str, owner: str, value: dict[str, Any], now: float) -> None:
    """Move a watermark under its lease. Raises SweepLost, and then nothing of the transaction is."""
    moved = session.execute(
        update(WatermarkRow)
        .where(
            col(WatermarkRow.name) == watermark_name(sweep), col(WatermarkRow.lease_owner) == owner
        )
        .values(value=value, at=now)
        .returning(col(WatermarkRow.name))
        .execution_options(synchronize_session=False)
    ).all()
    if not moved:
        raise SweepLost(f"the sweep {sweep!r} was taken over by another process")


def value(store: Store, sweep: str) -> dict[str, Any]:
    """What a sweep's watermark says; empty before its first run."""
    with store.read() as session:
        row = session.get(WatermarkRow, watermark_name(sweep))
        return dict(row.value) if row else {}


def lease_owners(store: Store) -> list[str]:
    """Everybody who holds a sweep's lease now."""
    with store.read() as session:
        query = select(WatermarkRow.lease_owner).where(col(WatermarkRow.lease_owner).is_not(None))
        return sorted({owner for owner in session.exec(query.distinct()) if owner})


def release_leases_of(store: Store, owners: Iterable[str]) -> int:
    """Free the sweeps of dead owners; how many."""
    dead = sorted(owners)
    if not dead:
        return 0
    with store.write() as session:
        freed = session.execute(
            update(WatermarkRow)
            .where(col(WatermarkRow.lease_owner).in_(dead))
            .values(lease_owner=None, lease_until=None)
            .returning(col(WatermarkRow.name))
            .execution_options(synchronize_session=False)
        ).all()
        return len(freed)


def begin(session: Session, row: SweepRunRow) -> int:
    """Record that a run began; its id."""
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def end(session: Session, run_id: int, **columns: Any) -> None:
    """Record how a run ended, unless it has been marked as died meanwhile."""
    row = session.get(SweepRunRow, run_id)
    if row is None or row.result != RunResult.RUNNING:
        return
    for name, one in columns.items():
        setattr(row, name, one)
    session.add(row)


def recent(session: Session, *, sweep: str = "", limit: int = 50) -> list[SweepRunRow]:
    """Runs (of a sweep), newest first."""
    query = select(SweepRunRow).order_by(col(SweepRunRow.id).desc()).limit(limit)
    if sweep:
        query = query.where(SweepRunRow.sweep == sweep)
    return list(session.exec(query))


def prune(session: Session, *, older_than: float, batch: int) -> int:
    """Delete up to ``batch`` runs that began before ``older_than``; how many went."""
    doomed = list(
        session.exec(
            select(SweepRunRow.id)
            .where(SweepRunRow.started_at < older_than)
            .order_by(col(SweepRunRow.started_at))
            .limit(batch)
        )
    )
    if doomed:
        session.execute(delete(SweepRunRow).where(col(SweepRunRow.id).in_(doomed)))
    return len(doomed)
