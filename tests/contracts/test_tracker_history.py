"""What every tracker tells of a ticket's history: who changed what and when, and what was said."""

from __future__ import annotations

from sync.domain.history import Act, History, Part
from sync.domain.rule import Category
from sync.domain.ticket import Hop, TicketRef
from tests.contracts.trackers import Site

OWNER = "Data Owner"


def history(site: Site, ref: TicketRef, since: float = 0.0) -> History:
    """The history of a ticket."""
    found = site.tracker.read(ref.id, history_since=since).history
    assert found is not None
    return found


def moves(found: History) -> list[tuple[str, str, str]]:
    """Name of the actor, and the ids of the status before and after, of each move."""
    acts = (act for act in found.acts if act.part is Part.STATUS)
    return [(act.who.name, act.before, act.after) for act in acts]


def hop_to(site: Site, ref: TicketRef, category: Category) -> Hop:
    return next(h for h in site.tracker.read(ref.id).hops if h.to.category is category)


def test_a_ticket_is_read_without_its_history_unless_it_is_asked_for(site: Site) -> None:
    ref = site.make()
    site.say(ref, "hello")
    assert site.tracker.read(ref.id).history is None


def test_a_ticket_that_nobody_touched_has_no_acts_and_no_comments(site: Site) -> None:
    ref = site.make()
    found = history(site, ref)
    assert (found.acts, found.comments, found.complete) == ((), (), True)
    assert found.read_at == site.clock.time()
    assert found.address == site.tracker.browse_url(ref.key)


def test_a_move_of_a_persons_and_one_of_ours_are_told_with_their_actors(site: Site) -> None:
    ref = site.make()
    first = site.tracker.read(ref.id).status
    begin = hop_to(site, ref, Category.INDETERMINATE)
    begun = site.clock.time()
    site.take(ref, begin)
    site.clock.sleep(60)
    done = hop_to(site, ref, Category.DONE)
    site.tracker.transition(ref, done, {})
    found = history(site, ref)
    assert moves(found) == [
        (OWNER, first.id, begin.to.id),
        ("Ticket Sync", begin.to.id, done.to.id),
    ]
    assert [act.at - begun for act in found.acts if act.part is Part.STATUS] == [0, 60]
    assert found.acts[0].who.id != found.acts[-1].who.id


def test_acts_begin_at_the_time_that_is_asked_for(site: Site) -> None:
    ref = site.make()
    site.take(ref, hop_to(site, ref, Category.INDETERMINATE))
    site.clock.sleep(60)
    later = site.clock.time()
    site.take(ref, hop_to(site, ref, Category.DONE))
    assert len(moves(history(site, ref))) == 2
    assert len(moves(history(site, ref, later))) == 1
    assert history(site, ref, later + 1).acts == ()


def test_a_resolution_is_told_by_what_it_was_and_is(site: Site) -> None:
    ref = site.make()
    site.take(ref, hop_to(site, ref, Category.DONE))
    site.clock.sleep(20)
    site.resolve(ref, "Won't Do")
    last = [act for act in history(site, ref).acts if act.part is Part.RESOLUTION][-1]
    assert last.before != last.after
    assert last.at == site.clock.time()
    site.resolve(ref, "")
    assert history(site, ref).acts[-1].after == ""


def test_an_assignment_names_the_account_as_the_field_does(site: Site) -> None:
    ref = site.make()
    site.assign(ref, "on.call")
    seen = site.tracker.read(ref.id, history_since=0.0)
    assert seen.history is not None
    (act,) = seen.history.acts
    assert isinstance(act, Act)
    assert seen.assignee is not None
    assert (act.part, act.before) == (Part.ASSIGNEE, "")
    assert act.after == seen.fields["assignee"] == seen.assignee.id
    site.assign(ref, "")
    seen = site.tracker.read(ref.id, history_since=0.0)
    assert seen.history is not None
    assert (seen.assignee, seen.history.acts[-1].after) == (None, "")


def test_a_move_to_another_project_is_no_act(site: Site) -> None:
    ref = site.make()
    moved = site.move(ref, "FLOW")
    assert [act.part for act in history(site, moved).acts if act.part is not Part.STATUS] == []


def test_comments_are_told_oldest_first_with_author_time_and_address(site: Site) -> None:
    ref = site.make()
    begun = site.clock.time()
    ids = [site.say(ref, "first"), site.say(ref, "second")]
    site.clock.sleep(60)
    site.reword(ref, ids[0], "first, reworded")
    found = history(site, ref).comments
    assert [(one.id, one.who.name, one.marker) for one in found] == [
        (ids[0], OWNER, ""),
        (ids[1], OWNER, ""),
    ]
    assert [one.text for one in found] == ["first, reworded", "second"]
    assert [(one.created - begun, one.updated - begun) for one in found] == [(0, 60), (0, 0)]
    address = site.tracker.browse_url(ref.key)
    assert [one.url for one in found] == [f"{address}?focusedCommentId={id_}" for id_ in ids]


def test_a_comment_of_ours_is_told_by_its_marker(site: Site) -> None:
    ref = site.make()
    id_ = site.tracker.comment(ref, "Closed **upstream**.", "closed@1", public=True)
    site.say(ref, "Closed upstream.")
    found = history(site, ref).comments
    assert [(one.id == id_, one.marker) for one in found] == [(True, "closed@1"), (False, "")]
    assert found[0].text == "Closed **upstream**."


def test_a_comment_that_not_everybody_sees_is_restricted(site: Site) -> None:
    ref = site.make()
    site.say(ref, "for all")
    site.say(ref, "for the team", internal=True)
    site.tracker.comment(ref, "for the team", "mark")
    assert [one.restricted for one in history(site, ref).comments] == [False, True, True]


def test_a_deleted_comment_is_told_no_more(site: Site) -> None:
    ref = site.make()
    site.say(ref, "stays")
    site.delete_comment(ref, site.say(ref, "goes"))
    assert [one.text for one in history(site, ref).comments] == ["stays"]
