"""A channel is told once what needs a person, whatever happens to the receiver and to the daemons."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
import structlog

from sync.adapters.notify.signed import signed_headers
from sync.domain.notification import Routing
from sync.operations.needs import needs_of
from sync.operations.notifications import concerns
from sync.operations.status import status_of
from sync.store import leases, notifications
from sync.store.engine import Store
from sync.store.inbox import Accepted, Inbox
from sync.telemetry import NOTIFICATIONS_FAILING
from tests.adapters.notify.receivers import eventually, hook
from tests.operations.notifications.stage import SECRET, Stage


@pytest.fixture
def stage(sqlite_store: Store, tmp_path: Path) -> Iterator[Stage]:
    with hook() as receiver:
        yield Stage(sqlite_store, receiver, tmp_path)


@pytest.fixture
def shared_stage(store: Store, tmp_path: Path) -> Iterator[Stage]:
    with hook() as receiver:
        yield Stage(store, receiver, tmp_path)


def test_a_hundred_parked_tickets_are_one_message_with_the_words_of_parked(stage: Stage) -> None:
    ops = stage.notifier()
    stage.run(20, ops)
    stage.park(100)
    stage.run(900, ops)
    [got] = stage.got
    data = got.data["data"]
    [thing] = data["things"]
    assert thing["words"] == (
        "100 tickets are set aside: there is no field 'Severity 0' "
        "(rule 'stale tables', rules.toml:12, fields.0)"
    )
    assert (thing["state"], thing["kind"], thing["count"]) == ("new", "parked", 100)
    assert thing["rule"] == "stale tables"
    assert thing["link"].startswith("https://tickets.example.com/parked?group=")
    assert data["title"] == "ticket-sync (staging): " + thing["words"][:99].rstrip() + "…"
    assert "  Correct its name.\n" in data["text"]
    at = float(got.headers["webhook-timestamp"])
    signed = signed_headers(SECRET, got.headers["webhook-id"], at, got.body)
    assert signed["webhook-signature"] == got.headers["webhook-signature"]


def test_a_hundred_causes_are_one_message_that_names_the_first_and_counts_the_rest(
    stage: Stage,
) -> None:
    ops = stage.notifier()
    stage.park(100, causes=100)
    stage.run(900, ops)
    [got] = stage.got
    assert len(got.data["data"]["things"]) == 25
    assert got.data["data"]["title"] == "ticket-sync (staging): 100 things need a person"
    assert "… and 75 more." in got.data["data"]["text"]


def test_a_cause_beyond_the_most_that_are_named_makes_none_of_them_seem_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concerns, "MOST_CAUSES", 3)
    ops = stage.notifier()
    stage.park(3, causes=3)
    stage.run(400, ops)
    # Larger than those that are named.
    stage.park(9, rule="another", first=100)
    stage.run(600, ops)
    assert [sorted(things) for things in stage.told()] == [
        [("new", "parked", 1)] * 3,
        [("new", "parked", 9)],
    ]
    text = stage.got[1].data["data"]["text"]
    assert "9 tickets are set aside, for other causes" in text


def test_a_storm_that_goes_on_growing_is_a_few_messages(stage: Stage) -> None:
    ops = stage.notifier()
    for minute in range(20):
        stage.park(5, first=5 * minute)
        stage.run(60, ops, step=60)
    stage.run(600, ops, step=60)
    first, *later = stage.told()
    assert [how for [(how, _kind, _count)] in (first, *later)] == ["new", *(["more"] * len(later))]
    counts = [count for [(_how, _kind, count)] in (first, *later)]
    assert all(after >= 2 * before for before, after in pairwise(counts))
    assert 2 <= len(counts) <= 5
    assert counts[-1] > 50


def test_what_is_mended_is_said_to_be_over_once(stage: Stage) -> None:
    ops = stage.notifier()
    stage.park(3)
    stage.run(400, ops)
    stage.mend()
    stage.run(900, ops)
    assert stage.told() == [[("new", "parked", 3)], [("over", "parked", 1)]]
    assert "(it lasted 8 min)" in stage.got[1].data["data"]["text"]


def test_what_a_person_set_aside_is_told_to_nobody(stage: Stage) -> None:
    stage.add("r", {1: {"reason": "set aside by dana", "cause": "person"}})
    stage.run(600, stage.notifier())
    assert stage.told() == []


def test_a_restart_says_nothing_again_and_does_not_call_over_what_it_does_not_know_yet(
    stage: Stage,
) -> None:
    stage.park(3)
    stage.health.words = "Jira does not answer"
    stage.run(400, stage.notifier())
    assert stage.told() == [[("new", "site", 1), ("new", "parked", 3)]]
    again = stage.notifier(owner="a")
    # The new process has not called the site yet.
    words, stage.health.words = stage.health.words, ""
    stage.run(55, again)
    stage.health.words = words
    stage.run(900, again)
    assert len(stage.got) == 1


@pytest.mark.postgres
def test_of_two_daemons_on_one_store_one_tells(shared_stage: Stage) -> None:
    stage = shared_stage
    first, second = stage.notifier("a"), stage.notifier("b")
    stage.park(3)
    stage.run(25, second, first)
    # While the message of one is under way, the other looks.
    stage.clock.sleep(10)
    stage.hook.goes_on.clear()
    sending = threading.Thread(target=second.step)
    sending.start()
    eventually(lambda: stage.got)
    first.step()
    stage.hook.goes_on.set()
    sending.join(20)
    stage.run(400, second, first)
    assert stage.told() == [[("new", "parked", 3)]]
    # The one that tells dies; once its lease has ended the other goes on where it stood.
    leases.release(stage.store, "notify:ops", "b")
    stage.mend()
    stage.run(400, first)
    assert stage.told() == [[("new", "parked", 3)], [("over", "parked", 1)]]


def test_a_receiver_that_is_down_gets_one_message_with_how_things_stand_when_it_is_back(
    stage: Stage,
) -> None:
    ops = stage.notifier()
    stage.hook.answers = [503] * 1000
    stage.park(10)
    stage.run(900, ops, until=lambda: len(stage.got) == 4)
    at = [float(one.headers["webhook-timestamp"]) for one in stage.got]
    assert [later - sooner for sooner, later in pairwise(at)] == [10, 20, 60]
    assert len({one.headers["webhook-id"] for one in stage.got}) == 1
    status = status_of(stage.store, stage.clock.time())
    [channel] = status.notifications
    assert channel.failing == "127.0.0.1 answered 503: ok"
    [need] = [
        one
        for one in needs_of(status, [], [], _SINCE, stage.clock.time())
        if one.kind == "Notifications"
    ]
    assert need.words == "Notifications by ops do not get through"
    assert NOTIFICATIONS_FAILING.labels("ops")._value.get() == 1
    stage.park(90, first=10)
    stage.hook.answers = []
    stage.hook.got.clear()
    stage.run(900, ops)
    assert stage.told() == [[("new", "parked", 100)]]
    assert status_of(stage.store, stage.clock.time()).notifications[0].failing == ""
    assert NOTIFICATIONS_FAILING.labels("ops")._value.get() == 0


_SINCE: dict[str, float | None] = dict.fromkeys(("parked", "dead", "edit", "mistakes"))


def test_a_receiver_that_asks_for_time_gets_it(stage: Stage) -> None:
    ops = stage.notifier()
    stage.hook.answers, stage.hook.headers = [429], {"retry-after": "600"}
    stage.park(1)
    stage.run(600, ops)
    assert len(stage.got) == 1
    stage.run(60, ops)
    assert len(stage.got) == 2


def test_a_channel_that_fails_is_told_by_the_others_and_not_by_itself(stage: Stage) -> None:
    ops, other = stage.notifier(), stage.notifier(name="mail")
    stage.hook.answers = [500]
    stage.park(1)
    stage.run(35, ops)
    stage.run(400, other)
    assert stage.told()[1:] == [[("new", "notifications", 1), ("new", "parked", 1)]]


def test_a_site_is_over_once_it_has_answered_and_not_between_two_probes(stage: Stage) -> None:
    ops = stage.notifier()
    stage.health.words = "Jira does not answer"
    stage.run(400, ops)
    stage.health.quiet = True
    stage.run(900, ops)
    assert stage.told() == [[("new", "site", 1)]]
    stage.health.words = ""
    stage.run(600, ops)
    assert stage.told()[1:] == [[("over", "site", 1)]]


def test_a_site_that_goes_up_and_down_all_day_is_told_of_seldom(stage: Stage) -> None:
    ops = stage.notifier()
    for turn in range(16):
        stage.health.words = "Jira does not answer" if turn % 2 else ""
        stage.run(120, ops, step=60)
    at = [float(one.headers["webhook-timestamp"]) for one in stage.got]
    assert 2 <= len(at) <= 1920 / 300 + 1
    assert all(later - sooner >= 300 for sooner, later in pairwise(at))


def test_no_delivery_for_two_days_and_a_dead_one_are_told(stage: Stage) -> None:
    inbox = Inbox(stage.store)
    inbox.accept(Accepted("coalesce", "e", "t", b"{}", stage.clock.time())).result(10)
    inbox.close()
    ops = stage.notifier()
    stage.run(60, ops)
    assert stage.told() == []
    stage.clock.sleep(2 * 86_400.0)
    stage.run(60, ops)
    assert stage.told() == [[("new", "silence", 1)]]


def test_troubles_of_the_daemon_are_told_and_routing_holds(stage: Stage) -> None:
    ops = stage.notifier(routing=Routing(["daemon"]))
    finance = stage.notifier(name="finance", routing=Routing(["parked"], ["finance*"]))
    stage.troubles.append("triage fails: see the log")
    stage.park(2)
    stage.park(4, rule="finance tables")
    stage.run(60, ops, finance)
    assert sorted(stage.told()) == [[("new", "daemon", 1)], [("new", "parked", 4)]]


def test_a_try_that_never_ends_holds_up_nobody_and_is_not_joined_by_another(stage: Stage) -> None:
    ops = stage.notifier(deadline=0.1, timeout=60.0)
    stage.park(1)
    stage.hook.goes_on.clear()
    stage.run(120, ops)
    state = _state(stage)
    assert state.failing is not None
    assert state.failing.words == "an earlier try hangs, and has not ended yet"
    eventually(lambda: stage.got)
    assert len(stage.got) == 1
    assert sum(one.name == "send-ops" for one in threading.enumerate()) == 1
    stage.hook.goes_on.set()
    eventually(lambda: not any(one.name == "send-ops" for one in threading.enumerate()))
    stage.run(900, ops)
    assert _state(stage).failing is None


def test_what_was_sent_and_could_not_be_put_on_record_is_not_sent_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = stage.notifier()
    stage.park(1)
    stage.run(25, ops)
    save = notifications.save

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(notifications, "save", full)
    for _ in range(100):
        with suppress(OSError):
            ops.step()
        stage.clock.sleep(5)
    assert len(stage.got) == 1
    monkeypatch.setattr(notifications, "save", save)
    stage.run(900, ops)
    assert stage.told() == [[("new", "parked", 1)]]


def test_the_log_says_what_became_of_each_message_and_shows_no_address(stage: Stage) -> None:
    stage.hook.url += "/planted-5e1f"
    ops = stage.notifier()
    stage.hook.answers = [500]
    stage.park(1)
    with structlog.testing.capture_logs() as logs:
        stage.run(120, ops)
    assert [one["event"] for one in logs] == ["notification not sent", "notification sent"]
    assert "planted" not in str(logs)


def test_channels_that_are_no_more_are_forgotten(stage: Stage) -> None:
    stage.park(1)
    stage.run(40, stage.notifier(), stage.notifier(name="mail"))
    notifications.forget_all_but(stage.store, ["mail"])
    with stage.store.read() as session:
        assert list(notifications.all_of(session)) == ["mail"]


def _state(stage: Stage) -> notifications.ChannelState:
    with stage.store.read() as session:
        return notifications.load(session, "ops")
