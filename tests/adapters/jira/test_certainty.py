"""The certainty table: what each outcome of a call proves, judged by the tickets that exist after it."""

from __future__ import annotations

from typing import Any

import pytest

from sync.domain.actions import Change
from sync.domain.errors import Cause, Fault, Missing, Outage, Refused, Rejected, SiteDown, Unknown
from sync.domain.ticket import FieldKind
from tests.adapters.jira.world import World, desired, label

# What goes wrong with POST issue: (name, fault, what must be raised, whether the ticket exists).
CREATES: list[tuple[str, dict[str, Any], type[Fault], bool]] = [
    ("refused connection", {"effect": "refuse"}, Refused, False),
    ("connect timeout", {"effect": "connect_timeout"}, Refused, False),
    ("rate limit", {"effect": "rate_limit", "retry_after": 7}, Refused, False),
    ("dropped before the work", {"effect": "drop"}, Unknown, False),
    ("dropped after the work", {"effect": "drop", "after": True}, Unknown, True),
    ("reply cut off", {"effect": "cut"}, Unknown, True),
    ("read timeout", {"effect": "read_timeout"}, Unknown, True),
    ("500 before", {"effect": "status", "status": 500}, Unknown, False),
    ("500 after", {"effect": "status", "status": 500, "after": True}, Unknown, True),
    ("502 page after", {"effect": "html", "status": 502, "after": True}, Unknown, True),
    ("503 maintenance", {"effect": "maintenance"}, Unknown, False),
    ("504 after", {"effect": "status", "status": 504, "after": True}, Unknown, True),
    ("redirect after", {"effect": "html", "status": 302, "after": True}, Unknown, True),
    ("HTML as 200 after", {"effect": "html", "status": 200, "after": True}, Unknown, True),
    (
        "201 without id",
        {"effect": "status", "status": 201, "body": {"key": "DATA-1"}, "after": True},
        Unknown,
        True,
    ),
    (
        "201 with a list",
        {"effect": "status", "status": 201, "body": [1], "after": True},
        Unknown,
        True,
    ),
    ("400", {"effect": "status", "status": 400, "body": {"errors": {"x": "no"}}}, Rejected, False),
    ("404", {"effect": "status", "status": 404}, Rejected, False),
    ("408", {"effect": "status", "status": 408}, Refused, False),
    ("409", {"effect": "status", "status": 409}, Refused, False),
    ("413", {"effect": "status", "status": 413}, Rejected, False),
    ("422", {"effect": "status", "status": 422}, Rejected, False),
    ("401", {"effect": "unauthorized"}, SiteDown, False),
    ("CAPTCHA", {"effect": "captcha"}, SiteDown, False),
]


@pytest.mark.parametrize(
    "fault, raised, exists", [row[1:] for row in CREATES], ids=[row[0] for row in CREATES]
)
def test_a_create_call_says_no_more_than_its_outcome_proves(
    world: World, fault: dict[str, Any], raised: type[Fault], exists: bool
) -> None:
    draft = world.tracker.draft(desired())
    strike = world.jira.faults.add(method="POST", path="/issue$", count=5, **fault)
    with pytest.raises(Fault) as caught:
        world.tracker.create(draft)
    assert type(caught.value) in (raised, *raised.__subclasses__())
    assert strike.hits == 1, "a create call is never repeated"
    assert len(world.jira.find_marker(label())) == int(exists)


def test_a_create_that_was_refused_may_be_sent_again_at_once_after_the_wait(world: World) -> None:
    draft = world.tracker.draft(desired())
    world.jira.faults.add("rate_limit", method="POST", path="/issue$", count=1, retry_after=7)
    with pytest.raises(Refused) as fault:
        world.tracker.create(draft)
    assert 7 <= (fault.value.retry_after or 0) < 8
    with pytest.raises(Refused):
        world.tracker.create(draft)
    world.clock.sleep(8)
    world.tracker.create(draft)
    assert len(world.jira.tickets()) == 1


READS: list[dict[str, Any]] = [
    {"effect": "refuse"},
    {"effect": "drop"},
    {"effect": "cut"},
    {"effect": "status", "status": 500},
    {"effect": "html", "status": 503},
    {"effect": "html", "status": 200},
    {"effect": "rate_limit", "retry_after": 1},
]


@pytest.mark.parametrize("fault", READS, ids=str)
def test_a_read_is_tried_again_for_a_moment_and_succeeds(
    world: World, fault: dict[str, Any]
) -> None:
    ref = world.make()
    world.jira.faults.add(method="GET", path="/issue/", count=2, **fault)
    begun = world.clock.time()
    assert world.tracker.read(ref.id).ref == ref
    assert world.clock.time() - begun < 12


@pytest.mark.parametrize("fault", READS[:-1], ids=str)
def test_a_read_that_keeps_failing_is_refused_after_three_tries(
    world: World, fault: dict[str, Any]
) -> None:
    ref = world.make()
    strike = world.jira.faults.add(method="GET", path="/issue/", **fault)
    with pytest.raises(Refused):
        world.tracker.read(ref.id)
    assert strike.hits == 3


def test_a_read_that_hung_is_not_tried_again_at_once(world: World) -> None:
    ref = world.make()
    strike = world.jira.faults.add("read_timeout", method="GET", path="/issue/")
    begun = world.clock.time()
    with pytest.raises(Refused):
        world.tracker.read(ref.id)
    assert strike.hits == 1
    assert world.clock.time() - begun <= 30


def test_an_update_that_was_refused_for_now_is_repeated(world: World) -> None:
    ref = world.make()
    change = Change("priority", "Priority", FieldKind.PLAIN, "Medium", "High")
    world.jira.faults.add("refuse", method="PUT", path="/issue/", count=2)
    world.tracker.update(ref, [change])
    assert world.jira.ticket(ref.id).priority == "High"


def test_an_update_that_is_to_wait_is_not_repeated_before_somebody_has_looked(world: World) -> None:
    ref = world.make()
    change = Change("priority", "Priority", FieldKind.PLAIN, "Medium", "High")
    strike = world.jira.faults.add("rate_limit", method="PUT", path="/issue/", retry_after=1)
    with pytest.raises(Refused):
        world.tracker.update(ref, [change])
    assert strike.hits == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("effect", ["drop", "status"])
def test_an_update_that_may_have_been_made_is_not_repeated_before_somebody_has_looked(
    world: World, effect: str, after: bool
) -> None:
    ref = world.make()
    change = Change("priority", "Priority", FieldKind.PLAIN, "Medium", "High")
    strike = world.jira.faults.add(effect, method="PUT", path="/issue/", after=after)
    with pytest.raises(Unknown):
        world.tracker.update(ref, [change])
    assert strike.hits == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_move_whose_reply_is_lost_is_unknown_and_not_repeated(world: World, after: bool) -> None:
    ref = world.make()
    hop = next(h for h in world.tracker.read(ref.id).hops if h.to.category.value == "done")
    strike = world.jira.faults.add("drop", method="POST", path="transitions", after=after)
    with pytest.raises(Unknown):
        world.tracker.transition(ref, hop, {})
    assert strike.hits == 1
    assert (world.jira.ticket(ref.id).category == "done") is after


def test_a_move_that_somebody_else_made_first_asks_for_a_new_look(world: World) -> None:
    ref = world.make(project="OPS")
    hop = world.tracker.read(ref.id).hops[0]
    world.jira.faults.add("status", method="POST", path="transitions", status=409, count=1)
    with pytest.raises(Unknown):
        world.tracker.transition(ref, hop, {})
    world.jira.person.transition(ref.key, hop.to.name)
    with pytest.raises(Unknown):
        world.tracker.transition(ref, hop, {})


def test_a_validators_refusal_comes_in_jiras_own_words(world: World) -> None:
    ref = world.make(project="STRICT", Severity="High")
    hop = next(h for h in world.tracker.read(ref.id).hops if h.name == "Resolve")
    with pytest.raises(Rejected, match="Root cause is required to resolve") as fault:
        world.tracker.transition(ref, hop, {"resolution": "Done"})
    assert fault.value.cause is Cause.TRANSITION
    assert "status table" in fault.value.remedy
    world.tracker.transition(ref, hop, {"resolution": "Done", "customfield_10010": "A\nbug"})
    ticket = world.jira.ticket(ref.id)
    assert (ticket.category, ticket.fields["customfield_10010"]) == ("done", "A bug")


def test_a_required_field_is_named_as_people_know_it(world: World) -> None:
    with pytest.raises(Rejected) as fault:
        world.make(project="STRICT")
    assert fault.value.cause is Cause.FIELD
    assert "customfield" not in str(fault.value) or "Severity" in str(fault.value)
    assert world.jira.tickets() == []


def test_a_field_that_cannot_be_set_is_not_blamed_while_jira_does_not_know_us(world: World) -> None:
    draft = world.tracker.draft(desired(Severity="High"))
    body = {
        "errorMessages": [],
        "errors": {
            "customfield_10015": "Field 'customfield_10015' cannot be set. "
            "It is not on the appropriate screen, or unknown."
        },
    }
    world.jira.faults.add("status", method="POST", path="/issue$", status=400, body=body, count=2)
    expired = world.jira.faults.add("unauthorized", path="myself", count=1)
    with pytest.raises(SiteDown) as down:
        world.tracker.create(draft)
    assert down.value.outage is Outage.AUTHENTICATION
    assert expired.hits == 1
    world.clock.sleep(60)
    with pytest.raises(Rejected) as fault:
        world.tracker.create(draft)
    assert fault.value.field == "Severity"


def test_not_found_is_not_believed_while_jira_does_not_know_us(world: World) -> None:
    ref = world.make()
    world.jira.faults.add("anonymous", path="/issue/", count=1)
    world.jira.faults.add("unauthorized", path="myself", count=1)
    with pytest.raises(SiteDown):
        world.tracker.read(ref.id)


def test_a_permission_is_what_is_missing_only_once_jira_knows_us(world: World) -> None:
    draft = world.tracker.draft(desired())
    body = {"errorMessages": ["You may not."], "errors": {}}
    world.jira.faults.add("status", method="POST", path="/issue$", status=403, body=body, count=1)
    with pytest.raises(Rejected, match="You may not") as fault:
        world.tracker.create(draft)
    assert fault.value.cause is Cause.PERMISSION
    assert world.tracker.health.down() == ""


@pytest.mark.parametrize("body", [{}, {"issues": None}, [], None, {"isLast": True}], ids=str)
def test_a_search_without_a_list_of_issues_is_an_error_never_no_match(
    world: World, body: Any
) -> None:
    world.jira.faults.add("status", path="search", status=200, body=body)
    if body is None:
        world.jira.faults.clear()
        world.jira.faults.add("html", path="search", status=200)
    with pytest.raises(Refused):
        world.tracker.find("coalesce:issue:1")


def test_a_project_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(Rejected) as fault:
        world.make(project="NOPE")
    assert fault.value.cause is Cause.PROJECT
    why = world.tracker.draft(desired(project="NOPE", issue_type=("Bug", "Task"))).unmakable
    assert why is not None
    assert (why.cause, "NOPE" in str(why)) == (Cause.PROJECT, True)


def test_a_comment_on_a_deleted_ticket_is_missing(world: World) -> None:
    ref = world.make()
    world.jira.person.delete(ref.key)
    with pytest.raises(Missing):
        world.tracker.comment(ref, "hello", "mark")
