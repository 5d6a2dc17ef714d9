"""An act is told once, whatever becomes of its call, of the process, and of what upstream offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sync.adapters.coalesce import CoalesceSource
from sync.adapters.coalesce.upstream import by_api
from sync.adapters.coalesce.upstream.addresses import Addresses
from sync.adapters.coalesce.upstream.by_callbacks import CallbackUpstream
from sync.adapters.coalesce.upstream.caller import CallbackCaller
from sync.bootstrap.adapters import newest_callbacks
from sync.domain.errors import Rejected
from sync.sandbox.memory_ticket import DONE, IN_PROGRESS, TO_DO
from sync.store.engine import Store
from sync.worker.walk.converge import Converger
from sync.worker.walk.telling import Ways
from tests.walks.both_ways import ANNA, STAND_IN, BothWays, both_ways, quiet
from tests.walks.lives import Killed

ALL = 'comments = "all"\nannounce = true'


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    with both_ways(sqlite_store, tmp_path / "rules") as made:
        yield made


@pytest.fixture
def by_callbacks(sqlite_store: Store, tmp_path: Path) -> Iterator[BothWays]:
    """A world without credentials for the API."""
    with both_ways(sqlite_store, tmp_path / "rules", 'comments = "all"') as made:
        url = made.upstream.server.url
        made.sandbox.callbacks.base = url
        caller = CallbackCaller([urlsplit(url).netloc], Addresses([ip_network("127.0.0.0/8")]))
        source = CoalesceSource()
        way = CallbackUpstream(
            caller, lambda ref: newest_callbacks(made.store, source, ref), STAND_IN, made.clock
        )
        made.converger = Converger(
            made.store,
            {"main": made.jira},
            made.rules,
            made.clock,
            jitter=lambda: 0.5,
            ways=Ways({"coalesce": way}),
        )
        yield made


def marks(world: BothWays) -> list[str]:
    """The marks that were set, by anybody, oldest first."""
    events = [one for one in world.sandbox.events if one["type"] == "issue_status_updated"]
    return [str(one["issue"]["status"]) for one in events]


def killed_once(monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool) -> None:
    """Let the process end in the middle of the next call of this name."""
    whole: Callable[..., Any] = getattr(by_api.ApiUpstream, name)

    def call(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(by_api.ApiUpstream, name, whole)
        if after:
            whole(*args, **more)
        raise Killed

    monkeypatch.setattr(by_api.ApiUpstream, name, call)


def walked_to_its_death(world: BothWays) -> None:
    world.clock.sleep(16)
    with pytest.raises(Killed):
        world.step()


@pytest.mark.parametrize("after", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("name", ["mark", "comment"])
def test_a_process_that_ends_while_telling_tells_once(
    world: BothWays, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    world.edit(ALL)
    issue, ticket = world.opened()
    killed_once(monkeypatch, name, after=after)
    if name == "comment":
        world.say(ticket, "why")
    else:
        world.act(ticket, DONE, resolution="Done")
    walked_to_its_death(world)
    world.clock.sleep(300)
    world.settle(within=3600)
    assert marks(world) == (["fixed"] if name == "mark" else [])
    assert len(issue.remarks) == (2 if name == "comment" else 1)
    quiet(world)


@pytest.mark.parametrize("lost", [False, True], ids=["heard", "its webhook is lost"])
@pytest.mark.parametrize("mark", ["investigating", "expected", ""])
def test_what_a_person_marks_after_a_call_without_an_answer_stands(
    world: BothWays, monkeypatch: pytest.MonkeyPatch, mark: str, lost: bool
) -> None:
    issue, ticket = world.opened()
    killed_once(monkeypatch, "mark", after=True)
    world.act(ticket, DONE, resolution="Done")
    walked_to_its_death(world)
    assert issue.status == "fixed"
    world.clock.sleep(2)
    world.sandbox.mark(issue.id, mark)
    if lost:
        world.send_nothing()
    world.clock.sleep(300)
    world.settle(within=3600)
    assert marks(world) == ["fixed", mark]
    assert ticket.status == {"investigating": IN_PROGRESS, "expected": DONE, "": TO_DO}[mark]
    quiet(world)


def test_an_acknowledgement_without_an_answer_is_ours_only_under_our_name(
    world: BothWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.edit('acknowledge = "assigned"')
    world.settle()
    issue, ticket = world.opened()
    killed_once(monkeypatch, "mark", after=True)
    ticket.assign("anna", world.clock.time(), ANNA)
    world.look()
    world.sandbox.mark(issue.id, "investigating")
    walked_to_its_death(world)
    world.clock.sleep(300)
    world.settle(within=3600)
    assert (marks(world), ticket.status) == (["investigating"], IN_PROGRESS)
    world.clock.sleep(60)
    world.act(ticket, TO_DO)
    world.settle()
    assert issue.status == "investigating"
    quiet(world)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_where_upstream_cannot_clear_marks_go_on_and_it_is_said(
    world: BothWays, status: int
) -> None:
    _, ticket = world.opened()
    world.upstream.rest.faults.add(path="clear-status", status=status)
    for to in (IN_PROGRESS, TO_DO, DONE):
        world.clock.sleep(60)
        world.act(ticket, to, resolution="Done" if to == DONE else "")
        world.settle()
        assert ticket.status == to
    assert marks(world) == ["investigating", "fixed"]
    assert "not told: take the mark off" in "\n".join(world.journal())
    quiet(world)


@pytest.mark.parametrize("conflicts", [False, True])
def test_what_stands_as_asked_for_already_counts_as_done(world: BothWays, conflicts: bool) -> None:
    world.upstream.rest.writes.conflicts = conflicts
    issue, ticket = world.opened()
    ticket.move(DONE, world.clock.time(), ANNA, "Done")
    world.clock.sleep(20)
    world.upstream.rest.faults.add(path="by-id", count=1, status=403)
    world.sandbox.mark(issue.id, "fixed")
    world.send_nothing()
    world.look()
    world.settle()
    assert (issue.status, ticket.status) == ("fixed", DONE)
    assert not [row for row in world.rows() if row.parked]
    quiet(world)


def test_what_jira_refuses_of_a_ticket_does_not_hide_what_is_done_with_it(
    world: BothWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Rejected("links are off on this site")

    monkeypatch.setattr(world.jira, "link_remote", refuse)
    issue, ticket = world.opened()
    assert [row.jira_key for row in world.rows() if row.parked] == [ticket.ref.key]
    for to, status in ((DONE, "fixed"), (TO_DO, ""), (IN_PROGRESS, "investigating"), (TO_DO, "")):
        world.clock.sleep(60)
        world.act(ticket, to, resolution="Done" if to == DONE else "")
        world.settle()
        assert (issue.status, ticket.status) == (status, to)
    world.clock.sleep(60)
    world.sandbox.mark(issue.id, "fixed")
    world.settle()
    assert (issue.status, ticket.status) == ("fixed", DONE)
    quiet(world)


# By callbacks alone.


def test_by_callbacks_a_mark_and_a_comment_are_told(by_callbacks: BothWays) -> None:
    world = by_callbacks
    issue, ticket = world.opened()
    world.say(ticket, "why")
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert (issue.status, ticket.status, len(issue.remarks)) == ("fixed", DONE, 1)
    assert issue.actor is not None
    assert issue.actor["name"] == "Anna"
    quiet(world)


@pytest.mark.parametrize("after", [True, False], ids=["reply lost", "call lost"])
@pytest.mark.parametrize("heard", [True, False], ids=["webhook comes", "webhook is lost"])
def test_by_callbacks_a_mark_without_an_answer_is_told_once(
    by_callbacks: BothWays, after: bool, heard: bool
) -> None:
    world = by_callbacks
    _, ticket = world.opened()
    world.upstream.rest.faults.add(path="callbacks", count=1, status=0, after=after)
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(16)
    world.step()
    if not heard:
        world.send_nothing()
    world.settle(within=3600)
    assert marks(world) == ["fixed"]
    assert ticket.status == DONE
    quiet(world)


def test_by_callbacks_a_mark_that_somebody_sets_after_a_lost_answer_stands(
    by_callbacks: BothWays,
) -> None:
    world = by_callbacks
    issue, ticket = world.opened()
    world.upstream.rest.faults.add(path="callbacks", count=1, status=0, after=True)
    world.act(ticket, DONE, resolution="Done")
    world.clock.sleep(16)
    world.step()
    world.clock.sleep(1)
    world.sandbox.mark(issue.id, "investigating")
    world.settle(within=3600)
    assert marks(world) == ["fixed", "investigating"]
    assert ticket.status == IN_PROGRESS
    quiet(world)


def test_by_callbacks_a_comment_without_an_answer_is_never_doubled(by_callbacks: BothWays) -> None:
    world = by_callbacks
    issue, ticket = world.opened()
    world.upstream.rest.faults.add(path="callbacks", count=1, status=0, after=True)
    world.say(ticket, "why")
    world.settle(within=3600)
    assert len(issue.remarks) == 1
    quiet(world)


def test_what_callbacks_cannot_do_is_said_and_the_rest_goes_on(by_callbacks: BothWays) -> None:
    world = by_callbacks
    issue, ticket = world.opened()
    world.act(ticket, IN_PROGRESS)
    world.settle()
    world.clock.sleep(60)
    world.act(ticket, TO_DO)
    world.settle()
    assert (issue.status, ticket.status) == ("investigating", TO_DO)
    assert "callbacks cannot clear the status" in "\n".join(world.journal())
    world.clock.sleep(60)
    world.act(ticket, DONE, resolution="Done")
    world.settle()
    assert issue.status == "fixed"
    quiet(world)


def test_by_callbacks_an_acknowledgement_does_not_overwrite_expected(
    by_callbacks: BothWays,
) -> None:
    world = by_callbacks
    world.edit('acknowledge = "assigned"')
    world.settle()
    issue, ticket = world.opened()
    ticket.assign("anna", world.clock.time(), ANNA)
    world.look()
    world.sandbox.mark(issue.id, "expected")
    world.clock.sleep(1)
    world.step()
    world.settle()
    assert (issue.status, ticket.status, marks(world)) == ("expected", DONE, ["expected"])
    quiet(world)


def test_the_address_of_a_callback_stands_in_no_record_and_no_line_of_the_log(
    by_callbacks: BothWays, capsys: pytest.CaptureFixture[str]
) -> None:
    world = by_callbacks
    _, ticket = world.opened()
    for status in (307, 404, 403, 500):
        world.upstream.rest.faults.add(
            path="callbacks", count=1, status=status, headers={"location": "/elsewhere"}
        )
        world.clock.sleep(60)
        world.act(ticket, IN_PROGRESS if ticket.status == DONE else DONE)
        world.settle(within=3600)
    (row,) = world.rows()
    said = "\n".join((*world.journal(), str(row.parked), row.error, capsys.readouterr().out))
    assert "not told" in said
    assert "/callbacks/" not in said
