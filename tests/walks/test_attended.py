"""Whether anybody acted on a ticket before it was closed is told from what walks read anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from sync.operations.noise import NoiseLine, NoiseQuery, noise
from sync.sandbox.jira import Effect, JiraSandbox
from sync.sandbox.jira.ready_site import OWNER
from sync.store.engine import Store
from sync.store.tables import JournalRow
from tests.walks.test_jira import jira_tracker
from tests.walks.test_lifecycle import A
from tests.walks.world import SimulatedClock, World, issue_event


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest, clock: SimulatedClock) -> JiraSandbox:
    return JiraSandbox(request.param, clock, index_lag=20.0)


@pytest.fixture
def real(
    sandbox: JiraSandbox, sqlite_store: Store, clock: SimulatedClock, tmp_path: Path
) -> Iterator[World]:
    world = World(sqlite_store, jira_tracker(sandbox, clock), clock, tmp_path / "rules")
    yield world
    world.close()


def heard(world: World, type_: str, at: float, *issues: str, **fields: str) -> None:
    """A delivery of each issue, half an hour after what came before."""
    world.clock.sleep(1800)
    world.deliver(
        *(
            issue_event(type_, one, at=at, trigger_name=f"monitor of {one}", **fields)
            for one in issues or (A,)
        )
    )
    world.settle()


def numbers(world: World) -> NoiseLine:
    (line,) = noise(world.store, NoiseQuery("30d"), world.clock.time()).lines
    return line


def test_a_ticket_that_nobody_touches_is_unattended_each_time_that_it_is_closed(
    real: World, sandbox: JiraSandbox
) -> None:
    heard(real, "issue_created", 1)
    heard(real, "issue_updated", 2, title="orders is very stale")
    heard(real, "issue_closed", 3)
    heard(real, "issue_updated", 4)
    heard(real, "issue_closed", 5)
    found = numbers(real)
    assert (found.name, found.made, found.reopened, found.closed) == (f"monitor of {A}", 1, 1, 2)
    assert (found.unattended, found.unknown) == (2, 0)
    assert [one.status for one in sandbox.tickets()] == ["Done"]


def unattended(world: World) -> dict[str, tuple[int, int]]:
    """How often the ticket of each issue was closed, and how often of that unattended."""
    found = noise(world.store, NoiseQuery("30d"), world.clock.time()).lines
    return {line.name.rpartition(" ")[2]: (line.closed, line.unattended) for line in found}


ACTS: dict[str, Callable[[JiraSandbox, str], object]] = {
    "comment": lambda sandbox, key: sandbox.person.comment(key, "I look into it."),
    "assign": lambda sandbox, key: sandbox.person.assign(key, OWNER.name),
    "move": lambda sandbox, key: sandbox.person.transition(key, "In Progress"),
    "edit": lambda sandbox, key: sandbox.person.edit(key, summary="mine"),
}


def test_whatever_a_person_does_in_jira_counts_until_the_next_close_of_ours(
    real: World, sandbox: JiraSandbox
) -> None:
    heard(real, "issue_created", 1, *ACTS)
    real.clock.sleep(300)
    keys = {row.key.rpartition(":")[2]: row.jira_key for row in real.rows()}
    for name, act in ACTS.items():
        act(sandbox, keys[name])
    # Our own writes afterwards do not cover it.
    heard(real, "issue_updated", 2, *ACTS, description="Still no rows.")
    heard(real, "issue_closed", 3, *ACTS)
    assert unattended(real) == dict.fromkeys(ACTS, (1, 0))
    heard(real, "issue_updated", 4, *ACTS)
    heard(real, "issue_closed", 5, *ACTS)
    assert unattended(real) == dict.fromkeys(ACTS, (2, 1))


def test_a_mark_that_somebody_sets_upstream_counts(real: World) -> None:
    heard(real, "issue_created", 1)
    heard(real, "issue_status_updated", 2, status="ISSUE_STATUS_INVESTIGATING")
    heard(real, "issue_closed", 3)
    assert (numbers(real).closed, numbers(real).unattended) == (1, 0)


def test_a_close_of_a_ticket_that_was_not_watched_from_its_beginning_is_not_known(
    real: World, sandbox: JiraSandbox
) -> None:
    heard(real, "issue_created", 1)
    with real.store.write() as session:
        for entry in session.exec(select(JournalRow)):
            entry.detail = {}
            session.add(entry)
    row = real.rows()[0]
    with real.store.write() as session:
        # As a version wrote the base that did not watch tickets.
        row.base = {k: v for k, v in row.base.items() if k not in ("wrote", "attended")}
        session.merge(row)
    heard(real, "issue_closed", 2)
    found = noise(real.store, NoiseQuery("30d"), real.clock.time())
    assert (found.total.closed, found.total.unattended, found.total.unknown) == (1, 0, 1)
    assert any("not known whether anybody acted" in note for note in found.notes)


def test_a_lost_reply_to_the_create_counts_one_ticket(real: World, sandbox: JiraSandbox) -> None:
    sandbox.faults.add(Effect.DROP, method="POST", path=r"/issue$", count=1, after=True)
    heard(real, "issue_created", 1)
    assert len(sandbox.tickets()) == numbers(real).made == 1


def test_a_lost_reply_to_a_close_or_to_opening_again_is_counted_once(
    real: World, sandbox: JiraSandbox
) -> None:
    heard(real, "issue_created", 1)
    for at, type_ in enumerate(("issue_closed", "issue_updated", "issue_closed"), 2):
        sandbox.faults.add(Effect.DROP, method="POST", path=r"/transitions$", count=1, after=True)
        heard(real, type_, at)
    found = numbers(real)
    assert (found.made, found.reopened, found.closed, found.unattended) == (1, 1, 2, 2)
    assert sandbox.tickets()[0].status == "Done"


def test_watching_costs_no_call(real: World, sandbox: JiraSandbox) -> None:
    heard(real, "issue_created", 1)
    heard(real, "issue_closed", 2)
    before = sum(sandbox.calls.values())
    noise(real.store, NoiseQuery("30d"), real.clock.time())
    real.settle(within=86_400)
    assert sum(sandbox.calls.values()) == before
