"""Transitions of every tracker: what is offered is taken; what is not, or lacks a value, is not."""

from __future__ import annotations

import pytest

from sync.domain.actions import Comment
from sync.domain.errors import Cause, Missing, Rejected, Unknown
from sync.domain.rule import Category
from sync.domain.ticket import Hop, TicketRef
from tests.contracts.trackers import Site

NEW, UNDER_WAY, DONE = Category.NEW, Category.INDETERMINATE, Category.DONE


def hop_to(site: Site, ref: TicketRef, category: Category) -> Hop:
    """The first that leads there, of those offered now."""
    return next(h for h in site.tracker.read(ref.id).hops if h.to.category is category)


def hop_named(site: Site, ref: TicketRef, name: str) -> Hop:
    return next(h for h in site.tracker.read(ref.id).hops if h.name == name)


def stands(site: Site, ref: TicketRef) -> tuple[Category, str]:
    seen = site.tracker.read(ref.id)
    return seen.status.category, seen.resolution


def test_a_transition_leads_where_it_says_and_done_has_a_resolution(site: Site) -> None:
    ref = site.make()
    for category, resolution in ((UNDER_WAY, ""), (DONE, "Done"), (NEW, "")):
        hop = hop_to(site, ref, category)
        site.tracker.transition(ref, hop, {})
        assert site.tracker.read(ref.id).status == hop.to
        assert stands(site, ref) == (category, resolution)


@pytest.mark.parametrize("category", [NEW, UNDER_WAY, DONE], ids=str)
def test_the_same_global_transition_is_offered_and_taken_again(
    site: Site, category: Category
) -> None:
    ref = site.make()
    hop = hop_to(site, ref, category)
    site.tracker.transition(ref, hop, {})
    before = site.tracker.read(ref.id)
    assert hop.id in {offered.id for offered in before.hops}
    site.tracker.transition(ref, hop, {})
    after = site.tracker.read(ref.id)
    assert (after.status, after.resolution) == (before.status, before.resolution)


def test_a_global_transition_is_taken_wherever_somebody_else_has_moved_the_ticket(
    site: Site,
) -> None:
    ref = site.make()
    ours, theirs = hop_to(site, ref, DONE), hop_to(site, ref, UNDER_WAY)
    site.take(ref, theirs)
    site.tracker.transition(ref, ours, {})
    assert stands(site, ref)[0] is DONE


def test_a_transition_that_is_no_longer_offered_was_taken_or_overtaken(site: Site) -> None:
    ref = site.make(project="OPS")
    start = hop_named(site, ref, "Start Progress")
    site.tracker.transition(ref, start, {})
    with pytest.raises(Unknown) as again:
        site.tracker.transition(ref, start, {})
    assert again.value.over, "Jira has answered: nothing more comes of the call"
    assert stands(site, ref) == (UNDER_WAY, "")


def test_a_transition_that_somebody_else_has_taken_meanwhile_is_overtaken(site: Site) -> None:
    ref = site.make(project="OPS")
    start = hop_named(site, ref, "Start Progress")
    site.take(ref, start)
    with pytest.raises(Unknown) as late:
        site.tracker.transition(ref, start, {})
    assert late.value.over
    assert stands(site, ref) == (UNDER_WAY, "")


def test_a_transition_that_the_workflow_does_not_have_is_not_taken(site: Site) -> None:
    ref = site.make()
    with pytest.raises(Unknown) as caught:
        site.tracker.transition(ref, Hop("99999", "Beam up", site.tracker.read(ref.id).status), {})
    assert caught.value.over
    assert stands(site, ref) == (NEW, "")


def test_a_screen_says_what_it_asks_for_and_takes_it(site: Site) -> None:
    ref = site.make(project="OPS")
    hop = hop_named(site, ref, "Resolve Issue")
    screen = hop.fields["resolution"]
    assert (screen.id, screen.name, screen.required) == ("resolution", "Resolution", True)
    assert "Fixed" in screen.allowed
    site.tracker.transition(ref, hop, {"resolution": "Fixed"})
    assert stands(site, ref) == (DONE, "Fixed")
    site.tracker.transition(ref, hop_named(site, ref, "Reopen Issue"), {})
    assert stands(site, ref) == (NEW, "")


def test_a_comment_goes_along_with_a_transition_that_has_a_screen_and_is_dropped_without(
    site: Site,
) -> None:
    ref, comment = site.make(project="OPS"), Comment("Over", "m1")
    resolve = hop_named(site, ref, "Resolve Issue")
    site.tracker.transition(ref, resolve, {"resolution": "Fixed"}, comment)
    assert site.tracker.find_comment(ref, "m1")
    site.tracker.transition(ref, hop_named(site, ref, "Reopen Issue"), {}, Comment("Again", "m2"))
    assert (stands(site, ref), site.tracker.find_comment(ref, "m2")) == ((NEW, ""), "")


def test_a_comment_goes_along_only_if_the_transition_is_taken(site: Site) -> None:
    ref = site.make(project="OPS")
    with pytest.raises(Rejected):
        site.tracker.transition(
            ref, hop_named(site, ref, "Resolve Issue"), {}, Comment("Over", "m1")
        )
    assert (stands(site, ref), site.tracker.find_comment(ref, "m1")) == ((NEW, ""), "")


@pytest.mark.parametrize("given", [{}, {"resolution": "Beamed up"}], ids=["none", "unknown"])
def test_a_transition_without_the_resolution_that_it_asks_for_is_refused(
    site: Site, given: dict[str, str]
) -> None:
    ref = site.make(project="OPS")
    with pytest.raises(Rejected) as caught:
        site.tracker.transition(ref, hop_named(site, ref, "Resolve Issue"), given)
    assert (caught.value.cause, caught.value.field) == (Cause.TRANSITION, "Resolution")
    assert stands(site, ref) == (NEW, "")


def test_a_resolution_that_a_transition_does_not_ask_for_is_refused(site: Site) -> None:
    ref = site.make()
    with pytest.raises(Rejected) as caught:
        site.tracker.transition(ref, hop_to(site, ref, DONE), {"resolution": "Done"})
    assert (caught.value.cause, caught.value.field) == (Cause.TRANSITION, "Resolution")
    assert stands(site, ref) == (NEW, "")


@pytest.mark.parametrize("how", ["deleted", "not visible"])
def test_a_ticket_that_is_not_there_is_not_moved(site: Site, how: str) -> None:
    ref = site.make()
    hop = hop_to(site, ref, DONE)
    if how == "deleted":
        site.delete(ref)
    else:
        site.hide("DATA")
    with pytest.raises(Missing):
        site.tracker.transition(ref, hop, {})
