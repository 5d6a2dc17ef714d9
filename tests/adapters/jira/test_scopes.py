"""A token whose scopes do not allow a call: that call is refused and named, and the site goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sync.adapters.jira.check import Report, check_site
from sync.domain.actions import Change
from sync.domain.errors import Cause, Rejected, Scope, SiteDown
from sync.domain.rule import TicketLink
from sync.domain.ticket import FieldKind, TicketRef
from sync.rules import Defaults, parse
from sync.toml import Position
from tests.adapters.jira.world import LINK, World, desired, label

CLASSIC = ("read:jira-work", "write:jira-work", "read:jira-user")
READS = ("read:jira-work", "read:jira-user")
RULE = """\
[[rule]]
name = "all"
when = { kind = "issue" }
project = "DATA"
issue_type = "Bug"
"""

Write = Callable[[World, TicketRef, TicketRef], Any]

# What is written, and the granular scope it needs.
WRITES: dict[str, tuple[Write, str]] = {
    "create": (lambda world, ref, other: world.make("coalesce:issue:3"), "write:issue:jira"),
    "update": (
        lambda world, ref, other: world.tracker.update(
            ref, [Change("summary", "Summary", FieldKind.PLAIN, "", "Rows are back")]
        ),
        "write:issue:jira",
    ),
    "move": (
        lambda world, ref, other: world.tracker.transition(
            ref, world.tracker.read(ref.id).hops[0], {}
        ),
        "write:issue:jira",
    ),
    "comment": (
        lambda world, ref, other: world.tracker.comment(ref, "hello", "mark"),
        "write:comment:jira",
    ),
    "link back": (
        lambda world, ref, other: world.tracker.link_remote(ref, LINK),
        "write:issue.remote-link:jira",
    ),
    "link": (
        lambda world, ref, other: world.tracker.link_tickets(ref, TicketLink("Relates", other.key)),
        "write:issue-link:jira",
    ),
}


# Data Center's tokens have no scopes.
ON_CLOUD = pytest.mark.parametrize("world", ["cloud"], indirect=True)


@pytest.fixture
def cloud(world: World) -> World:
    return world


@ON_CLOUD
@pytest.mark.parametrize("write, scope", WRITES.values(), ids=WRITES)
def test_a_scope_that_the_token_lacks_is_named_and_is_no_outage_of_the_site(
    cloud: World, write: Write, scope: str
) -> None:
    ref, other = cloud.make(), cloud.make("coalesce:issue:2")
    granular = {granular for _, granular in WRITES.values()} - {scope}
    cloud.jira.limit_scopes(*READS, *granular)
    with pytest.raises(Rejected, match=scope) as fault:
        write(cloud, ref, other)
    assert fault.value.cause is Cause.PERMISSION
    assert "write:jira-work" in str(fault.value)
    assert cloud.tracker.health.down() == ""
    assert cloud.tracker.read(ref.id).ref == ref


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "answer",
    [
        {"body": {"code": 401, "message": "Unauthorized; scope does not match"}},
        {"body": {"code": 403, "message": "Forbidden; scope does not match"}},
        {"body": {"errorMessages": ["Unauthorized; scope does not match"], "errors": {}}},
        {
            "body": {"message": "Access denied"},
            "headers": {"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
        },
    ],
    ids=str,
)
def test_a_refusal_for_the_scope_is_known_in_each_of_its_forms(
    cloud: World, status: int, answer: dict[str, Any]
) -> None:
    draft = cloud.tracker.draft(desired())
    cloud.jira.faults.add("status", method="POST", path="/issue$", status=status, **answer)
    for _ in range(3):
        with pytest.raises(Rejected, match="write:jira-work") as fault:
            cloud.tracker.create(draft)
        assert fault.value.scope is Scope.PROJECT
    assert cloud.tracker.health.down() == ""
    assert cloud.jira.find_marker(label()) == []


@ON_CLOUD
@pytest.mark.parametrize("body", [{}, {"message": "Unauthorized"}, {"errorMessages": ["だめ"]}])
def test_a_401_of_one_call_is_no_outage_while_myself_works(world: World, body: Any) -> None:
    draft = world.tracker.draft(desired())
    world.jira.faults.add("status", method="POST", path="/issue$", status=401, body=body)
    with pytest.raises(Rejected) as fault:
        world.tracker.create(draft)
    assert (fault.value.cause, fault.value.scope) == (Cause.PERMISSION, Scope.TICKET)
    assert world.tracker.health.down() == ""
    world.jira.faults.add("status", path="myself", status=401, body=body)
    with pytest.raises(SiteDown):
        world.tracker.create(draft)


def test_a_token_that_may_not_ask_who_it_is_still_works(cloud: World) -> None:
    cloud.jira.limit_scopes("read:jira-work", "write:jira-work")
    ref = cloud.make()
    cloud.jira.person.delete(ref.key)
    # The next call asks `myself` whether a 404 may be believed.
    cloud.tracker.verify("DATA")
    assert cloud.tracker.health.down() == ""


def _checked(world: World) -> Report:
    rules = parse({"rules.toml": RULE}, Defaults({"main": "DATA"}, "main")).rules
    return check_site(world.tracker, rules, Position("config.toml", 7))


def test_check_tries_each_scope_and_changes_nothing(cloud: World) -> None:
    cloud.make()
    before = cloud.jira.tickets()
    cloud.jira.limit_scopes(*CLASSIC)
    assert _checked(cloud).findings == []
    assert cloud.jira.tickets() == before


@ON_CLOUD
@pytest.mark.parametrize(
    "lacking, words",
    [
        ("write:issue.remote-link:jira", "linking tickets to subjects"),
        ("write:comment:jira", "commenting"),
        ("write:issue-link:jira", "linking tickets"),
        ("delete:issue-link:jira", "unlinking tickets"),
        ("write:issue:jira", "creating tickets"),
    ],
)
def test_check_names_each_scope_that_the_token_lacks(
    cloud: World, lacking: str, words: str
) -> None:
    scopes = {scope for _, scope in WRITES.values()} | {"delete:issue-link:jira"}
    cloud.jira.limit_scopes(*READS, *(scopes - {lacking}))
    report = _checked(cloud)
    assert report.trouble == ""
    found = [str(one) for one in report.findings]
    assert any(lacking in one and words in one for one in found), found
    assert all(one.startswith("config.toml:7: token: has no scope for") for one in found)
    assert all(lacking in one for one in found)


@ON_CLOUD
def test_check_names_the_scope_without_which_nobody_can_be_looked_up(cloud: World) -> None:
    cloud.jira.limit_scopes("read:jira-work", "write:jira-work")
    (found,) = [str(one) for one in _checked(cloud).findings]
    assert "asking who we are" in found
    assert "read:jira-user" in found


def test_check_names_the_permission_to_link_that_every_link_back_needs(world: World) -> None:
    world.jira.deny("DATA", "LINK_ISSUES")
    (found,) = [str(one) for one in _checked(world).findings]
    assert "lacks the permission 'Link issues' in DATA" in found
