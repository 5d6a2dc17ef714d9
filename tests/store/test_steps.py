"""Steps of a walk: made in one statement on what the walk knows, or on what the row has become since."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from sync.store import claims, journal, steps, tickets
from sync.store.claims import Claim, LeaseLost
from sync.store.engine import Store
from sync.store.journal import Entry
from sync.store.slate import Slate
from sync.store.tables import JournalRow, SubjectRow, TicketRow, TicketState
from tests.store.test_tickets import claim, put, ticket

Change = Callable[[TicketRow], None]


def _set(**values: Any) -> Change:
    def change(row: TicketRow) -> None:
        for name, value in values.items():
            setattr(row, name, value)

    return change


def _nothing(_row: TicketRow) -> None:
    pass


def _due(row: TicketRow) -> None:
    tickets.make_due(row, 11.0, "an event", look=True)


def _retry(row: TicketRow) -> None:
    row.base = {**row.base, "parked": {"again": True}}
    row.attempts = 0
    _due(row)


def _adopted(row: TicketRow) -> None:
    _set(state=TicketState.LINKED, jira_id="7", lease_owner=None, lease_until=None)(row)


def _spared(row: TicketRow) -> None:
    _set(state=TicketState.SPARED, lease_owner=None, lease_until=None, due_at=None)(row)


# What others do to a claimed row.
MEANWHILE = [_nothing, _due, _retry, _adopted, _spared, _set(rule="renamed"), _set(seen="odd")]


def _settle(row: TicketRow, one: Claim) -> None:
    row.attempts += 1
    row.look = row.look and row.wanted != one.wanted
    claims.release(row, one, again_at=None, now=12.0)


# What steps do, as the walk of a claim does them.
STEPS: list[Callable[[TicketRow, Claim], None]] = [
    lambda row, _one: _set(lease_until=200.0)(row),
    lambda row, _one: _set(base={"é\0": [1, None]}, state=TicketState.CREATING)(row),
    lambda row, _one: _set(parked={"reason": "odd \ud800"}, look=True, project="P")(row),
    lambda row, _one: _set(jira_id="9", jira_key="DATA-9", intents=[{"kind": "move"}])(row),
    _settle,
]
ENTRIES = [Entry("one", "first"), Entry("two", "second \0 é 🎉", "warning"), Entry("three")]


def wrote(
    store: Store,
    one: Claim,
    change: Change,
    lines: list[journal.Line],
    alone: Callable[[], None] | None = None,
) -> Claim:
    """A step of a walk; the claim of the changed row."""
    row = cast("TicketRow", copy(one.about.row))
    change(row)
    return steps.write(store, one, row, change, lines, alone=alone)[0]


def _lines(count: int) -> list[journal.Line]:
    return [journal.Line(entry, float(n), 1, "r") for n, entry in enumerate(ENTRIES[:count])]


def _there(store: Store, id_: int) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """The row of a ticket, without what tells it from others, and what the journal says."""
    with store.read() as session:
        (row,) = [r for r in session.exec(select(TicketRow)) if r.id == id_]
        said = session.exec(select(JournalRow).order_by(JournalRow.id))  # type: ignore[arg-type]
        found = [(e.ticket_id, e.at, e.action, e.rule, e.result, e.words, e.detail) for e in said]
    return {k: v for k, v in row.model_dump().items() if k not in ("id", "key")}, found


def _as_if_read_first(store: Store, one: Claim, change: Change, lines: list[journal.Line]) -> None:
    with store.write() as session:
        change(claims.claimed(session, one))
        for line in lines:
            journal.add(session, line)


def _wiped(store: Store) -> None:
    with store.write() as session:
        for table in (JournalRow, TicketRow):
            for row in session.exec(select(table)):
                session.delete(row)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    meanwhile=st.lists(st.sampled_from(MEANWHILE), max_size=2),
    work=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), min_size=1, max_size=4),
)
def test_a_step_leaves_what_it_would_leave_if_it_read_the_row_first(
    store: Store, meanwhile: list[Change], work: list[tuple[Any, int]]
) -> None:
    found = []
    for at_once in (True, False):
        _wiped(store)
        (id_,) = put(store, ticket(due_at=1.0, base={"a": 1}))
        (one,) = claim(store)
        lost = False
        for number, (step, count) in enumerate(work):
            if number == len(work) // 2:
                for change in meanwhile:
                    with store.write() as session:
                        change(tickets.by_ids(session, [id_])[id_])
            first = one

            def changed(row: TicketRow, step: Any = step, first: Claim = first) -> None:
                step(row, first)

            try:
                if at_once:
                    one = wrote(store, one, changed, _lines(count))
                else:
                    _as_if_read_first(store, one, changed, _lines(count))
                    row, _ = _there(store, id_)
                    one = Claim(
                        id_, one.wanted, one.owner, row["lease_until"] or one.until, one.about
                    )
            except LeaseLost:
                lost = True
                break
        found.append((lost, *_there(store, id_)))
    assert found[0] == found[1]


@pytest.mark.parametrize("count", [49, 50, 51, 1200])
def test_a_step_may_have_any_number_of_lines(store: Store, count: int) -> None:
    (id_,) = put(store, ticket(due_at=1.0))
    (one,) = claim(store)
    lines = [journal.Line(Entry("link", str(n)), float(n), id_) for n in range(count)]
    one = wrote(store, one, _set(project="P"), lines)
    wrote(store, one, _set(project="Q"), [])
    row, said = _there(store, id_)
    assert (row["project"], [entry[5] for entry in said]) == ("Q", [str(n) for n in range(count)])


def test_a_step_after_the_lease_is_lost_writes_nothing(store: Store) -> None:
    (id_,) = put(store, ticket(due_at=1.0))
    (slow,) = claim(store, now=10)
    claim(store, now=71)
    before = _there(store, id_)
    with pytest.raises(LeaseLost):
        wrote(store, slow, _set(project="P"), _lines(2))
    assert _there(store, id_) == before


def test_the_walk_is_told_of_an_incident_that_its_ticket_belongs_to_by_now(store: Store) -> None:
    told: list[str] = []
    for number, (incident, issue) in enumerate([("", ""), ("inc", "s1"), ("s2", "else")]):
        with store.write() as session:
            session.add(_subject(f"s{number}"))
            (id_,) = [tickets.add(session, ticket(f"k{number}", due_at=1.0)).id]
            assert id_ is not None
            tickets.link(session, f"s{number}", id_, 1.0)
        (one,) = claim(store)
        assert not one.about.related
        if incident:
            with store.write() as session:
                slate = Slate(session)
                slate.set_issues(incident, {issue})
                slate.write(session)
        wrote(store, one, _set(project="P"), [], alone=lambda n=number: told.append(str(n)))
        assert _there(store, id_)[0]["project"] == "P"
    assert told == ["1", "2"]


def _subject(ref: str) -> SubjectRow:
    names = ("source", "kind", "workspace", "status", "event_type", "event_id")
    return SubjectRow(
        ref=ref, **dict.fromkeys(names, "x"), event_time=1, payload={}, first_seen_at=1.0
    )
