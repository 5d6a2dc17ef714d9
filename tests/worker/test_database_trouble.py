"""What the database does not take now is tried again; what it refuses of one alone is set aside."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.adapters.coalesce import CoalesceSource
from sync.bootstrap.program import probes
from sync.ports import SystemClock
from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store, StoreUnavailable
from sync.store.inbox import Accepted, Inbox
from sync.worker.daemon.daemon import Daemon
from tests.postgres import Postgres
from tests.walks.world import SimulatedClock, World, issue_event

pytestmark = [
    pytest.mark.proof,
    pytest.mark.postgres,
    pytest.mark.parametrize("dialect", ["postgresql"], indirect=True),
]

REFUSE = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS $$
BEGIN IF {when} THEN RAISE EXCEPTION 'not this' USING ERRCODE = '{state}'; END IF; RETURN NEW; END
$$ LANGUAGE plpgsql;
DROP TRIGGER IF EXISTS refuse ON {table};
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    clock = SimulatedClock()
    return World(store, MemoryTracker(clock), clock, tmp_path / "rules")


def _states(world: World) -> list[str]:
    return [row.state for row in world.deliveries()]


def _try(world: World, times: int) -> None:
    for _ in range(times):
        try:
            while world.triage.batch():
                pass
        except StoreUnavailable:
            continue


STATES = st.from_regex(r"[0-9A-Z]{5}", fullmatch=True).filter(lambda s: s[2:] != "000")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    state=st.one_of(
        st.sampled_from(["42501", "25006", "26000", "P0001", "23514", "22P02"]), STATES
    ),
    table=st.sampled_from(["subjects", "tickets", "links"]),
    count=st.integers(1, 4),
)
def test_no_delivery_is_given_up_whatever_the_database_says_to_all(
    world: World, postgres: Postgres, state: str, table: str, count: int
) -> None:
    before = len(_states(world))
    postgres.within(world.store, REFUSE.format(when="true", state=state, table=table))
    try:
        ids = [f"{state}-{table}-{before + n}" for n in range(count)]
        world.deliver(*(issue_event("issue_created", id_, at=1) for id_ in ids))
        _try(world, 8)
        assert _states(world)[before:] == ["accepted"] * count
    finally:
        postgres.within(world.store, f"DROP TRIGGER refuse ON {table}")
    _try(world, 1)
    assert _states(world)[before:] == ["triaged"] * count


@pytest.mark.parametrize("state", ["23514", "54000", "P0001", "22001"])
def test_what_the_database_refuses_of_one_delivery_alone_is_set_aside_and_holds_up_nothing(
    world: World, postgres: Postgres, state: str
) -> None:
    when = "NEW.ref LIKE '%poison%'"
    postgres.within(world.store, REFUSE.format(when=when, state=state, table="subjects"))
    world.deliver(issue_event("issue_created", "poison", at=1))
    _try(world, 8)
    assert _states(world) == ["accepted"], "nothing shows yet that the database is not at fault"
    for number in range(6):
        world.deliver(issue_event("issue_created", f"good-{number}", at=1))
        _try(world, 8)
    assert sorted(_states(world)) == ["dead", *["triaged"] * 6]


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_privilege_lost_meanwhile_is_told_and_refuses_new_deliveries_until_it_is_back(
    world: World, postgres: Postgres
) -> None:
    with postgres.limited(world.store) as limited:
        tracker = MemoryTracker(SystemClock())
        sources = {"coalesce": CoalesceSource()}
        daemon = Daemon(limited, sources, {"main": tracker}, world.rules, SystemClock())
        inbox = Inbox(limited, on_accept=daemon.wake, held=daemon.held)
        ready = probes(limited, inbox, {}, NoBook(), daemon)  # type: ignore[arg-type]
        daemon.start()
        try:
            postgres.within(world.store, "REVOKE INSERT ON subjects FROM limited")
            inbox.accept(_issue("kept")).result(30)
            _until(lambda: bool(daemon.held()))
            assert "lacks" in daemon.held()
            with pytest.raises(StoreUnavailable, match="subjects"):
                inbox.accept(_issue("late"))
            assert ready["worker"]().vital
            assert not ready["inbox"]().ok
            with pytest.raises(StoreUnavailable, match="INSERT on subjects"):
                ready["store"]()
            assert _states(world) == ["accepted"]
            postgres.within(world.store, "GRANT INSERT ON subjects TO limited")
            _until(lambda: not daemon.held())
            inbox.accept(_issue("late")).result(30)
            _until(lambda: _states(world) == ["triaged", "triaged"])
            assert all(ready[part]().ok for part in ("store", "inbox", "worker"))
        finally:
            inbox.close()
            daemon.stop(10)


def test_walks_that_the_store_fails_are_told_and_make_no_calls(
    world: World, postgres: Postgres
) -> None:
    with postgres.limited(world.store) as limited:
        tracker = MemoryTracker(SystemClock())
        daemon = Daemon(
            limited, {"coalesce": CoalesceSource()}, {"main": tracker}, world.rules, SystemClock()
        )
        postgres.within(world.store, "REVOKE INSERT ON journal FROM limited")
        world.deliver(issue_event("issue_created", "i1", at=1))
        daemon.start()
        try:
            _until(lambda: bool(daemon.held()))
            assert tracker.alive == []
            postgres.within(world.store, "GRANT INSERT ON journal TO limited")
            _until(lambda: len(tracker.alive) == 1)
            _until(lambda: not daemon.held())
        finally:
            daemon.stop(10)


class NoBook:
    """Rules that nothing is wrong with."""

    def detail(self) -> str:
        return ""


def _issue(id_: str) -> Accepted:
    import json

    body = json.dumps(issue_event("issue_created", id_, at=1)).encode()
    return Accepted("coalesce", id_, "issue_created", body, time.time())
