"""A wish that comes while a walk ends is not written over by that end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from sync.domain.subject import merge_from_api
from sync.store import claims, parking, tickets
from sync.store.engine import Store
from sync.store.tables import TicketRow
from sync.worker.rulebook.impact import Impact, reach
from sync.worker.triage.incidents import incidents_due, issues_due
from sync.worker.walk.record import Record
from tests.worker.sweeps.build import Scene, incident, issue

Wish = Callable[[Scene], object]


def id_of(scene: Scene, ref: str) -> int:
    id_ = scene.row(ref).id
    assert id_ is not None
    return id_


def by_an_edit(scene: Scene) -> None:
    changed = ((id_of(scene, "coalesce:issue:1"), ("summary",)),)
    reach(scene.store, Impact(changed, 0, (), 1), scene.clock.time())


def by_an_edit_of_parked(scene: Scene) -> None:
    parked = (id_of(scene, "coalesce:issue:1"),)
    reach(scene.store, Impact((), 0, parked, 1), scene.clock.time())


def by_its_incidents_ticket(scene: Scene) -> None:
    with scene.store.write() as session:
        issues_due(session, id_of(scene, "coalesce:incident:9"), scene.clock.time(), "INC-2")


def by_its_issues_ticket(scene: Scene) -> None:
    with scene.store.write() as session:
        incidents_due(session, id_of(scene, "coalesce:issue:1"), scene.clock.time(), "DATA-1")


def by_hand(scene: Scene) -> None:
    with scene.store.write() as session:
        row = tickets.find(session, "coalesce:issue:1")
        assert row is not None
        parking.retry(session, [row], scene.clock.time(), "asked for by hand")


@pytest.mark.parametrize(
    ("wish", "ref"),
    [
        (by_an_edit, "coalesce:issue:1"),
        (by_an_edit_of_parked, "coalesce:issue:1"),
        (by_its_incidents_ticket, "coalesce:issue:1"),
        (by_its_issues_ticket, "coalesce:incident:9"),
        (by_hand, "coalesce:issue:1"),
    ],
)
def test_a_ticket_asked_for_while_its_walk_ends_is_walked_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wish: Wish, ref: str
) -> None:
    scene = Scene(store, tmp_path / "rules")
    with store.write() as session:
        scene.triage.merge_snapshots(session, [issue(1), incident(9, [1])], merge=merge_from_api)
    scene.settle()
    scene.change(ref, due_at=scene.clock.time() - 1, wanted=1)
    (claim,) = claims.claim(store, owner="other", now=scene.clock.time(), lease=120, limit=9)
    walk = Record(store, claim, scene.clock, 120)
    ending = threading.Thread(target=walk.settle)
    real = tickets.make_due

    def make_due(row: TicketRow, at: float, reason: str, **others: Any) -> None:
        # Between the reading of the row and its writing; where it is locked, that comes after.
        ending.start()
        ending.join(0.3)
        real(row, at, reason, **others)

    monkeypatch.setattr(tickets, "make_due", make_due)
    wish(scene)
    if ending.ident is None:
        # One statement reads and writes the row, so that nothing can come between.
        ending.start()
    ending.join(20)
    row = scene.row(ref)
    assert (row.wanted, row.lease_owner) == (2, None)
    assert row.due_at is not None


def test_a_retry_sees_what_a_walk_wrote_since_the_row_was_read(
    store: Store, tmp_path: Path
) -> None:
    scene = Scene(store, tmp_path / "rules")
    scene.absorb(issue(1))
    scene.settle()

    def found(session: Session) -> TicketRow:
        row = tickets.find(session, "coalesce:issue:1")
        assert row is not None
        return row

    with store.read() as session:
        early = found(session)
    scene.change("coalesce:issue:1", wanted=7)
    with store.write() as session:
        assert parking.retry(session, [early], scene.clock.time(), "asked for by hand") == 1
    assert scene.row("coalesce:issue:1").wanted == 8
