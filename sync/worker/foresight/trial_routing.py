"""Trial routing: which tickets open subjects without one would get, without touching the store."""

from __future__ import annotations

from collections.abc import Mapping

from sync.domain.subject import Snapshot
from sync.rules import RuleSet
from sync.store import subjects, tickets
from sync.store.engine import Session, Store
from sync.store.tables import SubjectRow
from sync.store.temporary import add_copies, copy_tickets, temporary_store
from sync.worker.rulebook.impact import unrouted
from sync.worker.triage.routing import Router
from sync.worker.walk.facts import Facts, gather


def would_route(store: Store, rules: RuleSet, now: float) -> Mapping[str, Facts]:
    """The tickets, by key, that open subjects without one would come to, as they would stand then.

    The real routing decides on a copy, so grouping, generations and storms are included.
    """
    matched: dict[str, SubjectRow] = {}
    names: set[str] = set()
    for batch in unrouted(store):
        for snapshot, row in batch:
            rule = rules.match(snapshot)
            if rule is not None:
                matched[row.ref] = row
                names.add(rule.ref.name)
    if not matched:
        return {}
    with temporary_store() as trial:
        with store.read() as source, trial.write() as target:
            copy_tickets(source, target, names)
            add_copies(target, matched.values())
        with trial.write() as session:
            snapshots = {ref: subjects.to_snapshot(row) for ref, row in matched.items()}
            return _routed(session, rules, now, snapshots)


def _routed(
    session: Session, rules: RuleSet, now: float, snapshots: Mapping[str, Snapshot]
) -> dict[str, Facts]:
    known = subjects.load(session, snapshots)
    router = Router(session, rules, now, snapshots)
    for _, row in sorted(known.items()):
        router.route(subjects.to_snapshot(row), row)
    session.flush()
    ids = subjects.ticket_ids(session, snapshots).values()
    return {row.key: gather(session, row) for row in tickets.by_ids(session, ids).values()}
