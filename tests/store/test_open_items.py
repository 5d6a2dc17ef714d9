"""What counts as an open subject and as an open ticket, and which else each caller looks at."""

from __future__ import annotations

import pytest
from sqlmodel import select

from sync.domain.subject import EventType, Kind, Snapshot, Status, SubjectRef
from sync.store import open_items, subjects, tickets
from sync.store.engine import Store
from sync.store.slate import Slate
from sync.store.tables import TicketRow, TicketState
from sync.worker.walk.facts import gather

OPEN, CLOSED = Status.OPEN, Status.CLOSED


def put(store: Store, key: str, issues: str = "", incidents: str = "", **columns: object) -> int:
    """A ticket in Jira with its subjects, each given as "o" for an open or "c" for a closed one."""
    with store.write() as session:
        made = {"rule": "r", "site": "main", "project": "P", "state": TicketState.LINKED}
        row = tickets.add(
            session, TicketRow(key=key, jira_id=key, created_at=0.0, **{**made, **columns})
        )
        assert row.id is not None
        for kind, states in ((Kind.ISSUE, issues), (Kind.INCIDENT, incidents)):
            for number, state in enumerate(states):
                ref = SubjectRef("coalesce", kind, f"{key}{number}")
                snapshot = Snapshot(
                    ref=ref,
                    workspace="acme",
                    status=OPEN if state == "o" else CLOSED,
                    event_type=EventType.ISSUE_UPDATED,
                    event_time=1,
                    event_id="e",
                    payload={},
                )
                subjects.add(session, snapshot, 1.0)
                session.flush()
                tickets.link(session, str(ref), row.id, 1.0)
        return row.id


@pytest.mark.parametrize(
    ("issues", "incidents", "is_open", "speaker_open"),
    [
        ("", "", False, False),
        ("c", "", False, False),
        ("co", "", True, True),
        ("", "o", True, True),
        ("c", "o", True, True),
        ("o", "c", True, False),
    ],
    ids=[
        "without subjects",
        "all closed",
        "one of two open",
        "an open incident",
        "an open incident with a closed issue",
        "a closed incident with an open issue",
    ],
)
def test_a_ticket_is_open_with_any_subject_and_speaks_by_its_incident(
    store: Store, issues: str, incidents: str, is_open: bool, speaker_open: bool
) -> None:
    id_ = put(store, "a", issues, incidents)
    with store.read() as session:
        row = session.exec(select(TicketRow)).one()
        assert gather(session, row).ended is not speaker_open
        assert list(session.exec(select(TicketRow.id).where(open_items.open_ticket()))) == (
            [id_] if is_open else []
        )
        assert list(session.exec(select(TicketRow.id).where(open_items.speaker_open()))) == (
            [id_] if speaker_open else []
        )


def test_each_caller_looks_at_open_tickets_and_names_what_else(store: Store) -> None:
    open_ = put(store, "open", "o")
    due = put(store, "due", "c", due_at=5.0)
    parked = put(store, "parked", "c", parked={}, parked_at=5.0)
    open_and_parked = put(store, "both", "o", parked={}, parked_at=5.0)
    field_parked = put(store, "field", "c", parked={"fields": {}})
    put(store, "settled", "c")
    put(store, "spared", "o", state=TicketState.SPARED, due_at=5.0)
    put(store, "gone", "o", state=TicketState.GONE, parked={}, parked_at=5.0)
    with store.read() as session:
        found, left_out = open_items.open_or_due(session)
        assert (list(found), left_out) == ([open_, due, open_and_parked], 0)
        found, left_out = open_items.open_or_parked(session, ["r"], ["r"], [])
        assert (list(found), left_out) == ([open_, parked, open_and_parked, field_parked], 0)
        assert not open_items.open_or_parked(session, [], ["r"], [])[0]
        assert open_items.open_in_jira(session, "main", after=0, limit=10) == [(open_, "open")]


def test_a_ticket_that_is_surely_settled_is_left_out_and_counted(store: Store) -> None:
    put(store, "settled", "o", settled_by="a")
    others = [
        put(store, "other rule", "o", settled_by="b"),
        put(store, "due", "o", settled_by="a", due_at=5.0),
        put(store, "parked", "o", settled_by="a", parked={}),
        put(store, "claimed", "o", settled_by="a", lease_until=5.0),
        put(store, "other site", "o", settled_by="a", site="other"),
        put(store, "named", "o", settled_by="a"),
        put(store, "not sure", "o"),
    ]
    with store.read() as session:
        found = open_items.open_or_due(session, settled_by=["a"], sites=["main"], but=["named"])
        assert (list(found[0]), found[1]) == (others, 1)
        everything, left_out = open_items.open_or_due(session)
        assert (len(everything), left_out) == (8, 0)
        reached, left_out = open_items.open_or_parked(session, ["r"], ["r"], [], settled_by=["a"])
        assert (len(reached), left_out) == (8 - 3, 3)


def test_an_open_subject_without_a_ticket_is_found(store: Store) -> None:
    put(store, "a", "co")
    with store.write() as session:
        slate = Slate(session)
        for number in (0, 1):
            slate.link(f"coalesce:issue:a{number}", None, 0.0)
        slate.write(session)
    with store.read() as session:
        found = open_items.open_without_ticket(session, after="", limit=10)
    assert [row.ref for row in found] == ["coalesce:issue:a1"]
