"""Hints between daemons on one PostgreSQL: heard by the others, lost without harm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from sync.store import hints
from sync.store.engine import Store
from sync.store.hints import Hint, Hints
from tests.pgbouncer import pgbouncer_before
from tests.postgres import Postgres

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("dialect", ["postgresql"], indirect=True),
]
Make = Callable[..., Hints]


class Heard:
    """What one process has heard."""

    def __init__(self) -> None:
        self.all: list[Hint] = []
        self._some = threading.Condition()

    def on(self) -> dict[Hint, Callable[[], None]]:
        return {hint: lambda hint=hint: self._hear(hint) for hint in Hint}  # type: ignore[misc]

    def _hear(self, hint: Hint) -> None:
        with self._some:
            self.all.append(hint)
            self._some.notify_all()

    def wait(self, hint: Hint, seconds: float = 10.0) -> bool:
        with self._some:
            return self._some.wait_for(lambda: hint in self.all, seconds)


@pytest.fixture
def make(store_url: str) -> Iterator[Make]:
    """Starts the hints of a process, which are stopped in the end."""
    made: list[Hints] = []

    def start(owner: str, heard: Heard, url: str = store_url) -> Hints:
        made.append(Hints(url, owner, heard.on()))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.stop()


def heard_by(giver: Hints, heard: Heard, hint: Hint) -> bool:
    """Whether a hint comes, given until it does: a process may not listen yet."""
    for _ in range(100):
        giver.give(hint)
        if heard.wait(hint, 0.2):
            return True
    return False


def until(found: Callable[[], list[str]]) -> list[str]:
    """What is found, as soon as there is some."""
    end = time.monotonic() + 60
    while not found() and time.monotonic() < end:
        time.sleep(0.02)
    return found()


def test_other_processes_hear_a_hint_and_the_one_that_gave_it_does_not(make: Make) -> None:
    own, other = Heard(), Heard()
    giver = make("one", own)
    make("two", other)
    assert heard_by(giver, other, Hint.DUE)
    assert heard_by(giver, other, Hint.ACCEPTED)
    assert own.all == []


def test_a_burst_of_hints_comes_as_a_few(make: Make) -> None:
    other = Heard()
    giver = make("one", Heard())
    make("two", other)
    assert heard_by(giver, other, Hint.DUE)
    for _ in range(5_000):
        giver.give(Hint.DUE)
    assert heard_by(giver, other, Hint.ACCEPTED)
    assert other.all.count(Hint.DUE) < 200


def test_hints_come_again_after_the_database_ended_the_connections(
    make: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_AGAIN_SECONDS", 0.05)
    other = Heard()
    giver = make("one", Heard())
    make("two", other)
    assert heard_by(giver, other, Hint.DUE)
    with store.write_connection() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'ticket-sync hints' AND datname = current_database()"
            )
        )
    assert heard_by(giver, other, Hint.ACCEPTED)


def test_behind_a_pooler_that_drops_hints_the_log_says_what_to_do(
    make: Make, postgres: Postgres, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_ECHO_SECONDS", 0.5)
    with pgbouncer_before(postgres) as pooler, capture_logs() as logs:
        make("one", Heard(), pooler.url(store_url))
        said = until(lambda: [one["why"] for one in logs if "why" in one])
    assert said == ["none comes back, as behind a pooler; set direct_url in [store]"]


def test_hints_that_cannot_connect_say_so_once_and_harm_nobody(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_AGAIN_SECONDS", 0.01)
    with capture_logs() as logs:
        one = make("one", Heard(), "postgresql+psycopg://nobody:hidden-word@127.0.0.1:9/none")
        said = until(lambda: [line["why"] for line in logs if "why" in line])
        for _ in range(20_000):
            one.give(Hint.DUE)
        one.stop()
    assert said == ["the connection for them failed (OperationalError)"]
    assert "hidden-word" not in str(logs)
