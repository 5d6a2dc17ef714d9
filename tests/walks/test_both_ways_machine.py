"""Any interleaving of acts on both sides, faults, rule edits and restarts, then calm.

Once the faults stop, both sides agree as the rule says, the last act of a person stands where it was
surely the last, every comment is there once on each side, and then there is silence.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from sync.domain.actions import Comment
from sync.domain.history import Person
from sync.domain.subject import Status
from sync.sandbox.coalesce.subjects import Incident, Issue
from sync.sandbox.memory_ticket import US, MemoryTicket
from tests.walks.both_ways import ANNA
from tests.walks.both_worlds import EDITIONS, BothWorlds
from tests.walks.lives import FAULTS, PROVING, Killed, run
from tests.walks.witness import PETRA, PLACES, TRIAGE, Deed, Words, state_of

pytestmark = pytest.mark.proof

ROBOT = Person("robot", "Automation for Jira", "")
WHO = {"anna": ANNA, "us": US, "robot": ROBOT}
UPSTREAM_FAULTS: dict[str, dict[str, Any]] = {
    "reply lost": {"status": 0, "after": True},
    "connection lost": {"status": 0},
    "failed after the work": {"status": 503, "after": True},
    "failed": {"status": 503},
    "failed for sure": {"status": 503, "retry_after": 7.0},
    "rate limit": {"status": 429, "retry_after": 7.0},
    "gateway": {"status": 502, "after": True},
}
JIRA_CALLS = ["read", "update", "transition", "comment", "find_comment", "create", ""]
# Of the subjects the first is an issue, the second an incident.
PLACE = st.sampled_from([0, 0, 0, 1])
WHICH = st.integers(0, 5)
SELDOM = st.sampled_from([False] * 9 + [True] + [False] * 9)
MARKS = st.sampled_from(["", "investigating", "expected", "fixed"])
FATES = st.sampled_from(["now", "now", "late", "lost", "doubled"])


class BothLives(BothWorlds):
    """What people do on both sides, and what goes wrong between them."""

    # People upstream

    @rule(place=PLACE, status=MARKS, robot=st.booleans())
    def somebody_marks(self, place: int, status: str, robot: bool) -> None:
        subject, ticket = self.pair(place)
        if not isinstance(subject, Issue) or subject.ended_at or subject.status == status:
            return
        self.clock.sleep(0.5)
        self.sandbox.mark(subject.id, status, actor=TRIAGE if robot else PETRA)
        self.acted_upstream(subject, ticket, Status(status or "open"))

    @rule(state=st.sampled_from(["open", "closed", "cancelled"]), seldom=SELDOM)
    def somebody_moves_an_incident(self, state: str, seldom: bool) -> None:
        subject = self.subject(1)
        assert isinstance(subject, Incident)
        if not seldom or subject.state == state:
            return
        self.clock.sleep(0.5)
        self.sandbox.move_incident(subject.id, state, actor=PETRA)
        self.ordinary(subject)

    @rule(seldom=SELDOM)
    def a_check_passes_or_fails_again(self, seldom: bool) -> None:
        subject = self.subject(0)
        assert isinstance(subject, Issue)
        # What is over soon goes on again, for nothing is told of it meanwhile.
        opens = bool(subject.ended_at)
        if opens or seldom:
            self.clock.sleep(0.5)
            (self.sandbox.reopen_issue if opens else self.sandbox.close_issue)(subject.id)
            self.ordinary(subject)

    @rule()
    def a_check_goes_on_failing(self) -> None:
        subject = self.subject(0)
        if isinstance(subject, Issue) and not subject.ended_at:
            self.sandbox.update_issue(subject.id)
            self.happened()
            self.stories[subject.id].touched = self.clock.time()

    @rule(place=PLACE)
    def somebody_comments_upstream(self, place: int) -> None:
        subject, ticket = self.pair(place)
        story, text = self.stories[subject.id], f"seen {next(self.numbers)}"
        self.clock.sleep(0.5)
        add = self.sandbox.comment if isinstance(subject, Issue) else self.sandbox.comment_incident
        remark = add(subject.id, text, PETRA)
        story.touched = self.clock.time()
        due = "copy_comments" in (EDITIONS[self.name] or "") and bool(self.agreement(ticket))
        story.down[remark.id] = Words(remark.id, text, due)

    def acted_upstream(
        self, subject: Issue | Incident, ticket: MemoryTicket | None, what: Status
    ) -> None:
        self.happened()
        story = self.stories[subject.id]
        story.touched = self.clock.time()
        story.acts += 1
        known, ref = self.agreement(ticket), self.ref(subject)
        # A mark that is agreed already is no act, and takes back those since.
        news = known is not None and known.marks.get(ref) != what.value
        story.upstream = Deed(story.touched, self.edition, what) if news else None

    def ordinary(self, subject: Issue | Incident) -> None:
        """Somebody ended the subject or opened it again."""
        self.happened()
        story = self.stories[subject.id]
        story.touched = self.clock.time()
        story.acts += 1
        story.begin_anew()
        # What is over is not told any more.
        for words in story.up.values():
            words.due = False

    # People in Jira

    @rule(
        place=PLACE,
        to=st.sampled_from(sorted(PLACES)),
        who=st.sampled_from(sorted(WHO)),
        told=FATES,
    )
    def somebody_moves_a_ticket(self, place: int, to: str, who: str, told: str) -> None:
        subject, ticket = self.pair(place)
        status, resolution = PLACES[to]
        if ticket is None or (ticket.status, ticket.resolution) == (status, resolution):
            return
        self.clock.sleep(0.5)
        known = self.agreement(ticket)
        ticket.move(status, self.clock.time(), WHO[who], resolution)
        story = self.stories[subject.id]
        story.acts += 1
        story.moves += 1
        news = known is not None and (known.status, known.resolution) != (status.id, resolution)
        if isinstance(subject, Incident) and known is not None:
            # Whoever moves the ticket of an incident that is over, as yet unknown to us, opens nothing.
            news = news and known.marks.get(self.ref(subject)) == subject.state
        here = (status.id, resolution)
        story.jira = Deed(self.clock.time(), self.edition, here) if news else None
        if not news and story.upstream is not None:
            # Whether somebody brought the ticket back by an act of its own is not to be told from here.
            story.upstream.what = None
        if self.name == "ignoring" and who == "robot":
            # What it does counts as agreed.
            story.begin_anew()
        self.webhook(told)

    @rule(place=PLACE, who=st.sampled_from(["anna", "robot", ""]), told=FATES)
    def somebody_assigns_a_ticket(self, place: int, who: str, told: str) -> None:
        _, ticket = self.pair(place)
        if ticket is not None:
            ticket.assign(who, self.clock.time(), ANNA)
            self.webhook(told)

    @rule(place=PLACE, who=st.sampled_from(sorted(WHO)), public=st.booleans(), told=FATES)
    def somebody_comments_in_jira(self, place: int, who: str, public: bool, told: str) -> None:
        subject, ticket = self.pair(place)
        if ticket is None:
            return
        number = next(self.numbers)
        id_, text = str(900 + number), f"thought {number}."
        self.clock.sleep(0.5)
        ticket.say(id_, Comment(text, "", public=public), self.clock.time(), WHO[who])
        ignored = self.name == "ignoring" and who == "robot"
        all_ = "comments" in (EDITIONS[self.name] or "") and self.agreement(ticket) is not None
        # Nothing is told of what is over, nor of what is open again as long as nobody has told us.
        over = state_of(subject).ended or self.known_to_be_over(subject)
        due = public and all_ and not ignored and not over
        self.stories[subject.id].up[id_] = Words(id_, text, due, barred=not public)
        self.webhook(told)

    @rule(
        place=PLACE,
        which=WHICH,
        how=st.sampled_from(["edited", "deleted", "restricted"]),
        told=FATES,
    )
    def somebody_changes_a_comment(self, place: int, which: int, how: str, told: str) -> None:
        subject, ticket = self.pair(place)
        said = [one for one in self.stories[subject.id].up.values() if not one.barred]
        if ticket is None or not said or said[which % len(said)].id not in ticket.talk:
            return
        words = said[which % len(said)]
        self.clock.sleep(1.5)
        if how == "deleted":
            del ticket.talk[words.id]
            words.due = False
        elif how == "restricted":
            ticket.reword(words.id, words.text, self.clock.time(), public=False)
            words.due = False
        elif not ticket.talk[words.id].restricted:
            words.text = f"thought better of {next(self.numbers)}."
            ticket.reword(words.id, words.text, self.clock.time(), public=True)
        self.webhook(told)

    def webhook(self, fate: str) -> None:
        """Jira's webhook comes at once, twice, or not at all. Lost and late ones come in the end."""
        for _ in range({"now": 1, "doubled": 2}.get(fate, 0)):
            self.world.look()

    @rule(
        to=st.sampled_from(sorted(PLACES)),
        status=MARKS,
        gap=st.sampled_from([-30.0, -3.0, 3.0, 30.0]),
        fates=st.tuples(FATES, FATES),
    )
    def people_act_on_both_sides(
        self, to: str, status: str, gap: float, fates: tuple[str, str]
    ) -> None:
        """In Jira so many seconds after upstream, or before."""
        if gap < 0:
            self.somebody_moves_a_ticket(0, to, "anna", fates[0])
            self.clock.sleep(-gap)
        self.somebody_marks(0, status, robot=False)
        self.upstream_delivers(fates[1])
        if gap > 0:
            self.clock.sleep(gap)
            self.somebody_moves_a_ticket(0, to, "anna", fates[0])

    @rule(turns=st.integers(2, 4))
    def robots_turn_a_ticket_round(self, turns: int) -> None:
        for _ in range(turns):
            self.somebody_moves_a_ticket(0, "done", "robot", "now")
            self.time_passes(2, long=True)
            self.somebody_marks(0, "investigating", robot=True)
            self.upstream_delivers("now")
            self.time_passes(2, long=True)

    # What is between them

    @rule(fate=FATES)
    def upstream_delivers(self, fate: str) -> None:
        bodies = self.world.take()
        if fate in ("now", "doubled"):
            self.world.deliver(*bodies)
        if fate in ("late", "doubled"):
            self.late += bodies

    @rule(place=st.integers(0, 20))
    def something_late_arrives(self, place: int) -> None:
        if self.late:
            self.world.deliver(self.late.pop(place % len(self.late)))

    @rule()
    def webhooks_of_jira_arrive(self) -> None:
        self.world.look()

    @rule(steps=st.integers(1, 6), long=st.booleans())
    def time_passes(self, steps: int, long: bool) -> None:
        for _ in range(steps):
            try:
                self.world.step()
            except Killed:
                self.restart()
            self.clock.sleep(16 if long else 3)

    @rule(seconds=st.sampled_from([20.0, 130.0, 4000.0]))
    def much_time_passes(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    @rule(
        call=st.sampled_from(JIRA_CALLS), name=st.sampled_from(sorted(FAULTS)), after=st.booleans()
    )
    def jira_will_fail(self, call: str, name: str, after: bool) -> None:
        if name == "rejected" and call in ("comment", ""):
            # A copy that Jira refuses is left out for good.
            return
        self.jira.fail(call, FAULTS[name], "after" if after and name not in PROVING else "before")

    @rule(name=st.sampled_from(sorted(UPSTREAM_FAULTS)), count=st.integers(1, 2))
    def upstream_will_fail(self, name: str, count: int) -> None:
        self.upstream.rest.faults.add(
            path="mark-|clear|comment|close|cancel|state", count=count, **UPSTREAM_FAULTS[name]
        )

    @rule(after=st.booleans())
    def we_will_be_killed_while_telling(self, after: bool) -> None:
        self.upstream.killed, self.upstream.killed_after = Killed, after

    @rule()
    def the_token_ends(self) -> None:
        self.upstream.rest.revoke_tokens()

    @rule(
        edition=st.sampled_from(sorted(EDITIONS)),
        done=st.sampled_from(["fixed", "expected"]),
        seldom=SELDOM,
    )
    def somebody_edits_the_rules(self, edition: str, done: str, seldom: bool) -> None:
        if not seldom or (edition, Status(done)) == (self.name, self.done):
            return
        self.world.edit(EDITIONS[edition], done=done)
        self.edition, self.name, self.done = self.edition + 1, edition, Status(done)
        self.acknowledging += edition == "acknowledging"
        for story in self.stories.values():
            story.let_off()


def test_any_interleaving_of_both_sides_ends_with_both_agreed_and_then_silence() -> None:
    run(BothLives, examples=30, steps=40)
