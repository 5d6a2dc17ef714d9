"""A store that is new, was restored or was moved makes no ticket that an earlier life of it made."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from sync.domain.errors import Refused
from sync.domain.subject import merge_from_api
from sync.domain.ticket import Mark, TicketRef
from sync.sandbox.memory import MemoryTracker
from sync.store import claims, journal
from sync.store.engine import open_store
from sync.store.journal import Entry
from sync.worker.adoption import Adoption
from sync.worker.foresight.why import story_of
from sync.worker.walk.record import Record
from tests.postgres import Postgres
from tests.transactions import transactions
from tests.walks.world import RULES, START, SimulatedClock, World, issue_event
from tests.worker.sweeps.build import issue

pytestmark = pytest.mark.proof

GROUPED = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\ngroup_by = "trigger"')
HELD = RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nhold = "10m"')


@dataclass
class Places:
    """Where a store is, and what happens to it there. ``put_back`` and ``empty`` return the address of
    what is there then."""

    url: str
    back_up: Callable[[], None]
    put_back: Callable[[], str]
    empty: Callable[[], str]


def _remove(file: Path, *more: str) -> None:
    for part in ("", "-wal", "-shm", *more):
        file.with_name(file.name + part).unlink(missing_ok=True)


@pytest.fixture
def places(
    dialect: str,
    tmp_path: Path,
    store_url: str,
    sqlite_template: Path,
    _postgres: Callable[[], Postgres],
) -> Places:
    if dialect == "sqlite":
        return _files(tmp_path, store_url, sqlite_template)
    return _databases(_postgres(), store_url)


def _files(folder: Path, url: str, template: Path) -> Places:
    file, copy = folder / "store.db", folder / "copy.db"

    def back_up() -> None:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)

    def put_back() -> str:
        _remove(file)
        shutil.copy(copy, file)
        return url

    def empty() -> str:
        _remove(file, ".progress")
        shutil.copy(template, file)
        return url

    return Places(url, back_up, put_back, empty)


def _databases(server: Postgres, url: str) -> Places:
    name = str(make_url(url).database)

    def back_up() -> None:
        server.run(f"CREATE DATABASE {name}_copy TEMPLATE {name}")

    def put_back() -> str:
        server.run(
            f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {name}_copy"
        )
        return url

    return Places(url, back_up, put_back, lambda: server.url(server.create()))


class Lives:
    """Worlds that follow each other on one Jira, each with the store that is there then."""

    def __init__(
        self, clock: SimulatedClock, jira: MemoryTracker, folder: Path, rules: str
    ) -> None:
        self.clock, self.jira, self.folder, self.rules = clock, jira, folder, rules
        self.world: World | None = None

    def begin(self, url: str) -> World:
        self.world = World(open_store(url), self.jira, self.clock, self.folder, self.rules)
        return self.world

    def pass_with(self, url: str, *bodies: Any) -> None:
        """A whole life, in which these deliveries come and are worked off."""
        world = self.begin(url)
        world.deliver(*bodies)
        world.settle()
        self.end()

    def end(self) -> None:
        assert self.world is not None
        self.world.close()
        self.world.store.close()


@pytest.fixture
def lives(clock: SimulatedClock, jira: MemoryTracker, tmp_path: Path) -> Lives:
    return Lives(clock, jira, tmp_path / "rules", RULES)


def _summaries(jira: MemoryTracker) -> list[str]:
    return sorted(ticket.fields["summary"] for ticket in jira.alive)


def _event(lives: Lives, kind: str, issue_id: str, **fields: Any) -> dict[str, Any]:
    """An event of now, without the time when its issue began."""
    now = datetime.fromtimestamp(lives.clock.time(), tz=UTC).isoformat()
    event = issue_event(kind, issue_id, at=lives.clock.time() - START, title=issue_id, **fields)
    return {**event, "event_time": now}


def _made(lives: Lives, *ids: str) -> list[dict[str, Any]]:
    return [_event(lives, "issue_created", one, trigger_name=f"trigger of {one}") for one in ids]


@pytest.mark.parametrize("rules", [RULES, GROUPED, HELD], ids=["each", "grouped", "held"])
@pytest.mark.parametrize("again", ["issue_created", "issue_updated", "issue_closed"])
def test_a_restored_store_finds_the_tickets_that_were_made_after_the_backup(
    lives: Lives, places: Places, rules: str, again: str
) -> None:
    lives.rules = rules
    world = lives.begin(places.url)
    world.deliver(*_made(lives, "i1"))
    world.settle(within=3600)
    lives.end()
    places.back_up()
    world = lives.begin(places.url)
    lives.clock.sleep(1)
    lost = _made(lives, "i2", "i3", "i4")
    world.deliver(*lost)
    world.settle(within=3600)
    made = _summaries(lives.jira)
    lives.end()

    # Jira's index does not show yet what was made last.
    world = lives.begin(places.put_back())
    lives.clock.sleep(1)
    ids = ("i2", "i3", "i4")
    later = [_event(lives, again, one, trigger_name=f"trigger of {one}") for one in ids]
    world.deliver(*(lost if again == "issue_created" else later))
    world.settle(within=3600)
    assert _summaries(lives.jira) == made
    assert {row.jira_id for row in world.rows()} == {t.ref.id for t in lives.jira.alive}
    closed = again == "issue_closed"
    done = [ticket.status.name for ticket in lives.jira.alive]
    assert done == ["To Do", *["Done" if closed else "To Do"] * 3]
    lives.end()


def test_an_emptied_store_finds_the_tickets_that_were_made_before(
    lives: Lives, places: Places
) -> None:
    world = lives.begin(places.url)
    sent = _made(lives, "i1", "i2", "i3")
    world.deliver(*sent)
    world.settle()
    lives.end()
    lives.clock.sleep(lives.jira.index_lag)
    world = lives.begin(places.empty())
    world.deliver(*sent)
    world.settle()
    assert _summaries(lives.jira) == ["i1", "i2", "i3"]
    lives.end()


def test_what_began_before_the_store_is_told_and_what_began_after_is_not(
    lives: Lives, places: Places
) -> None:
    world = lives.begin(places.url)
    old = _made(lives, "i1")
    lives.clock.sleep(600)
    lives.end()
    world = lives.begin(places.empty())
    lives.clock.sleep(60)
    with capture_logs() as logs:
        world.deliver(*old, *_made(lives, "i2"))
        world.settle()
    [told] = [entry for entry in logs if entry["event"] == "subjects began before the store did"]
    assert (told["subjects"], told["first"]) == (1, "coalesce:issue:i1")
    assert "[store]" in told["remedy"]
    with world.store.read() as session:
        first, second = (
            " ".join(line.words for line in found.lines)
            for found in (story_of(session, "i1"), story_of(session, "i2"))
            if found is not None
        )
    assert "it began before this store did" in first
    assert "before this store" not in second
    world.deliver(_event(lives, "issue_updated", "i1"))
    world.settle()
    assert "before this store" not in world.deliveries()[-1].outcome, "it is known from then on"
    lives.end()


def test_an_issue_of_today_joins_the_ticket_that_its_group_had_before_the_store(
    lives: Lives, places: Places
) -> None:
    lives.rules = GROUPED
    lives.pass_with(places.url, _event(lives, "issue_created", "i1", trigger_name="orders"))
    lives.clock.sleep(300)
    world = lives.begin(places.empty())
    lives.clock.sleep(1)
    world.deliver(_event(lives, "issue_created", "i2", trigger_name="orders"))
    world.settle()
    assert len(lives.jira.alive) == 1
    assert world.rows()[0].jira_id == lives.jira.alive[0].ref.id
    lives.end()


def test_a_comment_that_was_made_after_the_backup_is_not_made_again(
    lives: Lives, places: Places
) -> None:
    lives.pass_with(places.url, *_made(lives, "i1"))
    places.back_up()
    world = lives.begin(places.url)
    lives.clock.sleep(1)
    close = _event(lives, "issue_closed", "i1")
    world.deliver(close)
    world.settle()
    lives.end()
    world = lives.begin(places.put_back())
    world.deliver(close)
    world.settle()
    (ticket,) = lives.jira.alive
    assert [text for _, text in ticket.comments.values()] == ["Closed upstream."]
    lives.end()


def test_what_a_person_did_to_a_ticket_after_the_backup_stays(lives: Lives, places: Places) -> None:
    lives.begin(places.url)
    lives.end()
    places.back_up()
    world = lives.begin(places.url)
    lives.clock.sleep(1)
    world.deliver(*_made(lives, "i1"))
    world.settle()
    lives.end()
    lives.jira.alive[0].fields["summary"] = "theirs"
    world = lives.begin(places.put_back())
    lives.clock.sleep(1)
    world.deliver(_event(lives, "issue_updated", "i1", description="More."))
    world.settle()
    assert _summaries(lives.jira) == ["theirs"]
    lives.end()


def test_in_normal_running_making_a_ticket_is_one_call(lives: Lives, places: Places) -> None:
    world = lives.begin(places.url)
    for number in range(3):
        lives.clock.sleep(1)
        world.deliver(*_made(lives, f"i{number}"))
        world.settle()
        lives.end()
        # A restart.
        lives.clock.sleep(10)
        world = lives.begin(places.url)
    calls = dict(lives.jira.calls)
    assert calls.pop("create") == 3
    assert set(calls) <= {"link_remote"}
    lives.end()


def test_making_a_ticket_takes_three_transactions(world_on_each_store: World) -> None:
    world = world_on_each_store
    for number in range(2):
        world.deliver(issue_event("issue_created", f"i{number}", at=number))
        while world.triage.batch():
            pass
        (claim,) = claims.claim(
            world.store, owner="test", now=world.clock.time(), lease=120, limit=20
        )
        with transactions(world.store) as found:
            assert world.converger.walk(claim) == "settled"
    # The intent, the link to the ticket, the end.
    assert len(found) == 3


def test_each_step_of_a_walk_puts_on_record_how_far_the_store_has_come(world: World) -> None:
    world.deliver(issue_event("issue_created", "i1", at=1))
    while world.triage.batch():
        pass
    (claim,) = claims.claim(world.store, owner="test", now=world.clock.time(), lease=120, limit=20)
    record, progress = Record(world.store, claim, world.clock, 120.0), world.store.progress
    assert progress is not None
    record.step(Entry("intend", "about to make it"))
    assert progress.get() == len(world.journal())
    with world.store.write() as session:
        journal.write(session, Entry("note", "by another walk"), at=1.0)
    record.step()
    assert progress.get() == len(world.journal()), "also where the step itself has no entry"


def test_old_issues_cost_a_new_store_one_search_in_all(lives: Lives, places: Places) -> None:
    """As in a backfill."""
    sent = _made(lives, *(f"i{number}" for number in range(20)))
    lives.clock.sleep(1000)
    world = lives.begin(places.url)
    world.deliver(*sent)
    world.settle()
    assert len(lives.jira.alive) == 20
    calls = lives.jira.calls
    assert (calls["create"], calls["search"], calls["find"], calls["verify"]) == (20, 1, 0, 2)
    lives.end()


def test_a_failed_look_is_tried_again_and_makes_no_ticket(lives: Lives, places: Places) -> None:
    world = lives.begin(places.url)
    sent = _made(lives, "i1")
    world.deliver(*sent)
    world.settle()
    lives.end()
    lives.clock.sleep(1000)
    world = lives.begin(places.empty())
    for _ in range(3):
        lives.jira.fail("search", lambda: Refused("try later"))
    world.deliver(*sent)
    world.settle()
    assert len(lives.jira.alive) == 1
    assert world.rows()[0].jira_id == lives.jira.alive[0].ref.id
    lives.end()


def test_a_ticket_that_lost_its_marker_meanwhile_is_not_taken(lives: Lives, places: Places) -> None:
    world = lives.begin(places.url)
    sent = _made(lives, "i1", "i2")
    world.deliver(*sent)
    world.settle()
    lives.end()
    lives.clock.sleep(1000)
    world = lives.begin(places.empty())
    world.deliver(sent[1])
    world.settle()
    lives.jira.alive[0].fields["labels"] = []
    world.deliver(sent[0])
    world.settle()
    assert _summaries(lives.jira) == ["i1", "i1", "i2"]
    lives.end()


def test_a_store_without_a_sign_of_life_for_long_is_looked_at_as_well(
    lives: Lives, places: Places
) -> None:
    """As after a machine was put back together with its store, which leaves no other trace."""
    world = lives.begin(places.url)
    world.deliver(*_made(lives, "i1"))
    world.settle()
    (row,) = world.rows()
    before = row.created_at
    lives.clock.sleep(3600)
    wish = world.rules().rules[0].project_ticket("coalesce:issue:i2", [issue("i2")])
    lives.jira.create(lives.jira.draft(wish))
    lost = _made(lives, "i2")
    lives.end()
    lives.clock.sleep(60)
    world = lives.begin(places.url)
    world.deliver(*lost)
    world.settle()
    assert len(lives.jira.alive) == 2
    assert before < world.rows()[1].created_at
    lives.end()


def _adopt(world: World, *, apply: bool = True) -> list[tuple[str, str]]:
    tracker, rules, clock = world.tracker, world.rules(), world.clock
    adoption = Adoption(world.store, tracker, rules, clock, "coalesce", apply=apply)
    return [(pair.subject, pair.fate.value) for pair in adoption.marked()]


@pytest.mark.parametrize("rules", [RULES, GROUPED], ids=["each", "grouped"])
def test_adopting_by_markers_gives_an_emptied_store_its_tickets_back(
    lives: Lives, places: Places, rules: str
) -> None:
    lives.rules = rules
    world = lives.begin(places.url)
    world.deliver(*_made(lives, "i1", "i2"), _event(lives, "issue_created", "i3"))
    world.settle()
    keys = {row.key: row.jira_id for row in world.rows()}
    lives.end()
    lives.clock.sleep(1000)
    world = lives.begin(places.empty())
    assert _adopt(world, apply=False) == [(key, "adopt") for key in keys]
    assert world.rows() == []
    assert _adopt(world) == [(key, "adopt") for key in keys]
    assert {row.key: row.jira_id for row in world.rows()} == keys
    assert _adopt(world) == [(key, "already") for key in keys]
    # What people did and what comes in next is dealt with as if the store had never been lost.
    lives.jira.alive[1].fields["summary"] = "theirs"
    more = {"i1": "trigger of i1", "i2": "trigger of i2", "i3": ""}
    later = [_event(lives, "issue_updated", i, trigger_name=more[i]) for i in more]
    world.deliver(*later)
    world.settle()
    assert _summaries(lives.jira) == ["i1", "i3", "theirs"]
    world.deliver(*[_event(lives, "issue_closed", i, trigger_name=more[i]) for i in more])
    world.settle()
    assert {ticket.status.name for ticket in lives.jira.alive} == {"Done"}
    lives.end()


def test_adopting_by_markers_links_the_subjects_that_are_known(
    lives: Lives, places: Places
) -> None:
    world = lives.begin(places.url)
    sent = _made(lives, "i1", "i2")
    world.deliver(*sent)
    world.settle()
    lives.end()
    lives.clock.sleep(1000)
    world = lives.begin(places.empty())
    world.deliver(*sent)
    while world.triage.batch():
        pass
    assert [fate for _, fate in _adopt(world)] == ["adopt", "adopt"]
    before = lives.jira.calls["create"]
    world.settle()
    assert lives.jira.calls["create"] == before
    states = [(row.state, row.jira_key) for row in world.rows()]
    assert states == [("linked", "DATA-1"), ("linked", "DATA-2")]
    lives.end()


def test_a_clone_of_a_ticket_of_ours_is_a_conflict(lives: Lives, places: Places) -> None:
    world = lives.begin(places.url)
    world.deliver(*_made(lives, "i1"))
    world.settle()
    ours = lives.jira.alive[0]
    ref = TicketRef("20000", "DATA-20000")
    lives.jira.tickets[ref.id] = replace(ours, ref=ref, fields=dict(ours.fields), mark=Mark())
    lives.clock.sleep(1000)
    assert [fate for _, fate in _adopt(world)] == ["already", "conflict"]
    lives.end()


def test_an_old_issue_that_the_api_tells_of_is_looked_for_although_it_changed_just_now(
    lives: Lives, places: Places
) -> None:
    lives.pass_with(places.url, *_made(lives, "i1"))
    lives.clock.sleep(1000)
    world = lives.begin(places.empty())
    lives.clock.sleep(1)
    told = replace(issue("i1"), event_time=int(lives.clock.time() * 1e9), event_id="")
    with world.store.write() as session:
        world.triage.merge_snapshots(session, [told], merge=merge_from_api)
    world.settle()
    assert len(lives.jira.alive) == 1
    lives.end()
