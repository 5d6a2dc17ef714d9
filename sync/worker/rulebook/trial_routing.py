"""Trial routing: which tickets open subjects without one would get, without touching the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sync.domain.subject import Snapshot
from sync.rules import RuleSet, Undecided, patience
from sync.store import open_items, subjects, tickets
from sync.store.engine import Store
from sync.store.slate import Slate
from sync.store.tables import SubjectRow
from sync.store.temporary import add_copies, copy_recent_tickets, copy_tickets, temporary_store
from sync.worker.triage.routing import Router, keys_tried
from sync.worker.walk.facts import Facts, gather_all

_BATCH = 100
# Seconds that slow searches may take while all subjects are looked at; the rest is undecided then.
LOOKING = 30.0


@patience(LOOKING)
def would_route(store: Store, rules: RuleSet, now: float) -> Mapping[str, Facts]:
    """The tickets, by key, that open subjects without one would come to, as they would stand then.

    The real routing decides on a copy, so grouping, generations and storms are included.
    """
    rows: list[SubjectRow] = []
    snapshots: dict[str, Snapshot] = {}
    keys: set[str] = set()
    storms: dict[str, float] = {}
    for batch in unrouted(store):
        for snapshot, row in batch:
            try:
                rule = rules.match(snapshot)
            except Undecided as fault:
                rule = rules.get(fault.rule)
            if rule is not None:
                rows.append(row)
                snapshots[row.ref] = snapshot
                keys |= keys_tried(rule, snapshot, now)
                if rule.storm is not None:
                    storms[rule.name] = now - rule.storm[1]
    if not rows:
        return {}
    with temporary_store() as trial:
        with store.read() as source, trial.write() as target:
            copy_tickets(source, target, keys)
            for name, since in storms.items():
                copy_recent_tickets(source, target, name, since)
            add_copies(target, rows)
        with trial.write() as session:
            slate = Slate(session)
            router = Router(slate, rules, now, snapshots)
            for _, snapshot in sorted(snapshots.items()):
                router.route(snapshot)
            slate.write(session)
            ids = subjects.ticket_ids(session, snapshots).values()
            return {
                facts.key: facts
                for some in _pages(sorted(set(ids)))
                for facts in gather_all(session, tickets.records(session, some))
            }


def _pages(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + tickets.BATCH] for start in range(0, len(ids), tickets.BATCH))


def unrouted(store: Store) -> Iterator[list[tuple[Snapshot, SubjectRow]]]:
    """Open subjects that belong to no ticket, in batches, ordered by reference."""
    last = ""
    while True:
        with store.read() as session:
            rows = open_items.open_without_ticket(session, after=last, limit=_BATCH)
        if not rows:
            return
        last = rows[-1].ref
        yield [(subjects.to_snapshot(row), row) for row in rows]
