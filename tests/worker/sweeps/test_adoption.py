"""Adoption: tickets that others made are kept from now on, never doubled, never stolen."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from sqlmodel import select, update

from sync.domain.subject import Snapshot, Status
from sync.domain.ticket import FAMILY_LABEL, Block, Document, TicketRef, marker_label
from sync.sandbox.memory import DONE, TO_DO, MemoryTicket
from sync.store.tables import TicketRow
from sync.worker.adoption import Adoption, Fate, Pair
from tests.worker.sweeps.build import START, MemoryApi, Scene, issue

A, B = (str(uuid.UUID(int=n)) for n in (10, 11))


def made_by_a_person(scene: Scene, number: int, text: str = "", **kwargs: object) -> MemoryTicket:
    ref = TicketRef(str(500 + number), f"DATA-{500 + number}")
    fields = {
        "summary": "orders look old",
        "description": Document((Block(text, text),)),
        "labels": ["jiralert"],
    }
    ticket = MemoryTicket(ref, "DATA", "Bug", fields, START - 3600)
    ticket = replace(ticket, **kwargs)  # type: ignore[arg-type]
    scene.jira.tickets[ref.id] = ticket
    return ticket


def adoption(scene: Scene, api: MemoryApi | None = None, *, apply: bool = True) -> Adoption:
    return Adoption(
        scene.store, scene.jira, scene.rules(), scene.clock, "coalesce", api=api, apply=apply
    )


def fates(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.ticket, pair.fate.value) for pair in pairs]


def known(scene: Scene, *snapshots: Snapshot) -> None:
    """Let subjects be known that have no ticket yet."""
    scene.absorb(*snapshots)


def test_a_ticket_that_names_one_issue_is_taken_over_and_no_second_one_is_made(
    scene: Scene,
) -> None:
    known(scene, issue(A))
    theirs = made_by_a_person(scene, 1, f"see https://app.example.com/issues/{A} please")
    assert fates(adoption(scene).matching('labels = "jiralert"')) == [("DATA-501", "adopt")]
    scene.settle()
    assert len(scene.jira.alive) == 1
    assert theirs.fields["summary"] == "orders look old", "what it says stays"
    marked = {"jiralert", FAMILY_LABEL, marker_label(f"coalesce:issue:{A}")}
    assert marked <= set(theirs.fields["labels"])


def test_an_adopted_ticket_follows_its_subject(scene: Scene) -> None:
    known(scene, issue(A))
    theirs = made_by_a_person(scene, 1)
    adoption(scene).pairs([(A, "DATA-501")])
    scene.settle()
    assert theirs.status == TO_DO
    assert theirs.fields["summary"] == "orders look old"
    scene.absorb(issue(A, at=5, title="orders are late"))
    scene.settle()
    assert theirs.fields["summary"] == "orders are late", "what changes upstream is written"
    scene.absorb(issue(A, at=9, status=Status.CLOSED))
    scene.settle()
    assert theirs.status == DONE


def test_a_ticket_that_is_taken_over_is_on_the_site_where_it_was_read(scene: Scene) -> None:
    known(scene, issue(A))
    # It was to be made on another site.
    with scene.store.write() as session:
        session.exec(update(TicketRow).values(site="other"))
    made_by_a_person(scene, 1)
    adoption(scene).pairs([(A, "DATA-501")])
    with scene.store.read() as session:
        row = session.exec(select(TicketRow)).one()
    assert (row.jira_key, row.site) == ("DATA-501", "main")


def test_the_ticket_of_a_subject_that_is_over_is_closed(scene: Scene, api: MemoryApi) -> None:
    api.put(issue(A, status=Status.CLOSED))
    theirs = made_by_a_person(scene, 1)
    adoption(scene, api).pairs([(f"coalesce:issue:{A}", "DATA-501")])
    scene.settle()
    assert theirs.status == DONE
    assert len(scene.jira.alive) == 1


def test_without_apply_nothing_is_written(scene: Scene) -> None:
    known(scene, issue(A))
    made_by_a_person(scene, 1)
    assert fates(adoption(scene, apply=False).pairs([(A, "DATA-501")])) == [("DATA-501", "adopt")]
    assert scene.row(f"coalesce:issue:{A}").jira_id is None


def test_adopting_again_changes_nothing(scene: Scene) -> None:
    known(scene, issue(A))
    made_by_a_person(scene, 1)
    adoption(scene).pairs([(A, "DATA-501")])
    scene.settle()
    assert fates(adoption(scene).pairs([(A, "DATA-501")])) == [("DATA-501", "already")]
    assert scene.settle() == 0


def test_a_subject_that_has_a_ticket_gets_no_second_one(scene: Scene) -> None:
    known(scene, issue(A))
    scene.settle()
    made_by_a_person(scene, 1)
    (pair,) = adoption(scene).pairs([(A, "DATA-501")])
    assert (pair.fate, pair.words) == (Fate.CONFLICT, "the subject has DATA-1 already")


def test_a_ticket_is_not_taken_from_another_subject(scene: Scene) -> None:
    known(scene, issue(A), issue(B))
    made_by_a_person(scene, 1)
    pairs = adoption(scene).pairs([(A, "DATA-501"), (B, "DATA-501")])
    assert fates(pairs) == [("DATA-501", "adopt"), ("DATA-501", "conflict")]


@pytest.mark.parametrize("apply", [True, False])
def test_two_tickets_for_one_subject_are_a_conflict(scene: Scene, apply: bool) -> None:
    known(scene, issue(A))
    made_by_a_person(scene, 1, A)
    made_by_a_person(scene, 2, A)
    pairs = adoption(scene, apply=apply).matching('labels = "jiralert"')
    assert fates(pairs) == [("DATA-501", "adopt"), ("DATA-502", "conflict")]


def test_what_cannot_be_told_is_reported(scene: Scene) -> None:
    known(scene, issue(A), issue(B))
    made_by_a_person(scene, 1, "nothing in it")
    made_by_a_person(scene, 2, f"{A} and {B}")
    pairs = adoption(scene).matching('labels = "jiralert"')
    assert [pair.words.split(":")[0] for pair in pairs] == [
        "its text names no issue or incident that is known",
        "its text names several",
    ]
    pairs = adoption(scene).pairs([(str(uuid.UUID(int=99)), "DATA-501"), (A, "DATA-999")])
    assert [pair.fate for pair in pairs] == [Fate.CONFLICT, Fate.CONFLICT]
    assert "there is no such ticket" in pairs[1].words


def test_a_ticket_that_is_being_made_is_not_overtaken(scene: Scene) -> None:
    known(scene, issue(A))
    scene.change(f"coalesce:issue:{A}", state="creating")
    made_by_a_person(scene, 1)
    (pair,) = adoption(scene).pairs([(A, "DATA-501")])
    assert pair.fate is Fate.CONFLICT


def test_the_api_is_asked_once_for_a_hundred_tickets(scene: Scene, api: MemoryApi) -> None:
    ids = [str(uuid.UUID(int=1000 + number)) for number in range(120)]
    api.put(*(issue(id_) for id_ in ids[::2]))
    for number, id_ in enumerate(ids):
        made_by_a_person(scene, number, f"see {id_}")
    pairs = adoption(scene, api).matching('labels = "jiralert"')
    assert [pair.fate is Fate.ADOPT for pair in pairs] == [True, False] * 60
    assert sorted(api.calls) == ["incidents", "incidents", "issues", "issues"]
    api.calls.clear()
    given = [(id_, f"DATA-{500 + number}") for number, id_ in enumerate(ids)]
    assert len(adoption(scene, api, apply=False).pairs(given)) == 120
    assert len(api.calls) == 4
