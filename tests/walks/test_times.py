"""Times from outside are not trusted: none freezes a subject, whatever it says."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.subject import CLOCK_SKEW, merge_from_api
from sync.sandbox.memory import MemoryTracker
from sync.store import subjects
from sync.store.engine import open_store
from tests.walks.world import START, SimulatedClock, World, issue_event
from tests.worker.sweeps.build import issue

A = "00000000-0000-4000-8000-000000000000"
_day = datetime.fromisoformat
ODD = st.one_of(
    st.datetimes(
        min_value=_day("2026-09-22"), max_value=_day("9999-12-31"), timezones=st.just(UTC)
    ).map(datetime.isoformat),
    st.datetimes(max_value=_day("1999-01-01"), timezones=st.just(UTC)).map(datetime.isoformat),
    st.sampled_from(["", None, "NaN", "soon", -1, 0, 1e300, 2**63, 9e18, {}, [], True]),
    st.sampled_from([{"seconds": 2**40}, {"seconds": "99999999999"}, {"seconds": -62135596800}]),
    st.integers(int(START + CLOCK_SKEW) + 60, 2**33),
)


def _at(clock: SimulatedClock) -> str:
    return datetime.fromtimestamp(clock.time(), tz=UTC).isoformat()


@given(odd=ODD, kind=st.sampled_from(["issue_created", "issue_updated", "issue_closed"]))
@settings(max_examples=25, deadline=None)
def test_an_event_of_an_odd_time_counts_as_of_its_arrival(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, odd: Any, kind: str
) -> None:
    folder, clock = tmp_path_factory.mktemp("times"), SimulatedClock()
    shutil.copy(sqlite_template, folder / "store.db")
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    jira = MemoryTracker(clock)
    world = World(store, jira, clock, folder / "rules")

    def tell(type_: str, title: str, at: Any) -> None:
        world.deliver({**issue_event(type_, A, at=0, title=title), "event_time": at})
        world.settle()

    tell("issue_created", "first", _at(clock))
    clock.sleep(10)
    tell(kind, "odd", odd)
    # It is news when it comes …
    (ticket,) = jira.alive
    assert ticket.fields["summary"] == "odd"
    clock.sleep(10)
    # … and old when the next one comes.
    tell("issue_updated", "next", _at(clock))
    assert ticket.fields["summary"] == "next"
    clock.sleep(10)
    tell("issue_closed", "last", _at(clock))
    assert (ticket.fields["summary"], ticket.status.name) == ("last", "Done")
    world.close()
    store.close()


def test_what_the_api_says_of_the_future_freezes_nothing(world: World, jira: MemoryTracker) -> None:
    told = issue(A, at=10 * 365 * 86_400, title="from the API")
    with world.store.write() as session:
        world.triage.merge_snapshots(session, [told], merge=merge_from_api)
    world.settle()
    world.clock.sleep(10)
    world.deliver(
        {**issue_event("issue_closed", A, at=0, title="later"), "event_time": _at(world.clock)}  # type: ignore[arg-type]
    )
    world.settle()
    (ticket,) = jira.alive
    assert (ticket.fields["summary"], ticket.status.name) == ("later", "Done")


def test_a_subject_that_an_earlier_version_froze_is_set_free(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver({**issue_event("issue_created", A, at=0), "event_time": _at(world.clock)})  # type: ignore[arg-type]
    world.settle()
    with world.store.write() as session:
        row = subjects.load(session, [f"coalesce:issue:{A}"])[f"coalesce:issue:{A}"]
        row.event_time += 10 * 365 * 86_400 * 10**9
        row.payload = {**row.payload, "told_at": row.event_time}
    world.clock.sleep(10)
    world.deliver({**issue_event("issue_closed", A, at=0), "event_time": _at(world.clock)})  # type: ignore[arg-type]
    world.settle()
    assert [ticket.status.name for ticket in jira.alive] == ["Done"]


def test_a_senders_clock_may_be_a_little_ahead(world: World, jira: MemoryTracker) -> None:
    """Then its own times order its events, also where they come in the wrong order."""
    ahead = SimulatedClock(world.clock.time() + CLOCK_SKEW / 2)
    closed = {**issue_event("issue_closed", A, at=0), "event_time": _at(ahead)}
    ahead.now -= 60
    created = {**issue_event("issue_created", A, at=0), "event_time": _at(ahead)}
    world.deliver(created)
    world.settle()
    world.deliver(closed)
    world.deliver({**created, "event_id": "another"})
    world.settle()
    assert [ticket.status.name for ticket in jira.alive] == ["Done"]
