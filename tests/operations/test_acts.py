"""Acts are done once however often they are pressed, and each leaves its row in the log."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sync.operations import acts
from sync.operations.accounts import Account, Role
from sync.operations.acts import Act, perform
from sync.operations.errors import Changed, Refused
from sync.store import leases, log
from sync.store.admin_tables import LogRow
from sync.store.engine import Store
from sync.store.liveness import Liveness

DANA = Account("dana", Role.OPERATOR, "users")
ALEX = Account("alex", Role.OPERATOR, "users")
NOW = 1_790_000_000.0
RETRY = Act("retry", "DATA-1")


def rows(store: Store) -> list[LogRow]:
    with store.read() as session:
        return log.page(session)


def told(store: Store) -> list[tuple[str, str, str, str, bool]]:
    return [(row.account, row.act, row.about, row.words, row.refused) for row in rows(store)]


def test_an_act_is_done_and_its_row_is_in_the_log(store: Store) -> None:
    done = perform(store, DANA, RETRY, lambda: "DATA-1 is due", NOW)
    assert (done.words, done.already) == ("DATA-1 is due", False)
    assert told(store) == [("dana", "retry", "DATA-1", "DATA-1 is due", False)]
    with store.read() as session:
        row = log.get(session, done.id)
        assert row is not None
        assert (row.id, row.at) == (done.id, NOW)
        assert log.get(session, done.id + 1) is None


def test_who_presses_second_is_told_what_the_first_did(store: Store) -> None:
    first = perform(store, DANA, RETRY, lambda: "DATA-1 is due", NOW)
    second = perform(store, ALEX, RETRY, lambda: pytest.fail("done twice"), NOW + 3)
    assert second == acts.Done(
        first.id, "Already done by dana 3 s ago: DATA-1 is due", already=True
    )
    other = perform(store, ALEX, Act("retry", "DATA-2"), lambda: "DATA-2 is due", NOW + 3)
    assert not other.already
    assert len(rows(store)) == 2


def test_of_many_that_press_at_once_one_does_it(store: Store) -> None:
    begun, done = threading.Event(), []

    def work() -> str:
        begun.wait(10)
        done.append(1)
        return "DATA-1 is due"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(perform, store, DANA, RETRY, work, NOW)
        while not any(one.startswith("by-hand") for one in leases.owners(store)):
            pass
        others = [pool.submit(perform, store, ALEX, RETRY, work, NOW) for _ in range(3)]
        words = {one.result().words for one in others}
        begun.set()
        assert not first.result().already
    assert words == {"Somebody is doing this right now; look again in a moment."}
    assert done == [1]
    assert len(rows(store)) == 1


def test_the_same_act_can_be_done_again_a_moment_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "SAME_PRESS_SECONDS", -1.0)
    for _ in range(2):
        assert not perform(store, DANA, RETRY, lambda: "due", NOW).already
    assert len(rows(store)) == 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Refused("DATA-1 is not parked"), "DATA-1 is not parked"),
        (Changed("It would be 245 now"), "It would be 245 now"),
        (
            KeyError("secret"),
            "it was not done, because the program failed (KeyError); its log says more",
        ),
    ],
)
def test_a_refusal_is_in_the_log_and_can_be_tried_again_at_once(
    store: Store, error: Exception, words: str
) -> None:
    def work() -> str:
        raise error

    with pytest.raises(type(error)):
        perform(store, DANA, RETRY, work, NOW)
    assert told(store) == [("dana", "retry", "DATA-1", words, True)]
    assert not perform(store, ALEX, RETRY, lambda: "due", NOW + 1).already


def test_a_daemon_that_ends_the_leases_of_the_dead_leaves_acts_alone(store: Store) -> None:
    perform(store, DANA, RETRY, lambda: "due", NOW)
    Liveness(store, "host-1-aaaaaaaaaaaa", alive=0.0).release_dead()
    assert perform(store, ALEX, RETRY, lambda: "due", NOW + 1).already


def test_acts_with_very_long_names_are_told_apart(store: Store) -> None:
    same = "x" * 400
    assert not perform(store, DANA, Act("replay", same + "a"), lambda: "read again", NOW).already
    assert not perform(store, DANA, Act("replay", same + "b"), lambda: "read again", NOW).already
    assert perform(store, DANA, Act("replay", same + "a"), lambda: "read again", NOW).already


def test_the_log_is_read_by_who_and_by_what_page_by_page(store: Store) -> None:
    for number in range(5):
        who = DANA if number % 2 else ALEX
        verb = "retry" if number < 3 else "replay"
        acts.record(store, who, Act(verb, str(number)), "done", NOW + number)
    with store.read() as session:

        def found(**asked: object) -> list[str]:
            return [row.about for row in log.page(session, **asked)]  # type: ignore[arg-type]

        assert found() == ["4", "3", "2", "1", "0"]
        assert found(account="dana") == ["3", "1"]
        assert found(act="retry") == ["2", "1", "0"]
        assert found(account="alex", act="retry", limit=1) == ["2"]
        first = log.page(session, limit=2)
        assert found(after=first[-1].id, limit=2) == ["2", "1"]
        assert [row.act for row in log.about(session, "4")] == ["replay"]


def test_acts_that_are_too_old_are_forgotten(store: Store) -> None:
    for number in range(4):
        acts.record(store, DANA, RETRY, "done", NOW + number)
    with store.write() as session:
        assert log.prune(session, older_than=NOW + 3, batch=2) == 2
    with store.write() as session:
        assert log.prune(session, older_than=NOW + 3, batch=2) == 1
    assert [row.at for row in rows(store)] == [NOW + 3]
