"""Several subjects on one ticket, on a simulated Jira."""

from __future__ import annotations

import pytest

from tests.options.stage import DAY, HOUR, MINUTE, Stage, entity, minimal, owner

COUNTED = 'labels = ["n{{ subjects | length }}", "times{{ occurrences }}"]'


def test_a_group_closes_with_its_last_and_opens_again_with_any(stage: Stage) -> None:
    stage.write_rules(minimal('group_by = "trigger"', COUNTED))
    for name in ("a", "b"):
        stage.tell("issue_created", name, trigger_name="freshness")
    stage.settle()
    assert {"n2", "times2"} <= set(stage.ticket.labels)
    stage.tell("issue_closed", "a")
    stage.settle()
    assert stage.ticket.category == "new"
    stage.tell("issue_closed", "b")
    stage.settle()
    assert stage.ticket.status == "Done"
    stage.live(30 * DAY)
    stage.tell("issue_created", "b")
    stage.settle()
    assert stage.ticket.category == "new"
    assert {"n2", "times3"} <= set(stage.ticket.labels)
    assert not {"times2", "n1"} & set(stage.ticket.labels)
    stage.tell("issue_created", "c", trigger_name="freshness")
    stage.settle()
    assert "n3" in stage.ticket.labels
    assert len(stage.ticket.remote_links) == 3
    assert stage.silent()


def test_a_group_stands_where_its_least_advanced_open_subject_stands(cloud: Stage) -> None:
    cloud.write_rules(minimal('group_by = "trigger"'))
    for name in ("a", "b"):
        cloud.tell("issue_created", name, trigger_name="freshness")
    cloud.mark("a", "investigating")
    cloud.settle()
    assert cloud.ticket.status == "To Do"
    cloud.mark("b", "investigating")
    cloud.settle()
    assert cloud.ticket.status == "In Progress"
    cloud.tell("issue_closed", "a")
    cloud.settle()
    assert cloud.ticket.status == "In Progress"


def test_a_group_over_for_too_long_starts_a_new_ticket_for_all_that_follow(cloud: Stage) -> None:
    cloud.write_rules(minimal('group_by = "trigger"\nreopen_within = "7d"', COUNTED))
    for name in ("a", "b"):
        cloud.tell("issue_created", name, trigger_name="freshness")
        cloud.tell("issue_closed", name)
    cloud.settle()
    cloud.live(10 * DAY)
    cloud.tell("issue_created", "c", trigger_name="freshness")
    cloud.tell("issue_created", "a")
    cloud.tell("issue_created", "d", trigger_name="freshness")
    cloud.settle()
    old, new = cloud.tickets()
    assert (old.status, new.category) == ("Done", "new")
    assert "n3" in new.labels
    for name in ("a", "c", "d"):
        cloud.tell("issue_closed", name)
    cloud.settle()
    cloud.live(10 * DAY)
    cloud.tell("issue_created", "b")
    cloud.settle()
    assert [t.status for t in cloud.tickets()] == ["Done", "Done", "To Do"]
    assert cloud.silent()


@pytest.mark.parametrize(
    ("by", "tickets"),
    [
        ('"issue_group"', 3),
        ('"entity"', 2),
        ('"owner"', 2),
        ('"day"', 1),
        ('["entity", "owner"]', 3),
        ('"about {{ issue.title | slug }}"', 1),
        ('""', 4),
    ],
)
def test_subjects_come_together_by_what_the_rule_names(cloud: Stage, by: str, tickets: int) -> None:
    cloud.write_rules(minimal(f"group_by = {by}"))
    orders, customers = entity("orders"), entity("customers")
    for name, of, who, group in (
        ("a", orders, "Sales", "g1"),
        ("b", orders, "Finance", "g1"),
        ("c", customers, "Sales", "g2"),
        ("d", orders, "Sales", "g3"),
    ):
        cloud.tell(
            "issue_created",
            name,
            title="late",
            trigger_entity=of,
            owners=[owner(who)],
            issue_group_id=group,
        )
    cloud.settle()
    assert len(cloud.tickets()) == tickets
    assert cloud.silent()


def test_a_subject_without_a_group_has_a_ticket_of_its_own(cloud: Stage) -> None:
    cloud.write_rules(minimal('group_by = "owner"'))
    cloud.tell("issue_created", "a")
    cloud.tell("issue_created", "b")
    cloud.settle()
    assert [row.key for row in cloud.rows()] == ["coalesce:issue:a", "coalesce:issue:b"]


def test_one_flapping_check_does_not_keep_a_held_group_from_its_ticket(cloud: Stage) -> None:
    cloud.write_rules(minimal('group_by = "trigger"\nhold = "10m"'))
    cloud.tell("issue_created", "steady", trigger_name="freshness")
    for _ in range(4):
        cloud.tell("issue_created", "flap", trigger_name="freshness")
        cloud.live(MINUTE)
        cloud.tell("issue_closed", "flap")
        cloud.live(MINUTE)
    assert cloud.tickets() == []
    cloud.live(3 * MINUTE)
    assert len(cloud.ticket.remote_links) == 2
    cloud.live(HOUR)
    assert cloud.silent()
