"""A store to try things on: what routing would do to subjects, without touching the real one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlmodel import Session, SQLModel, col, select

from sync.domain.subject import Snapshot
from sync.rules import RuleSet
from sync.store import subjects
from sync.store.engine import Store, open_store
from sync.store.tables import LinkRow, SubjectRow, TicketRow
from sync.worker.rulebook.impact import unrouted
from sync.worker.triage.routing import Router
from sync.worker.walk.facts import Facts, gather

Row = TypeVar("Row", bound=SQLModel)


@contextmanager
def scratch_store() -> Iterator[Store]:
    """An empty store that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ticket-sync-") as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'scratch.db'}")
        try:
            # It has no past, so it needs no migrations.
            SQLModel.metadata.create_all(store.engine)
            yield store
        finally:
            store.close()


def copied(rows: Iterable[Row]) -> list[Row]:
    """Rows that belong to no session."""
    return [type(row)(**row.model_dump()) for row in rows]


def would_route(store: Store, rules: RuleSet, now: float) -> Mapping[str, Facts]:
    """Tickets that open subjects without one would go on by these rules, by key, as they would be then.

    The real routing decides, on a copy: grouping, generations and storms included.
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
    with scratch_store() as scratch:
        with store.read() as source, scratch.write() as target:
            _copy(source, target, names)
            target.add_all(copied(matched.values()))
        with scratch.write() as session:
            snapshots = {ref: subjects.to_snapshot(row) for ref, row in matched.items()}
            return _routed(session, rules, now, snapshots)


def _copy(source: Session, target: Session, names: Iterable[str]) -> None:
    """The tickets of these rules, with their subjects."""
    of_rules = select(TicketRow.id).where(col(TicketRow.rule).in_(sorted(names)))
    rows = source.exec(select(TicketRow).where(col(TicketRow.id).in_(of_rules)))
    links = list(source.exec(select(LinkRow).where(col(LinkRow.ticket_id).in_(of_rules))))
    linked = select(LinkRow.subject).where(col(LinkRow.ticket_id).in_(of_rules))
    target.add_all(copied(rows))
    target.add_all(copied(source.exec(select(SubjectRow).where(col(SubjectRow.ref).in_(linked)))))
    target.flush()
    target.add_all(copied(links))
    target.flush()


def _routed(
    session: Session, rules: RuleSet, now: float, snapshots: Mapping[str, Snapshot]
) -> dict[str, Facts]:
    known = subjects.load(session, snapshots)
    router = Router(session, rules, now, snapshots)
    for _, row in sorted(known.items()):
        router.route(subjects.to_snapshot(row), row)
    session.flush()
    found: dict[str, Facts] = {}
    for id_ in sorted(set(subjects.ticket_ids(session, snapshots).values())):
        ticket = session.get(TicketRow, id_)
        if ticket is not None:
            found[ticket.key] = gather(session, ticket)
    return found
