"""Comments and links of every tracker: marked, upserted, made once, taken away, or found missing."""

from __future__ import annotations

import pytest

from sync.domain.errors import Cause, Missing, Rejected
from sync.domain.rule import RemoteLink, TicketLink
from tests.contracts.trackers import Site

FIRST, SECOND = "coalesce:issue:1", "coalesce:issue:2"


def test_a_comment_is_found_by_its_marker(site: Site) -> None:
    ref = site.make()
    first = site.tracker.comment(ref, "Closed upstream.", "closed@1")
    second = site.tracker.comment(ref, "It came back.", "open@2")
    assert site.comments(ref) == ["Closed upstream.", "It came back."]
    assert site.tracker.find_comment(ref, "closed@1") == first
    assert site.tracker.find_comment(ref, "open@2") == second
    assert site.tracker.find_comment(ref, "open@3") == ""


def test_a_comment_that_is_edited_keeps_its_marker(site: Site) -> None:
    ref = site.make()
    id_ = site.tracker.comment(ref, "3 rows are missing.", "running")
    site.tracker.edit_comment(ref, id_, "5 rows are missing.")
    assert site.comments(ref) == ["5 rows are missing."]
    assert site.tracker.find_comment(ref, "running") == id_


def test_customers_see_a_comment_only_if_it_is_public(site: Site) -> None:
    ref = site.make(project="HELP", issue_type=("Incident",))
    internal = site.tracker.comment(ref, "3 rows are missing.", "a")
    public = site.tracker.comment(ref, "We are at it.", "b", public=True)
    assert site.for_customers(ref) == ["We are at it."]
    site.tracker.edit_comment(ref, internal, "5 rows are missing.")
    site.tracker.edit_comment(ref, public, "It is mended.", public=True)
    assert site.for_customers(ref) == ["It is mended."]
    site.tracker.edit_comment(ref, public, "The owner is on leave.")
    assert site.for_customers(ref) == []
    assert site.tracker.find_comment(ref, "b") == public


def test_comments_on_a_ticket_that_is_moved_to_customers_stay_internal(site: Site) -> None:
    ref = site.make()
    site.tracker.comment(ref, "3 rows are missing.", "a")
    ref = site.move(ref, "HELP")
    site.tracker.comment(ref, "5 rows are missing.", "b")
    assert site.for_customers(ref) == []


def test_a_deleted_comment_is_missing_and_its_id_is_not_given_again(site: Site) -> None:
    ref = site.make()
    kept = site.tracker.comment(ref, "Stays.", "a")
    gone = site.tracker.comment(ref, "Goes.", "b")
    site.delete_comment(ref, gone)
    assert site.tracker.find_comment(ref, "b") == ""
    with pytest.raises(Missing):
        site.tracker.edit_comment(ref, gone, "Comes back.")
    new = site.tracker.comment(ref, "New.", "c")
    assert len({kept, gone, new}) == 3
    assert site.comments(ref) == ["Stays.", "New."]


def test_a_ticket_that_is_not_there_takes_no_comment(site: Site) -> None:
    ref = site.make()
    id_ = site.tracker.comment(ref, "Before.", "a")
    site.delete(ref)
    with pytest.raises(Missing):
        site.tracker.comment(ref, "After.", "b")
    with pytest.raises(Missing):
        site.tracker.find_comment(ref, "a")
    with pytest.raises(Missing):
        site.tracker.edit_comment(ref, id_, "After.")


def test_a_link_to_a_subject_is_put_and_put_again(site: Site) -> None:
    ref = site.make()
    url = "https://app.example.com/issues/"
    long = "coalesce:" + "x" * 300
    site.tracker.link_remote(ref, RemoteLink(FIRST, f"{url}1", "orders is stale"))
    site.tracker.link_remote(ref, RemoteLink(f"{long}1", f"{url}2", "rows are late"))
    site.tracker.link_remote(ref, RemoteLink(f"{long}2", f"{url}3", "rows are lost"))
    site.tracker.link_remote(ref, RemoteLink(FIRST, f"{url}4", "orders is back"))
    assert sorted(site.remote_links(ref)) == [
        ("orders is back", f"{url}4"),
        ("rows are late", f"{url}2"),
        ("rows are lost", f"{url}3"),
    ]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "app.example.com/1"], ids=repr)
def test_an_address_that_no_browser_should_follow_is_not_linked(site: Site, url: str) -> None:
    ref = site.make()
    with pytest.raises(Rejected):
        site.tracker.link_remote(ref, RemoteLink(FIRST, url, "title"))
    assert site.remote_links(ref) == []


def test_a_ticket_that_is_not_there_is_not_linked_to_a_subject(site: Site) -> None:
    ref = site.make()
    site.delete(ref)
    with pytest.raises(Missing):
        site.tracker.link_remote(ref, RemoteLink(FIRST, "https://example.com/1", "title"))


@pytest.mark.parametrize("outward", [True, False], ids=["outward", "inward"])
def test_a_link_between_tickets_shows_on_both(site: Site, outward: bool) -> None:
    ref, other = site.make(FIRST), site.make(SECOND)
    site.tracker.link_tickets(ref, TicketLink("Blocks", other.key, outward))
    assert site.ticket_links(ref) == [("Blocks", other.key, outward)]
    assert site.ticket_links(other) == [("Blocks", ref.key, not outward)]


@pytest.mark.parametrize("again", [True, False], ids=["looking first", "at once"])
def test_a_link_between_tickets_is_there_once_however_often_it_is_made(
    site: Site, again: bool
) -> None:
    ref, other = site.make(FIRST), site.make(SECOND)
    link = TicketLink("Relates", other.key)
    site.tracker.link_tickets(ref, link)
    site.tracker.link_tickets(ref, link, again=again)
    assert site.ticket_links(ref) == [("Relates", other.key, True)]


def test_links_that_differ_in_type_or_direction_stand_beside_each_other(site: Site) -> None:
    ref, other = site.make(FIRST), site.make(SECOND)
    links = [("Relates", True), ("Blocks", True), ("Blocks", False)]
    for type_, outward in links:
        site.tracker.link_tickets(ref, TicketLink(type_, other.key, outward), again=True)
    site.tracker.unlink_tickets(ref, TicketLink("Blocks", other.key, outward=False))
    assert site.ticket_links(ref) == [("Relates", other.key, True), ("Blocks", other.key, True)]


def test_a_link_between_tickets_is_taken_away_from_either_side(site: Site) -> None:
    ref, other = site.make(FIRST), site.make(SECOND)
    for one, link in (
        (ref, TicketLink("Blocks", other.key)),
        (other, TicketLink("Blocks", ref.key, outward=False)),
    ):
        site.tracker.link_tickets(ref, TicketLink("Blocks", other.key))
        site.tracker.unlink_tickets(one, link)
        site.tracker.unlink_tickets(one, link)
        assert (site.ticket_links(ref), site.ticket_links(other)) == ([], [])


def test_a_link_to_a_moved_ticket_is_made_under_its_new_key(site: Site) -> None:
    ref, other = site.make(FIRST), site.make(SECOND)
    moved = site.move(other, "FLOW")
    site.tracker.link_tickets(ref, TicketLink("Blocks", moved.key))
    assert site.ticket_links(ref) == [("Blocks", moved.key, True)]


@pytest.mark.parametrize("how", ["deleted", "never there", "not visible"])
def test_a_link_to_a_ticket_that_is_not_there_is_rejected(site: Site, how: str) -> None:
    ref, other = site.make(FIRST), site.make(SECOND, project="OPS")
    if how == "deleted":
        site.delete(other)
    if how == "not visible":
        site.hide("OPS")
    key = "OPS-99999" if how == "never there" else other.key
    for again in (False, True):
        with pytest.raises(Rejected) as caught:
            site.tracker.link_tickets(ref, TicketLink("Blocks", key), again=again)
        assert caught.value.cause is Cause.PERMISSION
    assert site.ticket_links(ref) == []


def test_a_ticket_that_is_not_there_is_not_linked(site: Site) -> None:
    ref, other = site.make(FIRST), site.make(SECOND)
    site.delete(ref)
    link = TicketLink("Blocks", other.key)
    with pytest.raises(Rejected) as caught:
        site.tracker.link_tickets(ref, link)
    assert caught.value.cause is Cause.PERMISSION
    with pytest.raises(Missing):
        site.tracker.link_tickets(ref, link, again=True)
    with pytest.raises(Missing):
        site.tracker.unlink_tickets(ref, link)
    assert site.ticket_links(other) == []


def test_a_link_goes_with_the_ticket_at_its_other_end(site: Site) -> None:
    ref, other = site.make(FIRST), site.make(SECOND)
    link = TicketLink("Blocks", other.key)
    site.tracker.link_tickets(ref, link)
    site.delete(other)
    site.tracker.unlink_tickets(ref, link)
    assert site.ticket_links(ref) == []


def test_a_type_of_link_that_the_site_does_not_have_is_the_rules_mistake(site: Site) -> None:
    ref, other = site.make(FIRST), site.make(SECOND)
    with pytest.raises(Rejected) as caught:
        site.tracker.link_tickets(ref, TicketLink("Annoys", other.key))
    assert caught.value.cause is Cause.RULE
    assert site.ticket_links(ref) == []
