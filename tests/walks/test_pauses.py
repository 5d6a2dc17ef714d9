"""What people pause is left alone until its time, and comes out as if it had never been paused."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sync.domain.pause import active, end_of
from sync.operations.accounts import Account, Role
from sync.operations.errors import OperationError
from sync.operations.pauses import Known, Pausing, Wish, go_on, pause, why_waits
from sync.operations.status import Status, status_of
from sync.operations.verdict import judged
from sync.sandbox.memory import MemoryTracker
from sync.store import claims, housekeeping, paused
from sync.store.claims import Closed
from sync.store.engine import Store, open_store
from sync.worker.daemon.pauses import Pauses
from sync.worker.rulebook.accept import accept
from sync.worker.sweeps.runner import Runner
from sync.worker.sweeps.tickets import TicketsSweep
from tests.walks.test_generations import ruled
from tests.walks.world import RULES, START, SimulatedClock, World, issue_event
from tests.worker.edited import EditedWorld

DANA = Account("dana", Role.OPERATOR, "users")
HOUR = 3600.0


class Paused:
    """A world whose daemon follows what people pause: walks are claimed as its pool claims them."""

    def __init__(self, world: World, jira: MemoryTracker) -> None:
        self.world, self.jira, self.store = world, jira, world.store
        self.follower = Pauses(self.store, {"main": jira.health}, world.clock, "one", world.rules)
        world.converger._pauses = self.follower.on_record
        self.events = 0

    def at(self) -> Pausing:
        return Pausing(self.store, DANA, self.world.clock.time())

    def pause(self, kind: str, name: str, until: str = "2h", why: str = "a move") -> str:
        known = Known(self.world.rules(), ["main"])
        return pause(self.at(), Wish(kind, name), known, until, why).words

    def go_on(self, kind: str, name: str) -> str:
        return go_on(self.at(), Wish(kind, name)).words

    def tell(self, type_: str, issue: str = "i1", **fields: str) -> None:
        """Something happens upstream at this moment."""
        self.tell_all([(type_, fields)], issue)

    def tell_all(self, happened: list[tuple[str, dict[str, str]]], issue: str = "i1") -> None:
        """These things happen to an issue, one a microsecond."""
        bodies = []
        for type_, fields in happened:
            self.events += 1
            now = self.world.clock.time() + len(bodies) / 1e6
            at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            body = issue_event(type_, issue, at=0, event_id=f"e{self.events}", **fields)
            bodies.append({**body, "event_time": at})
        self.world.deliver(*bodies)

    def work(self) -> int:
        """Triage what waits and walk all that may be walked now; how many walks that were."""
        walks = 0
        while True:
            while self.world.triage.batch():
                pass
            self.follower.share()
            closed = Closed(among=frozenset({"main"}), paused=self.follower.by_people())
            taken = claims.claim(
                self.store,
                owner="one",
                now=self.world.clock.time(),
                lease=120,
                limit=20,
                closed=closed,
            )
            if not taken:
                return walks
            for claim in taken:
                self.world.converger.walk(claim)
            walks += len(taken)

    def later(self, seconds: float) -> None:
        self.world.clock.sleep(seconds)

    def status(self) -> Status:
        return status_of(self.store, self.world.clock.time())

    @property
    def calls(self) -> int:
        return self.jira.calls.total()


@pytest.fixture
def there(world: World, jira: MemoryTracker) -> Paused:
    return Paused(world, jira)


@pytest.fixture
def on_each_store(world_on_each_store: World, jira: MemoryTracker) -> Paused:
    return Paused(world_on_each_store, jira)


WHATS = [("rule", "everything"), ("project", "DATA"), ("site", "main")]


@pytest.mark.parametrize(("kind", "name"), WHATS)
def test_500_updates_in_a_pause_are_one_walk_after(
    on_each_store: Paused, jira: MemoryTracker, kind: str, name: str
) -> None:
    there = on_each_store
    there.tell("issue_created")
    there.work()
    there.pause(kind, name)
    before = there.calls
    for round_ in range(10):
        there.later(250)
        numbers = range(50 * round_, 50 * round_ + 50)
        there.tell_all([("issue_updated", {"title": f"title {number}"}) for number in numbers])
        assert there.work() == 0
    assert there.work() == 0
    assert there.calls == before
    assert {row.state for row in there.world.deliveries()} == {"triaged"}
    assert there.status().tickets.paused == 1
    there.later(2 * HOUR)
    assert there.work() == 1
    assert jira.alive[0].fields["summary"] == "title 499"
    assert there.status().tickets.paused == 0


@pytest.mark.parametrize(("kind", "name"), WHATS)
def test_a_ticket_that_begins_in_a_pause_is_made_after(
    there: Paused, jira: MemoryTracker, kind: str, name: str
) -> None:
    there.pause(kind, name)
    there.tell("issue_created")
    assert (there.work(), jira.alive) == (0, [])
    assert "1 ticket follows" in there.go_on(kind, name)
    assert there.work() == 1
    assert len(jira.alive) == 1


def test_a_ticket_that_waits_for_two_pauses_does_not_follow_at_the_end_of_one(
    there: Paused,
) -> None:
    there.pause("rule", "everything")
    there.pause("site", "main")
    there.tell("issue_created")
    there.work()
    said = there.go_on("rule", "everything")
    assert "0 tickets follow; 1 ticket waits for another pause." in said
    assert there.work() == 0
    assert "1 ticket follows." in there.go_on("site", "main")
    assert there.work() == 1


def test_everything_else_goes_on(there: Paused, jira: MemoryTracker) -> None:
    others = RULES.replace('"everything"', '"others"').replace('"DATA"', '"OPS"')
    first = RULES.replace("[rule.fields]", '[rule.when]\ntitle = "orders*"\n\n[rule.fields]', 1)
    there.world.write_rules(first + others)
    for kind, name in [("rule", "everything"), ("project", "DATA")]:
        there.pause(kind, name)
        there.tell("issue_created", f"orders-{kind}", title="orders is stale")
        there.tell("issue_created", f"sales-{kind}", title="sales is stale")
        there.work()
        there.later(2 * HOUR)
    assert [t.project for t in jira.alive] == ["OPS", "OPS"]
    there.work()
    assert sorted(t.project for t in jira.alive) == ["DATA", "DATA", "OPS", "OPS"]


def test_a_walk_under_way_makes_no_call_to_a_site_that_was_paused_meanwhile(
    there: Paused, jira: MemoryTracker
) -> None:
    there.tell("issue_created")
    there.work()
    there.tell("issue_updated", title="another")
    while there.world.triage.batch():
        pass
    (claim,) = claims.claim(
        there.store, owner="one", now=there.world.clock.time(), lease=120, limit=1
    )
    jira.health.rest("site main is paused")
    before = there.calls
    assert there.world.converger.walk(claim) == "site down"
    assert there.calls == before
    jira.health.rest("")
    assert there.work() == 1
    assert jira.alive[0].fields["summary"] == "another"


def test_a_claim_that_a_pause_overtook_is_given_back_in_its_place(
    there: Paused, jira: MemoryTracker
) -> None:
    there.tell("issue_created")
    while there.world.triage.batch():
        pass
    now = there.world.clock.time()
    (claim,) = claims.claim(there.store, owner="one", now=now, lease=120, limit=1)
    there.pause("rule", "everything")
    there.follower.share()
    assert there.world.converger.walk(claim) == "paused"
    (row,) = there.world.rows()
    assert (row.due_at, row.lease_owner, there.calls) == (now, None, 0)


def test_two_daemons_keep_to_it_and_go_on_by_themselves(
    store: Store, store_url: str, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> None:
    one = World(store, jira, clock, tmp_path / "rules")
    other_store = open_store(store_url)
    two = Paused(World(other_store, jira, clock, tmp_path / "two"), jira)
    try:
        Paused(one, jira).pause("rule", "everything", "30m")
        two.tell("issue_created")
        assert two.work() == 0
        clock.sleep(1801)
        assert two.work() == 1
    finally:
        one.close()
        two.world.close()
        other_store.close()


def test_what_waits_is_counted_and_needs_nobody(on_each_store: Paused) -> None:
    there = on_each_store
    for number in range(3):
        there.tell("issue_created", f"i{number}")
    there.work()
    there.pause("rule", "everything", "6h", "tables are moved")
    there.pause("site", "main", "1h", "maintenance")
    there.tell("issue_updated", "i1", title="another")
    there.tell("issue_created", "i9")
    there.work()
    there.later(2 * HOUR)
    found, now = there.status(), there.world.clock.time()
    assert (found.tickets.due, found.tickets.paused) == (0, 2)
    assert found.tickets.oldest_due_seconds is None
    assert [(one.what, one.tickets, one.by) for one in found.pauses] == [
        ("rule 'everything'", 2, "dana")
    ]
    assert [one.kind for one in judged(found, now).needs] == ["No daemon"]
    with there.store.read() as session:
        words = why_waits(session, there.world.rows()[1], now)
        late = housekeeping.overdue(session, now - 900, sites_down=[], limit=9)
    assert words.startswith("waits: rule 'everything' is paused until ")
    assert words.endswith(" UTC by dana: tables are moved")
    assert late == []


def test_what_waited_is_late_only_from_the_end_of_the_pause_on(there: Paused) -> None:
    there.pause("rule", "everything", "6h")
    there.tell("issue_created")
    there.work()
    there.later(6 * HOUR + 600)
    found = there.status()
    assert (found.tickets.paused, found.tickets.oldest_due_seconds) == (0, 600)
    assert found.pauses == []
    there.later(1800)
    found = there.status()
    assert found.tickets.oldest_due_seconds == 2400
    kinds = {one.kind: one.words for one in judged(found, there.world.clock.time()).needs}
    assert kinds["Pause over"] == (
        "1 ticket still waits of the pause of rule 'everything', over for 40 min"
    )
    assert kinds["Due"] == "1 ticket is due, the oldest for 40 min"
    there.work()
    assert there.status().pauses == []


def test_the_sweep_of_a_paused_site_rests_and_then_covers_the_whole_time(
    there: Paused, jira: MemoryTracker
) -> None:
    clock = there.world.clock
    runner = Runner(there.store, clock, "one")
    sweep = TicketsSweep(there.store, jira, clock, 60, there.world.rules)
    there.tell("issue_created")
    there.work()
    there.later(60)
    assert runner.run(sweep) is not None
    there.pause("site", "main", "1h")
    there.work()
    jira.alive[0].fields["summary"] = "a person's"
    before = there.calls
    there.later(600)
    assert runner.run(sweep) is None
    told = runner.run(sweep, by_hand=True)
    assert told is not None
    assert told.result == "paused"
    assert "site main is paused until" in told.words
    assert there.calls == before
    there.later(HOUR)
    there.work()
    report = runner.run(sweep)
    assert report is not None
    assert report.window.since < clock.time() - HOUR


@pytest.mark.parametrize("accepted", [False, True])
def test_a_renamed_rule_stays_paused_from_the_moment_its_new_name_is_in_force(
    sqlite_store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path, accepted: bool
) -> None:
    world = EditedWorld(sqlite_store, jira, clock, tmp_path / "rules")
    there = Paused(world, jira)
    there.tell("issue_created")
    there.work()
    there.pause("rule", "everything")
    world.write_rules(RULES.replace('"everything"', '"all of it"'))
    if accepted:
        accept(sqlite_store, world.files, clock.time())
        world.book.poll()
    else:
        world.book.poll()
        world.book.poll()
    assert world.rules().get("all of it") is not None
    there.tell("issue_updated", title="another")
    there.tell("issue_created", "i2")
    assert there.work() == 0
    world.notice()
    assert there.work() == 0
    there.go_on("rule", "everything")
    assert there.work() == 0
    there.go_on("rule", "all of it")
    assert there.work() == 2
    world.close()


def test_rules_that_come_to_a_paused_project_wait_and_those_that_leave_it_go_on(
    there: Paused, jira: MemoryTracker
) -> None:
    elsewhere = RULES.replace('"DATA"', '"OPS"')
    there.world.write_rules(elsewhere)
    there.pause("project", "OPS")
    there.world.write_rules(elsewhere.replace('"everything"', '"another"'))
    there.tell("issue_created")
    assert (there.work(), jira.alive) == (0, [])
    there.world.write_rules(RULES.replace('"everything"', '"another"'))
    assert there.work() == 1
    assert jira.alive[0].project == "DATA"


REFUSED = [
    ("rule", "everythin", "2h", "x", "no rule 'everythin'. Did you mean 'everything'?"),
    ("project", "DAT", "2h", "x", "project 'DAT'. Did you mean 'DATA'?"),
    ("site", "mian", "2h", "x", "no site 'mian'. Did you mean 'main'?"),
    ("board", "main", "2h", "x", "'board' cannot be paused. Name a rule, a project or a site"),
    ("site", "main", "soon", "x", "'soon' is no time. Write 2h, 18:00, 2026-12-01T08:00"),
    ("site", "main", "25:00", "x", "'25:00' is no time"),
    ("site", "main", "2020-01-01", "x", "'2020-01-01' is over. It is "),
    ("site", "main", "0s", "x", "is over"),
    ("site", "main", "400d", "x", "a year is the most"),
    ("site", "main", "9999999999999999d", "x", "'9999999999999999d' would be too long; a year is"),
    ("site", "main", f"{'9' * 400}d", "x", "a year is the most"),
    ("site", "main", "0001-01-01T00:00+23:00", "x", "is over. It is "),
    ("site", "main", "2h", " ", "Say why it is paused"),
    ("site", "main", "2h", "x" * 501, "at most 500 characters"),
]


def test_what_cannot_be_paused_is_said(there: Paused) -> None:
    for kind, name, until, why, words in REFUSED:
        with pytest.raises(OperationError, match=re.escape(words)):
            there.pause(kind, name, until, why)
    assert there.status().pauses == []


def test_another_pause_takes_the_place_of_the_first_and_says_so(there: Paused) -> None:
    there.pause("project", "data", "2h")
    said = there.pause("project", "DATA", "1h", "less")
    assert "takes the place of a pause until " in said
    assert [(one.name, one.why) for one in there.status().pauses] == [("DATA", "less")]
    with pytest.raises(OperationError, match=r"is not paused\. Paused is: project DATA of main"):
        there.go_on("project", "OPS")
    there.go_on("project", "data")
    there.later(10)
    with pytest.raises(OperationError, match="nothing is"):
        there.go_on("project", "DATA")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("2h", 7200.0),
        # The tests begin at 14:13:20 UTC.
        ("14:14", 40.0),
        ("15:14+01:00", 40.0),
        ("14:13", 86400.0 - 20),
        ("2026-09-22", 86400.0 - 51200),
        ("2026-09-21 15:13:20", 3600.0),
        ("2026-09-21T17:13:20+02:00", 3600.0),
    ],
)
def test_times_are_read_as_people_write_them(text: str, after: float) -> None:
    assert end_of(text, START) == START + after


KEYS = ["", 'hold = "10m"', 'close_after = "20m"', 'reopen_within = "1h"']
BEFORE = "created|20 min"
STORIES = {
    "": "pause|created|closed|20 min",
    'hold = "10m"': "pause|created|20 min|closed",
    'close_after = "20m"': f"{BEFORE}|pause|closed|created again|closed|go on",
    'reopen_within = "1h"': f"{BEFORE}|pause|closed|40 min|40 min|created again",
}
STEPS = ["pause", "go on", "created", "updated", "closed", "created again", "20 min", "40 min"]


@pytest.mark.parametrize("keys", KEYS)
def test_times_count_from_when_things_happened(
    keys: str, sqlite_template: Path, tmp_path: Path
) -> None:
    _assert_the_same(keys, STORIES[keys].split("|"), sqlite_template, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("keys", KEYS)
@settings(derandomize=True, max_examples=4, deadline=None, phases=[Phase.generate])
@given(steps=st.lists(st.sampled_from(STEPS), min_size=4, max_size=10))
def test_any_order_of_pauses_and_events_ends_in_the_same_tickets(
    keys: str, steps: list[str], sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if "reopen_within" in keys:
        # A ticket that is not made yet is the next one's as well, whatever keeps it from being made.
        steps = ["created", *steps]
    _assert_the_same(keys, steps, sqlite_template, tmp_path_factory.mktemp("both"))


def _assert_the_same(keys: str, steps: list[str], template: Path, folder: Path) -> None:
    """A story ends in the same tickets with its pauses and without."""
    shutil.copy(template, folder / "with.db")
    shutil.copy(template, folder / "without.db")
    with_pauses = _played(folder / "with", keys, steps, pausing=True)
    assert with_pauses == _played(folder / "without", keys, steps, pausing=False)


def _played(folder: Path, keys: str, steps: list[str], *, pausing: bool) -> list[object]:
    """The tickets in Jira after a story, with or without its pauses."""
    folder.mkdir()
    clock = SimulatedClock()
    jira = MemoryTracker(clock)
    store = open_store(f"sqlite:///{folder}.db")
    world = World(store, jira, clock, folder / "rules")
    world.write_rules(ruled(keys) if keys else RULES)
    there = Paused(world, jira)
    try:
        for number, step in enumerate(steps):
            if step == "pause" and pausing:
                there.pause(*WHATS[number % 3], "3h")
            elif step == "go on" and pausing:
                with store.read() as session:
                    known = active(paused.load(session), clock.time())
                for one in known:
                    there.go_on(one.kind, one.name)
            elif step.endswith("min"):
                there.later(60.0 * int(step.split()[0]))
            elif step not in ("pause", "go on"):
                there.tell(f"issue_{step.split()[0]}", title=f"title {number}")
            there.work()
            # Nobody is paused for the same act within moments.
            there.later(10)
        for _ in range(8):
            there.later(HOUR)
            there.work()
        return sorted(
            (str(t.fields["summary"]), t.status.name, tuple(sorted(t.fields["labels"])))
            for t in jira.alive
        )
    finally:
        world.close()
        store.close()
