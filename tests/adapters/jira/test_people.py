"""People in rules: only what proves who is meant is taken, and what keeps us from knowing is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.domain.errors import Rejected
from sync.sandbox.jira.ready_site import BOT, FORMER, LEAD, ONCALL, OWNER
from sync.sandbox.jira.site.model import User
from tests.adapters.jira.world import World, desired


def add(world: World, user: User) -> User:
    world.jira.site.users[user.account_id] = user
    return user


def person(world: World, field: str, wished: object) -> str:
    """The account that a rule's value leads to."""
    draft = world.another().draft(desired(**{field: wished}))
    for parked in draft.parked_fields.values():
        raise Rejected(parked.parked.reason, remedy=parked.parked.remedy)
    (one,) = [f for f in draft.fields.values() if f.id not in ("summary", "labels")]
    return str(one.value)


def refused(world: World, field: str, wished: object) -> str:
    with pytest.raises(Rejected) as fault:
        person(world, field, wished)
    return f"{fault.value} {fault.value.remedy}"


def account(world: World, user: User) -> str:
    return user.account_id if world.cloud else user.name


FIELDS = ["assignee", "reporter", "Data owner"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("cut", [1, 2, 4])
@pytest.mark.parametrize("user", [OWNER, LEAD], ids=["shown", "hidden"])
def test_the_beginning_of_an_address_is_not_the_person(
    world: World, field: str, cut: int, user: User
) -> None:
    assert "no Jira user has the address" in refused(world, field, user.email[:-cut])
    assert person(world, field, user.email.upper()) == account(world, user)


@pytest.mark.parametrize("hidden", [True, False])
def test_of_two_addresses_that_begin_alike_each_leads_to_its_person(
    world: World, hidden: bool
) -> None:
    short = add(world, User("a1", "a1", "Ann A", "a@x.co", email_hidden=hidden))
    long = add(world, User("a2", "a2", "Ann B", "a@x.com", email_hidden=hidden))
    assert person(world, "assignee", "a@x.co") == account(world, short)
    assert person(world, "assignee", "a@x.com") == account(world, long)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.text("ab.-", min_size=1, max_size=4),
    st.sets(st.sampled_from(["@x.c", "@x.co", "@x.com", "@x.com.au"]), min_size=1),
    st.sampled_from(["@x.c", "@x.co", "@x.com", "@x.com.au"]),
)
def test_an_address_leads_to_its_owner_or_to_nobody(
    world: World, local: str, ends: set[str], wished: str
) -> None:
    for number, end in enumerate(sorted(ends)):
        hidden = bool(number % 2)
        add(world, User(f"g{number}", f"g{number}", "Some One", local + end, email_hidden=hidden))
    try:
        if wished in ends:
            assert person(world, "assignee", local + wished) == f"g{sorted(ends).index(wished)}"
        else:
            assert "no Jira user" in refused(world, "assignee", local + wished)
    finally:
        for number in range(len(ends)):
            world.jira.site.users.pop(f"g{number}")


@pytest.mark.parametrize("field", FIELDS)
def test_a_display_name_that_one_person_has_is_the_person(world: World, field: str) -> None:
    assert person(world, field, "data owner") == account(world, OWNER)
    assert "no Jira user" in refused(world, field, "Data")


@pytest.mark.parametrize("field", FIELDS)
def test_two_people_of_one_display_name_are_asked_about(world: World, field: str) -> None:
    twin = add(world, replace(OWNER, account_id="t1", name="t1", email="twin@example.com"))
    words = refused(world, field, "Data Owner")
    assert "several Jira users" in words
    assert account(world, twin) in words
    assert account(world, OWNER) in words
    assert person(world, field, account(world, OWNER)) == account(world, OWNER)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("wished", [FORMER.email, FORMER.display_name])
def test_an_account_that_is_deactivated_is_told(world: World, field: str, wished: str) -> None:
    words = refused(world, field, wished)
    if world.cloud:
        # Cloud finds active users alone, and others by their account ids.
        assert "a deactivated account is not found" in words
        words = refused(world, field, FORMER.account_id)
    assert "the Jira user Former Member is deactivated" in words


def test_of_several_people_the_first_who_may_have_the_field_is_taken(world: World) -> None:
    several: list[object] = ["", "nobody@example.com", [FORMER.email, LEAD.email], OWNER.email]
    assert person(world, "assignee", several) == account(world, LEAD)
    texts = f"nobody@example.com, {OWNER.email}"
    assert person(world, "reporter", texts) == account(world, OWNER)
    words = refused(world, "assignee", ["nobody@example.com", "No, One"])
    assert "none of 2 people named can have it: no Jira user has the address nobody@" in words
    assert "no Jira user goes by No, One" in words


def test_a_display_name_with_a_comma_is_one_person(world: World) -> None:
    found = add(world, User("c1", "c1", "Curie, Marie", "m.curie@example.com"))
    assert person(world, "assignee", "Curie, Marie") == account(world, found)


def test_data_center_takes_name_and_key(world: World) -> None:
    if world.cloud:
        return  # Cloud has account ids alone.
    renamed = add(world, User("r1", "new.name", "Renamed", "r@example.com", key="JIRAUSER10100"))
    assert person(world, "Data owner", "new.name") == renamed.name
    assert person(world, "Data owner", "JIRAUSER10100") == renamed.name
    assert person(world, "assignee", "JIRAUSER10100") == renamed.name


def test_a_person_who_may_not_be_assigned_is_told_of(world: World) -> None:
    world.jira.deny("DATA", "ASSIGNABLE_USER", user=ONCALL)
    words = refused(world, "assignee", ONCALL.email)
    assert "On-Call Engineer may not be assigned issues in DATA" in words
    assert person(world, "Data owner", ONCALL.email) == account(world, ONCALL)


@pytest.mark.parametrize("wished", ["nobody@example.com", "Nobody"])
def test_a_missing_permission_to_browse_users_is_named(world: World, wished: str) -> None:
    world.jira.site.cannot_browse_users.add(BOT.account_id)
    for field in FIELDS:
        assert "'Browse users and groups'" in refused(world, field, wished)
    assert person(world, "assignee", OWNER.email) == account(world, OWNER), "needs it not"


def test_what_a_draft_finds_is_what_jira_takes(world: World) -> None:
    ref = world.make(assignee="On-Call Engineer", reporter=OWNER.email)
    values = world.jira.site.issues[int(ref.id)].values
    assert (values["assignee"], values["reporter"]) == (ONCALL.account_id, OWNER.account_id)


def test_a_person_is_looked_up_once_for_a_while(world: World) -> None:
    for _ in range(3):
        world.tracker.draft(desired(assignee=LEAD.email))
    searches = [call for call in world.calls() if "assignable" in call]
    world.tracker.draft(desired(assignee=LEAD.email))
    assert [call for call in world.calls() if "assignable" in call] == searches
