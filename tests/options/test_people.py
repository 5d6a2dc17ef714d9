"""Who a field belongs to, what happens to deleted and closed tickets: as the rule says."""

from __future__ import annotations

import pytest

from tests.options.stage import DAY, Stage, minimal

OWNED = minimal(
    fields="""
"Root cause" = "cause: {{ issue.trigger_message }}"
"Impact" = "impact: {{ issue.trigger_message }}"
environment = "place: {{ issue.trigger_message }}"
labels = ["{{ issue.trigger_message | slug }}"]
""",
    tables="""
[rule.ownership]
"Root cause" = "source"
"Impact" = "shared"
environment = "ticket"
""",
)
CAUSE, IMPACT = "customfield_10010", "customfield_10011"


@pytest.fixture
def owned(stage: Stage) -> Stage:
    stage.write_rules(OWNED)
    stage.tell("issue_created", "orders", trigger_message="one")
    stage.settle()
    fields = stage.ticket.fields
    assert (fields[CAUSE], fields[IMPACT], fields["environment"]) == (
        "cause: one",
        "impact: one",
        "place: one",
    )
    return stage


def _edit(stage: Stage) -> None:
    """People write into all three fields."""
    text = "theirs"
    stage.sandbox.person.edit(stage.ticket.key, **{CAUSE: text})
    doc = {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
    }
    rich = doc if stage.sandbox.dialect.value == "cloud" else text
    stage.sandbox.person.edit(stage.ticket.key, **{IMPACT: rich, "environment": rich})


def test_upstream_changes_reach_source_and_shared_fields(owned: Stage) -> None:
    owned.tell("issue_updated", "orders", trigger_message="two")
    owned.settle()
    fields = owned.ticket.fields
    assert (fields[CAUSE], fields[IMPACT], fields["environment"]) == (
        "cause: two",
        "impact: two",
        "place: one",
    )
    assert "two" in owned.ticket.labels
    assert "one" not in owned.ticket.labels
    assert owned.silent()


def test_what_people_wrote_stays_until_upstream_changes_that_field(owned: Stage) -> None:
    _edit(owned)
    owned.sandbox.person.add_labels(owned.ticket.key, "theirs")
    owned.tell("issue_updated", "orders", title="orders is very stale")
    owned.settle()
    fields = owned.ticket.fields
    assert (fields[CAUSE], fields[IMPACT], fields["environment"]) == (
        "cause: one",
        "theirs",
        "theirs",
    )
    owned.tell("issue_updated", "orders", trigger_message="two")
    owned.settle()
    fields = owned.ticket.fields
    assert fields[CAUSE] == "cause: two"
    # Rich text of theirs stays beside ours.
    assert "impact: two" in fields[IMPACT]
    assert fields["environment"] == "theirs"
    assert {"theirs", "two"} <= set(owned.ticket.labels)
    assert owned.silent()


@pytest.mark.parametrize("project", ["GOV", "OPS"])
def test_a_ticket_closed_as_the_rule_names_stays_closed(cloud: Stage, project: str) -> None:
    lists = '\n[rule.leave_closed]\nresolutions = ["Cannot Reproduce"]\nstatuses = ["Cancelled"]\n'
    cloud.write_rules(minimal(f'project = "{project}"', tables=lists))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    person, key = cloud.sandbox.person, cloud.ticket.key
    if project == "GOV":
        person.transition(key, "Cancelled")
    else:
        person.transition(key, "Resolved", resolution="Cannot Reproduce")
    closed = cloud.ticket.status
    cloud.tell("issue_closed", "orders")
    cloud.live(DAY)
    cloud.tell("issue_created", "orders")
    cloud.settle()
    assert cloud.ticket.status == closed
    assert cloud.silent()


def test_a_list_of_ones_own_takes_the_place_of_the_usual(cloud: Stage) -> None:
    cloud.write_rules(
        minimal(
            'project = "GOV"', tables="\n[rule.leave_closed]\nresolutions = []\nstatuses = []\n"
        )
    )
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.sandbox.person.transition(cloud.ticket.key, "Won't Do")
    cloud.tell("issue_closed", "orders")
    cloud.live(DAY)
    cloud.tell("issue_created", "orders")
    cloud.settle()
    assert (cloud.ticket.status, cloud.ticket.resolution) == ("Backlog", "")
    assert cloud.silent()


def test_a_deleted_ticket_is_made_again_with_what_is_known_now(cloud: Stage) -> None:
    cloud.write_rules(minimal('on_deleted = "recreate"'))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.mark("orders", "investigating")
    cloud.settle()
    cloud.sandbox.person.delete(cloud.ticket.key)
    cloud.tell("issue_updated", "orders", title="worse", status="ISSUE_STATUS_INVESTIGATING")
    cloud.settle()
    assert (cloud.ticket.summary, cloud.ticket.status) == ("worse", "In Progress")
    assert len(cloud.ticket.remote_links) == 1
    assert cloud.silent()


def test_a_ticket_deleted_after_the_end_is_not_made_again(cloud: Stage) -> None:
    cloud.write_rules(minimal('on_deleted = "recreate"'))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.sandbox.person.delete(cloud.ticket.key)
    cloud.tell("issue_closed", "orders")
    cloud.settle()
    assert cloud.tickets() == []
    assert cloud.silent()


def test_a_deleted_ticket_is_parked_and_says_what_to_do(cloud: Stage) -> None:
    cloud.write_rules(minimal())
    cloud.tell("issue_created", "orders")
    cloud.settle()
    key = cloud.ticket.key
    cloud.sandbox.person.delete(key)
    cloud.tell("issue_updated", "orders", title="worse")
    cloud.settle()
    parked = cloud.row().parked
    assert parked is not None
    assert parked["reason"].startswith(f"{key} was deleted in Jira")
    assert "on_deleted" in parked["remedy"]


def test_a_ticket_ignored_once_deleted_stays_ignored_when_its_subject_comes_back(
    cloud: Stage,
) -> None:
    cloud.write_rules(minimal('on_deleted = "ignore"'))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.sandbox.person.delete(cloud.ticket.key)
    cloud.tell("issue_updated", "orders", title="worse")
    cloud.settle()
    assert cloud.tickets() == []
    cloud.tell("issue_closed", "orders")
    cloud.live(DAY)
    cloud.tell("issue_created", "orders")
    cloud.settle()
    assert cloud.tickets() == []
    assert cloud.silent()
