"""People win: what they edit, close, move and delete in Jira is respected."""

from __future__ import annotations

import pytest

from sync.domain.ticket import Block, Document
from sync.sandbox.memory import WONT_DO, MemoryTracker
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, World, issue_event


@pytest.fixture
def ticket(world: World, jira: MemoryTracker):
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    return jira.alive[0]


def test_a_summary_that_a_person_changed_stays(world: World, ticket) -> None:
    ticket.fields["summary"] = "mine"
    world.deliver(issue_event("issue_updated", A, at=2, description="Other."))
    world.settle()
    assert ticket.fields["summary"] == "mine"
    assert ticket.fields["description"].identities == ("Other.",)


def test_text_around_our_part_of_the_description_stays(world: World, ticket) -> None:
    mine, too = Block("mine", "mine"), Block("too", "too")
    ticket.fields["description"] = Document((mine, *ticket.fields["description"].blocks, too))
    world.deliver(issue_event("issue_updated", A, at=2, description="Other."))
    world.settle()
    assert ticket.fields["description"].identities == ("mine", "Other.", "too")


def test_a_label_that_a_person_added_stays(world: World, ticket) -> None:
    ticket.fields["labels"] = [*ticket.fields["labels"], "theirs"]
    world.deliver(issue_event("issue_updated", A, at=2, title="new"))
    world.settle()
    assert "theirs" in ticket.fields["labels"]


def test_a_close_as_wont_do_is_not_reopened(world: World, ticket) -> None:
    ticket.status, ticket.resolution = WONT_DO, "Won't Do"
    world.deliver(issue_event("issue_closed", A, at=2))
    world.settle()
    world.deliver(issue_event("issue_updated", A, at=3))
    world.settle()
    assert ticket.status == WONT_DO


@pytest.mark.parametrize(
    ("word", "tickets", "parked"), [("recreate", 1, False), ("park", 0, True), ("ignore", 0, False)]
)
def test_a_deleted_ticket_is_dealt_with_as_the_rule_says(
    world: World, jira: MemoryTracker, word: str, tickets: int, parked: bool
) -> None:
    world.write_rules(
        RULES.replace('issue_type = "Bug"', f'issue_type = "Bug"\non_deleted = "{word}"')
    )
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    jira.alive[0].deleted = True
    world.deliver(issue_event("issue_updated", A, at=2, title="again"))
    world.settle()
    assert len(jira.alive) == tickets
    assert (world.rows()[0].parked is not None) is parked


def test_a_moved_ticket_is_followed_under_its_new_key(world: World, ticket) -> None:
    ticket.ref = type(ticket.ref)(ticket.ref.id, "OPS-7")
    ticket.project = "OPS"
    world.deliver(issue_event("issue_closed", A, at=2))
    world.settle()
    assert world.rows()[0].jira_key == "OPS-7"
    assert ticket.status.name == "Done"


def test_a_ticket_that_a_person_closed_is_not_told_of_what_goes_on_upstream(
    world: World, ticket
) -> None:
    ticket.status, ticket.resolution = WONT_DO, "Won't Do"
    world.deliver(issue_event("issue_status_updated", A, at=2, status="ISSUE_STATUS_INVESTIGATING"))
    world.settle()
    assert ticket.comments == {}


def test_an_issue_without_a_title_still_gets_a_ticket(world: World, jira: MemoryTracker) -> None:
    world.deliver(issue_event("issue_created", A, at=1, title=" ", trigger_name="freshness"))
    world.settle()
    assert jira.alive[0].fields["summary"] == "Issue without a title: freshness"
