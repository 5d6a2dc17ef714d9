"""What deliveries do not say is asked of the API before a subject is routed.

Where it cannot be asked, that is told, and the ticket is matched anew as long as it is not made.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.domain.errors import Refused
from sync.domain.subject import Snapshot, merge_from_api
from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store, open_store
from sync.worker.triage.asking import PAUSE
from tests.walks.world import RULES, SimulatedClock, World, issue_event
from tests.worker.sweeps.build import MemoryApi, incident, issue

A, B, C = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(3))
URGENT = RULES.replace(
    'name = "everything"', 'name = "urgent"\nwhen = { severity = "fatal" }\nhold = "10m"'
).replace("data-quality", "urgent")
BY_SEVERITY = URGENT + RULES.replace("hold", "x")
ON_INCIDENT = RULES.replace(
    'name = "everything"',
    'name = "incidents"\nwhen = { kind = "incident" }\nissues = { on_ticket = true }',
)

Build = Callable[..., World]


@pytest.fixture
def api(clock: SimulatedClock) -> MemoryApi:
    return MemoryApi()


@pytest.fixture
def build(
    sqlite_store: Store, jira: MemoryTracker, clock: SimulatedClock, tmp_path: Path
) -> Iterator[Build]:
    made: list[World] = []

    def new(rules: str, api: MemoryApi | None) -> World:
        made.append(World(sqlite_store, jira, clock, tmp_path / "rules", rules, api=api))
        return made[-1]

    yield new
    for world in made:
        world.close()


def labels(jira: MemoryTracker) -> list[str]:
    return sorted(
        label
        for ticket in jira.alive
        for label in ticket.fields["labels"]
        if not label.startswith("ticket-sync")
    )


def test_the_severity_chooses_the_rule_of_an_issue_that_comes_by_webhook(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(BY_SEVERITY, api)
    api.put(issue(A, severity="fatal"), issue(B, severity="info"))
    world.deliver(issue_event("issue_created", A, at=1), issue_event("issue_created", B, at=1))
    world.settle()
    assert labels(jira) == ["data-quality", "urgent"]
    assert api.calls == ["issues"], "all of a batch in one call"


def test_a_ticket_that_is_made_asks_nothing_more(build: Build, api: MemoryApi) -> None:
    world = build(BY_SEVERITY, api)
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    world.deliver(issue_event("issue_updated", A, at=2, title="new"))
    world.settle()
    assert api.calls == ["issues"]


def test_rules_that_do_not_speak_of_it_ask_nothing(build: Build, api: MemoryApi) -> None:
    world = build(RULES, api)
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    assert api.calls == []


@pytest.mark.parametrize("how", ["refuses", "hangs", "is not configured"])
def test_what_could_not_be_asked_is_told_and_holds_nothing_up(
    build: Build, jira: MemoryTracker, api: MemoryApi, clock: SimulatedClock, how: str
) -> None:
    world = build(BY_SEVERITY, None if how == "is not configured" else api)
    if how == "refuses":
        api.faults.append(("issues", Refused("HTTP 503")))
    if how == "hangs":
        world.triage._asking._longest = 0.05
        api.on_call = lambda _name: threading.Event().wait(5)
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    assert len(jira.alive) == 1
    words = {
        "refuses": "HTTP 503",
        "hangs": "it did not answer within 0.05 s",
        "is not configured": "the API of coalesce is not configured",
    }
    (row,) = world.deliveries()
    assert row.outcome.endswith(f"; its severity could not be asked: {words[how]}")
    if how == "refuses":
        world.deliver(issue_event("issue_created", B, at=1))
        world.step()
        assert api.calls == ["issues"], "after a failure it is left alone for a while"
        clock.sleep(PAUSE + 1)
        world.deliver(issue_event("issue_created", C, at=1))
        world.step()
        assert api.calls == ["issues", "issues"]


def _swept(world: World, *snapshots: Snapshot) -> None:
    with world.store.write() as session:
        world.triage.merge_snapshots(session, snapshots, merge=merge_from_api)


def _held(rules: str) -> str:
    return rules.replace('name = "everything"', 'name = "everything"\nhold = "5m"')


def test_a_ticket_that_is_not_made_is_matched_anew_when_the_severity_becomes_known(
    build: Build, jira: MemoryTracker
) -> None:
    world = build(_held(BY_SEVERITY), None)
    world.deliver(issue_event("issue_created", A, at=1))
    world.step()
    assert [row.rule for row in world.rows()] == ["everything"]
    _swept(world, issue(A, severity="fatal"))
    assert [row.rule for row in world.rows()] == ["urgent"]
    world.settle(within=3600)
    assert labels(jira) == ["urgent"]


def test_a_ticket_that_is_made_keeps_its_rule(build: Build, jira: MemoryTracker) -> None:
    world = build(BY_SEVERITY, None)
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    _swept(world, issue(A, severity="fatal"))
    world.settle(within=3600)
    assert labels(jira) == ["data-quality"]
    assert [row.rule for row in world.rows()] == ["everything"]


def test_a_ticket_that_is_not_made_is_spared_when_the_severity_says_so(
    build: Build, jira: MemoryTracker
) -> None:
    rules = _held(RULES).replace("hold", 'when = { not = { severity = "info" } }\nhold')
    world = build(rules, None)
    world.deliver(issue_event("issue_created", A, at=1))
    world.step()
    _swept(world, issue(A, severity="info"))
    world.settle(within=3600)
    assert jira.alive == []
    assert [row.state for row in world.rows()] == ["spared"]
    _swept(world, issue(A, at=9, severity="fatal"))
    world.settle(within=3600)
    assert len(jira.alive) == 1


def test_one_issue_leaves_its_group_when_another_rule_is_its_own(
    build: Build, jira: MemoryTracker
) -> None:
    rules = URGENT + _held(RULES).replace("hold", 'group_by = "trigger"\nhold')
    world = build(rules, None)
    for one in (A, B):
        world.deliver(issue_event("issue_created", one, at=1, trigger_name="t"))
    world.step()
    assert len(world.rows()) == 1
    _swept(world, issue(B, severity="fatal"))
    world.settle(within=3600)
    assert labels(jira) == ["data-quality", "urgent"]


def test_the_issues_of_an_incident_are_asked_for_before_it_is_routed(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(_held(ON_INCIDENT + RULES), api)
    api.put(incident(C, (A,), title="storm"))
    world.deliver(issue_event("issue_created", A, at=1))
    body = issue_event("incident_open", C, at=1)
    world.deliver({**body, "incident_open": {"incident": {"incident_id": C, "title": "storm"}}})
    world.settle(within=3600)
    assert [ticket.fields["summary"] for ticket in jira.alive] == ["storm"]
    assert api.calls == ["incidents"]


# Events of unknown types.


def _of_unknown_type(issue_id: str, *, at: float, **fields: Any) -> dict[str, Any]:
    body = issue_event("issue_updated", issue_id, at=at)
    del body["issue_updated"]
    return {
        **body,
        "event_type": "EVENT_TYPE_ISSUE_COMMENTED",
        "issue_commented": {"issue": {"issue_id": issue_id, **fields}, "comment": "hi"},
    }


_TEXTS = st.sampled_from(["", "another", "2026-09-21T12:00:00Z", "ISSUE_STATUS_FIXED"])


@given(
    st.dictionaries(
        st.sampled_from(["title", "description", "status", "ended_at", "started_at"]), _TEXTS
    ),
    st.booleans(),
)
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
def test_an_event_of_an_unknown_type_changes_nothing_by_itself(
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: Path,
    fields: dict[str, str],
    known: bool,
) -> None:
    folder, clock = tmp_path_factory.mktemp("unknown"), SimulatedClock()
    shutil.copy(sqlite_template, folder / "store.db")
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    jira = MemoryTracker(clock)
    world = World(store, jira, clock, folder / "rules")
    if known:
        world.deliver(issue_event("issue_created", A, at=1), issue_event("issue_closed", A, at=2))
        world.deliver(issue_event("issue_created", B, at=1))
    world.settle()
    before = [(t.status, dict(t.fields), dict(t.comments)) for t in jira.alive]
    calls = dict(jira.calls)
    world.deliver(*(_of_unknown_type(one, at=9, **fields) for one in (A, B, C)))
    world.settle()
    assert [(t.status, dict(t.fields), dict(t.comments)) for t in jira.alive] == before
    assert dict(jira.calls) == calls
    told = [row for row in world.deliveries() if row.event_type == "unknown"]
    assert len(told) == 3
    for row in told:
        assert row.state == "triaged"
        assert "a type not known here: issue_commented; nothing is concluded from it" in row.outcome
        assert "could not be asked: the API of coalesce is not configured" in row.outcome
    world.close()
    store.close()


def test_an_event_of_an_unknown_type_makes_us_look(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(RULES, api)
    world.deliver(issue_event("issue_created", A, at=1, title="was"))
    world.settle()
    api.put(issue(A, at=3600 * 24, title="is now"), issue(B, at=3600 * 24, title="unheard of"))
    world.deliver(_of_unknown_type(A, at=9), _of_unknown_type(B, at=9), _of_unknown_type(C, at=9))
    world.settle()
    assert [ticket.fields["summary"] for ticket in jira.alive] == ["is now", "unheard of"]
    assert api.calls == ["issues"]
    assert "does not know the subject" in world.deliveries()[-1].outcome


def test_a_part_of_a_subject_that_is_not_known_makes_us_ask_for_the_rest(
    build: Build, jira: MemoryTracker, api: MemoryApi
) -> None:
    world = build(RULES, api)
    # As it was before the event.
    api.put(issue(A, at=-16_000, title="the whole"))
    world.deliver(issue_event("issue_status_updated", A, at=9, title="", status=1))
    world.settle()
    (ticket,) = jira.alive
    assert ticket.fields["summary"] == "the whole"
    assert ticket.status.name == "In Progress"


def test_a_part_of_a_subject_blanks_nothing(build: Build, jira: MemoryTracker) -> None:
    world = build(RULES, None)
    world.deliver(issue_event("issue_created", A, at=1))
    world.settle()
    before = dict(jira.alive[0].fields)
    body = issue_event("issue_status_updated", A, at=2)
    parts = {"issue": {"issue_id": A, "status": "ISSUE_STATUS_INVESTIGATING"}}
    world.deliver({**body, "issue_status_updated": parts})
    world.settle()
    assert jira.alive[0].fields == before
    assert jira.alive[0].status.name == "In Progress"
    closed = issue_event("issue_closed", A, at=3)
    world.deliver({**closed, "issue_closed": {"issue": {"issue_id": A}}})
    updated = issue_event("issue_updated", A, at=4)
    world.deliver({**updated, "issue_updated": {"issue": {"issue_id": A}}})
    world.settle()
    assert jira.alive[0].fields == before
    assert jira.alive[0].status.name == "Done"
