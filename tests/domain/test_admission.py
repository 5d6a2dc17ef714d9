"""What becomes of a telling whose acts wait, and of the agreement once a person has decided."""

from __future__ import annotations

from dataclasses import replace

from sync.domain.actions import CommentUpstream, CopyComment, MarkUpstream
from sync.domain.admission import Admission, act_name, acts_of, as_decided, held_back
from sync.domain.agreement import Agreement
from sync.domain.rule import Acknowledge, Side
from sync.domain.subject import Status
from sync.domain.subject_comments import UpstreamComment
from sync.domain.ticket import Base, Observed
from sync.domain.upstream import Telling, tell
from tests.domain.build import DONE, PROGRESS, TO_DO, draft
from tests.domain.test_upstream import ANNA, NOW, WISH, agreed, comment, moved, state, view

SAID = UpstreamComment("u1", "on it", "Ben", NOW - 30)


def decided(seen: Observed, known: Agreement, what: Admission, at: float) -> Agreement:
    made = draft()
    made = replace(made, desired=replace(made.desired, upstream=WISH, subjects=(state(),)))
    agreement = as_decided(made, Base(agreement=known), seen, what, at).agreement
    assert agreement is not None
    return agreement


def test_a_mark_that_waits_leaves_the_agreement_and_the_ticket_as_they_are() -> None:
    wish = replace(WISH, comments="all", copies=True)
    seen = view(
        DONE, moved(DONE), subjects=(state(comments=(SAID,)),), wish=wish, comments=(comment("5"),)
    )
    told = tell(seen, agreed())
    held = held_back(told)
    assert [type(act) for act in acts_of(told)] == [MarkUpstream, CommentUpstream]
    assert [type(action) for action in held.actions] == [CopyComment]
    assert (held.untold, held.stays, held.waits) == (2, True, True)
    assert held.after == replace(told.before, copied=("u1",))
    assert held.reasons[-1] == "2 acts wait for `ticket-sync upstream accept`"


def test_a_comment_that_waits_holds_up_nothing_that_is_done_upstream() -> None:
    wish = replace(WISH, comments="all", announce=True)
    marked = state(Status.INVESTIGATING, at=NOW - 100, marked_at=NOW - 100)
    told = tell(view(TO_DO, subjects=(marked,), wish=wish, comments=(comment("5"),)), agreed())
    held = held_back(told)
    assert (held.untold, held.stays, held.waits, held.follows) == (2, False, False, True)
    assert held.after.marks == told.after.marks
    assert (held.after.heard, held.after.announced) == ({}, ())


def test_an_issue_whose_acknowledgement_waits_is_acknowledged_later() -> None:
    wish = replace(WISH, acknowledge=Acknowledge.MADE)
    known = replace(agreed(), acknowledged=False)
    told = tell(view(TO_DO, wish=wish), known)
    assert (told.after.acknowledged, held_back(told).after.acknowledged) == (True, False)


def test_a_telling_without_acts_does_not_wait() -> None:
    told = Telling(agreed(), agreed())
    assert held_back(told) is told


def test_an_act_has_one_name_however_often_it_is_tried() -> None:
    first = MarkUpstream(state().ref, Status.FIXED, ANNA, NOW)
    assert act_name(first) == act_name(replace(first, at=NOW + 60))
    assert act_name(first) != act_name(replace(first, status=Status.EXPECTED))


def test_after_a_rejection_both_sides_are_agreed_as_they_stood_then() -> None:
    seen = view(PROGRESS, moved(DONE, NOW - 60), moved(PROGRESS, NOW - 20, before=DONE.id))
    known = replace(agreed(), seen=(DONE.id, "", NOW - 60, NOW - 60))
    before = decided(seen.observed, known, Admission.REJECTED, NOW - 70)
    assert (before.status, before.seen) == (TO_DO.id, None)
    assert decided(seen.observed, known, Admission.REJECTED, NOW - 40).status == DONE.id
    assert decided(seen.observed, known, Admission.REJECTED, NOW).status == PROGRESS.id


def test_comments_after_a_rejection_are_told() -> None:
    early, late = comment("5", at=NOW - 60), comment("6", at=NOW - 20)
    seen = view(TO_DO, comments=(early, late)).observed
    assert decided(seen, agreed(), Admission.REJECTED, NOW - 40).floor == 5


def test_of_the_edits_of_a_comment_that_was_told_those_after_a_rejection_are_told() -> None:
    early = replace(comment("5", at=NOW - 500), updated=NOW - 60)
    late = replace(comment("6", at=NOW - 500), updated=NOW - 20)
    seen = view(TO_DO, comments=(early, late)).observed
    known = replace(agreed(), heard={"5": NOW - 500, "6": NOW - 500})
    heard = decided(seen, known, Admission.REJECTED, NOW - 40).heard
    assert heard == {"5": NOW - 60, "6": NOW - 500}


def test_a_hold_that_is_released_is_forgotten() -> None:
    known = replace(agreed(), held=True, turns=((1.0, Side.JIRA),) * 6)
    after = decided(view(DONE, moved(DONE)).observed, known, Admission.RELEASED, NOW)
    assert (after.held, after.turns, after.status) == (False, (), DONE.id)


def test_comments_from_before_are_told_once_a_person_asks_for_them() -> None:
    known = replace(agreed(), floor=7, heard={"3": 1.0})
    after = decided(view(TO_DO).observed, known, Admission.OLDER, NOW)
    assert after == replace(known, floor=0)
