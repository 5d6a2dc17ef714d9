"""When tickets are made, closed and used again, on a simulated Jira."""

from __future__ import annotations

import pytest

from tests.options.stage import DAY, HOUR, MINUTE, Stage, minimal


def test_a_held_ticket_is_made_once_the_hold_is_over_with_what_is_known_then(cloud: Stage) -> None:
    cloud.write_rules(minimal('hold = "10m"'))
    cloud.tell("issue_created", "orders")
    cloud.live(5 * MINUTE)
    cloud.tell("issue_updated", "orders", title="orders is very stale")
    cloud.live(4 * MINUTE)
    assert cloud.tickets() == []
    cloud.live(2 * MINUTE)
    assert cloud.ticket.summary == "orders is very stale"
    assert cloud.silent()


def test_each_flap_is_held_anew(cloud: Stage) -> None:
    cloud.write_rules(minimal('hold = "10m"'))
    for _ in range(3):
        cloud.tell("issue_created", "orders")
        cloud.live(8 * MINUTE)
        cloud.tell("issue_closed", "orders")
        cloud.live(HOUR)
    assert cloud.tickets() == []
    cloud.tell("issue_created", "orders")
    cloud.live(9 * MINUTE)
    assert cloud.tickets() == []
    cloud.live(2 * MINUTE)
    assert cloud.ticket.category == "new"
    assert cloud.silent()


def test_a_flap_within_one_hold_is_held_from_when_it_came_back(cloud: Stage) -> None:
    cloud.write_rules(minimal('hold = "10m"'))
    cloud.tell("issue_created", "orders")
    cloud.live(6 * MINUTE)
    cloud.tell("issue_closed", "orders")
    cloud.live(MINUTE)
    cloud.tell("issue_created", "orders")
    cloud.live(8 * MINUTE)
    assert cloud.tickets() == []
    cloud.live(3 * MINUTE)
    assert len(cloud.tickets()) == 1


def test_an_end_before_the_ticket_is_due_needs_no_call_to_jira(cloud: Stage) -> None:
    cloud.write_rules(minimal('hold = "10m"'))
    # A new store asks Jira once what there is.
    cloud.tell("issue_created", "customers")
    cloud.live(30 * MINUTE)
    calls = sum(cloud.sandbox.calls.values())
    cloud.tell("issue_created", "orders")
    cloud.tell("issue_closed", "orders")
    assert cloud.silent()
    assert sum(cloud.sandbox.calls.values()) == calls


def test_what_comes_back_in_time_uses_its_ticket_again(cloud: Stage) -> None:
    cloud.write_rules(minimal('reopen_within = "7d"'))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.tell("issue_closed", "orders")
    cloud.live(6 * DAY)
    assert cloud.ticket.status == "Done"
    cloud.tell("issue_created", "orders")
    cloud.settle()
    assert cloud.ticket.category == "new"
    assert cloud.silent()


def test_what_comes_back_too_late_gets_a_new_ticket_and_the_old_one_is_left_closed(
    cloud: Stage,
) -> None:
    cloud.write_rules(minimal('reopen_within = "7d"'))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.tell("issue_closed", "orders")
    cloud.live(8 * DAY)
    cloud.tell("issue_created", "orders")
    cloud.settle()
    old, new = cloud.tickets()
    assert (old.status, new.category) == ("Done", "new")
    cloud.tell("issue_closed", "orders")
    cloud.live(8 * DAY)
    cloud.tell("issue_created", "orders", title="once more")
    cloud.settle()
    assert [t.status for t in cloud.tickets()] == ["Done", "Done", "To Do"]
    assert [t.summary for t in cloud.tickets()][:2] == ["orders is stale"] * 2
    # A late word about the first ones changes nothing on them.
    cloud.tell("issue_updated", "orders", title="and now?")
    cloud.settle()
    assert [t.summary for t in cloud.tickets()] == ["orders is stale"] * 2 + ["and now?"]
    assert cloud.silent()


def test_the_one_who_reads_the_stale_ticket_finds_the_new_one_made_exactly_once(
    cloud: Stage,
) -> None:
    cloud.write_rules(minimal('reopen_within = "1d"'))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.tell("issue_closed", "orders")
    cloud.live(2 * DAY)
    cloud.tell("issue_created", "orders")
    cloud.tell("issue_updated", "orders", title="worse")
    cloud.tell("issue_updated", "orders", title="worst")
    cloud.settle()
    assert [t.summary for t in cloud.tickets()] == ["orders is stale", "worst"]


def test_a_ticket_closes_only_after_staying_closed(cloud: Stage) -> None:
    cloud.write_rules(minimal('close_after = "30m"'))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    for _ in range(4):
        cloud.tell("issue_closed", "orders")
        cloud.live(20 * MINUTE)
        cloud.tell("issue_created", "orders")
        cloud.live(20 * MINUTE)
    assert cloud.ticket.category == "new"
    assert cloud.ticket.comments == ()
    cloud.tell("issue_closed", "orders")
    cloud.live(29 * MINUTE)
    assert cloud.ticket.category == "new"
    cloud.live(2 * MINUTE)
    assert cloud.ticket.status == "Done"
    (said,) = cloud.ticket.comments
    assert said.text.startswith("Closed in Coalesce Quality")
    assert cloud.silent()


def test_while_a_close_waits_what_else_changed_is_written(cloud: Stage) -> None:
    cloud.write_rules(minimal('close_after = "30m"'))
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.mark("orders", "investigating")
    cloud.settle()
    cloud.tell("issue_closed", "orders", title="orders was stale")
    cloud.live(MINUTE)
    assert (cloud.ticket.status, cloud.ticket.summary) == ("In Progress", "orders was stale")
    cloud.live(HOUR)
    assert cloud.ticket.status == "Done"


@pytest.mark.parametrize(("wanted", "made"), [("true", 1), ("false", 0)])
def test_what_is_over_already_gets_a_ticket_only_if_the_rule_wants_one(
    cloud: Stage, wanted: str, made: int
) -> None:
    cloud.write_rules(minimal(f"create_when_ended = {wanted}"))
    cloud.tell("issue_created", "orders")
    cloud.tell("issue_closed", "orders")
    cloud.settle()
    assert [t.status for t in cloud.tickets()] == ["Done"] * made
    assert cloud.silent()


def test_what_was_over_and_came_back_gets_its_ticket_then(cloud: Stage) -> None:
    cloud.write_rules(minimal("create_when_ended = false"))
    cloud.tell("issue_closed", "orders")
    cloud.settle()
    assert cloud.tickets() == []
    cloud.tell("issue_created", "orders")
    cloud.settle()
    cloud.tell("issue_closed", "orders")
    cloud.settle()
    assert cloud.ticket.status == "Done"
    assert cloud.silent()


STORM = 'storm = { limit = 3, window = "10m" }'


def test_more_than_so_many_new_tickets_share_one(cloud: Stage) -> None:
    cloud.write_rules(minimal(STORM))
    for number in range(8):
        cloud.tell("issue_created", f"check-{number}")
        cloud.settle()
    assert len(cloud.tickets()) == 4
    umbrella = cloud.tickets()[-1]
    assert len(umbrella.remote_links) == 5
    # Each closes with its own; the umbrella with its last.
    for number in (0, 3, 4, 5, 6):
        cloud.tell("issue_closed", f"check-{number}")
    cloud.settle()
    assert [t.status for t in cloud.tickets()] == ["Done", "To Do", "To Do", "To Do"]
    cloud.tell("issue_closed", "check-7")
    cloud.settle()
    assert cloud.tickets()[-1].status == "Done"
    assert cloud.silent()


def test_after_the_storm_each_gets_its_own_ticket_again(cloud: Stage) -> None:
    cloud.write_rules(minimal(STORM))
    for number in range(5):
        cloud.tell("issue_created", f"check-{number}")
    cloud.settle()
    assert len(cloud.tickets()) == 4
    cloud.live(HOUR)
    cloud.tell("issue_created", "later")
    cloud.settle()
    assert cloud.tickets()[-1].summary == "later is stale"
    assert len(cloud.tickets()) == 5
    # What shared a ticket in the storm stays there when it comes back.
    cloud.tell("issue_closed", "check-4")
    cloud.tell("issue_created", "check-4")
    cloud.settle()
    assert len(cloud.tickets()) == 5


def test_a_storm_goes_on_one_umbrella_across_the_turn_of_its_window(cloud: Stage) -> None:
    cloud.write_rules(minimal(STORM))
    for number in range(40):
        cloud.tell("issue_created", f"check-{number}")
        cloud.live(MINUTE)
    assert len(cloud.tickets()) < 20


def test_held_tickets_that_were_spared_make_no_storm(cloud: Stage) -> None:
    cloud.write_rules(minimal(STORM + '\nhold = "1m"'))
    for number in range(5):
        cloud.tell("issue_created", f"flap-{number}")
        cloud.tell("issue_closed", f"flap-{number}")
    cloud.live(2 * MINUTE)
    assert cloud.tickets() == []
    cloud.tell("issue_created", "real")
    cloud.live(2 * MINUTE)
    assert cloud.ticket.summary == "real is stale"
    assert [row.key for row in cloud.rows() if row.jira_key] == ["coalesce:issue:real"]
