"""What is known of subjects besides what their deliveries say: what the source's API told later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sync.domain.subject import Snapshot
from sync.store import subjects
from sync.store.engine import Store


def with_besides(store: Store, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Snapshots as deliveries tell them, with the severity, the impact and the contacts that the store
    has of the same subjects today. Raises StoreUnavailable."""
    with store.read() as session:
        rows = subjects.load(session, [str(one.ref) for one in snapshots])
        known = {ref: subjects.to_snapshot(row) for ref, row in rows.items()}
    return [_with(one, known.get(str(one.ref))) for one in snapshots]


def _with(snapshot: Snapshot, known: Snapshot | None) -> Snapshot:
    if known is None:
        return snapshot
    return replace(
        snapshot,
        severity=snapshot.severity or known.severity,
        impact=snapshot.impact or known.impact,
        contacts=snapshot.contacts or known.contacts,
    )
