"""A ticket on which Jira fails each time (HTTP 500), while everything else of the site works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.sandbox.jira import Exchange, JiraSandbox
from sync.store.engine import Store
from sync.store.tables import TicketRow
from tests.walks.test_jira import jira_tracker, sandbox
from tests.walks.world import RULES, SimulatedClock, World, issue_event

__all__ = ["sandbox"]

DAY = 24 * 3600.0


@pytest.fixture
def failures(sandbox: JiraSandbox) -> Counter[str]:
    """How often Jira failed, by method and path."""
    found: Counter[str] = Counter()

    def count(exchange: Exchange) -> None:
        if exchange.status == 500:
            found[f"{exchange.method} {exchange.template}"] += 1

    sandbox.observers.append(count)
    return found


@pytest.fixture
def real(
    sandbox: JiraSandbox, store: Store, clock: SimulatedClock, tmp_path: Path
) -> Iterator[World]:
    world = World(store, jira_tracker(sandbox, clock), clock, tmp_path / "rules")
    yield world
    world.close()


def _row(world: World, id_: str) -> TicketRow:
    (row,) = [row for row in world.rows() if row.key.endswith(id_)]
    return row


def test_a_ticket_whose_text_jira_cannot_store_is_parked_and_says_so(
    real: World, sandbox: JiraSandbox, failures: Counter[str]
) -> None:
    sandbox.site.basic_plane_only = True
    real.deliver(issue_event("issue_created", "i1", at=1, title="late 😀"))
    real.deliver(issue_event("issue_created", "i2", at=1, title="late"))
    real.settle()
    assert [ticket.summary for ticket in sandbox.tickets()] == ["late"]
    assert failures["POST issue"] == 3
    parked = _row(real, "i1").parked or {}
    assert "Internal server error" in parked["words"]
    assert "The text is likely to blame" in parked["remedy"]
    assert "| basic" in parked["remedy"]


def test_a_parked_ticket_costs_one_failure_a_try_and_is_made_once_when_jira_is_mended(
    real: World, sandbox: JiraSandbox, failures: Counter[str]
) -> None:
    sandbox.site.basic_plane_only = True
    real.deliver(issue_event("issue_created", "i1", at=1, title="late 😀"))
    real.settle()
    assert failures["POST issue"] == 3
    real.settle(within=1500.0)
    assert failures["POST issue"] == 4
    assert _row(real, "i1").parked_at is not None
    sandbox.site.basic_plane_only = False
    real.settle(within=DAY)
    assert [ticket.summary for ticket in sandbox.tickets()] == ["late 😀"]
    assert _row(real, "i1").parked_at is None


@pytest.mark.parametrize("made", [False, True], ids=["nothing made", "made"])
def test_a_create_that_fails_after_the_work_is_found_and_never_made_twice(
    real: World, sandbox: JiraSandbox, made: bool
) -> None:
    sandbox.faults.add("status", method="POST", path="/issue$", after=made, count=2)
    real.deliver(issue_event("issue_created", "i1", at=1))
    real.settle()
    assert len(sandbox.tickets()) == 1
    assert _row(real, "i1").parked_at is None


def test_a_post_function_that_fails_parks_the_ticket_without_blaming_the_text(
    real: World, sandbox: JiraSandbox, failures: Counter[str]
) -> None:
    sandbox.faults.add("status", method="POST", path="/issue$")
    real.deliver(issue_event("issue_created", "i1", at=1))
    real.settle()
    assert failures["POST issue"] == 3
    parked = _row(real, "i1").parked or {}
    assert "post function" in parked["remedy"]


def test_an_update_on_which_jira_fails_each_time_is_parked(
    real: World, sandbox: JiraSandbox, failures: Counter[str]
) -> None:
    real.deliver(issue_event("issue_created", "i1", at=1, title="late"))
    real.settle()
    sandbox.site.basic_plane_only = True
    real.deliver(issue_event("issue_updated", "i1", at=2, title="late 😀"))
    real.settle()
    assert failures["PUT issue/{issue}"] == 6
    parked = _row(real, "i1").parked or {}
    assert "The text is likely to blame" in parked["remedy"]
    (ticket,) = sandbox.tickets()
    assert ticket.summary == "late"


def test_a_rule_may_leave_out_what_jira_cannot_store(real: World, sandbox: JiraSandbox) -> None:
    sandbox.site.basic_plane_only = True
    real.write_rules(RULES.replace("{{ subject.title }}", "{{ subject.title | basic }}"))
    real.deliver(issue_event("issue_created", "i1", at=1, title="late 😀"))
    real.settle()
    assert [ticket.summary for ticket in sandbox.tickets()] == ["late ?"]
    assert [link["title"] for link in sandbox.tickets()[0].remote_links] == ["late ?"]
    assert _row(real, "i1").parked_at is None
