"""Two daemons as processes of their own on one PostgreSQL tell people once, and go on for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from proof.processes import Daemon, Ended
from sync.store.engine import Store
from tests.adapters.notify.receivers import Hook, eventually, hook
from tests.operations.notifications.stage import Stage

pytestmark = [
    pytest.mark.proof,
    pytest.mark.postgres,
    pytest.mark.parametrize("dialect", ["postgresql"], indirect=True),
    pytest.mark.timeout(120),
]

SITE = {"url": "http://127.0.0.1:9", "token": "t", "project": "DATA"}
CHANNEL = """
[notify.ops]
type = "webhook"
url = "{url}"
signing_secret = "a secret"
kinds = ["parked"]
wait = "0s"
gap = "1s"
"""


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as running:
        yield running


def test_one_tells_and_the_other_goes_on_where_it_stood(
    store: Store, store_url: str, receiver: Hook, tmp_path: Path
) -> None:
    stage = Stage(store, receiver, tmp_path)
    more = CHANNEL.format(url=receiver.url)
    daemons = [Daemon(tmp_path, store_url, SITE, name=name, more=more) for name in ("a", "b")]
    stage.park(100)
    try:
        for daemon in daemons:
            daemon.start()
        eventually(lambda: receiver.got)
        # The log line follows the message.
        eventually(lambda: any(_tells(daemon) for daemon in daemons))
        [teller] = [daemon for daemon in daemons if _tells(daemon)]
        assert teller.terminate() == 0
        stage.park(3, rule="another")
        eventually(lambda: len(receiver.got) > 1)
        [other] = [daemon for daemon in daemons if daemon is not teller]
        assert other.terminate() == 0
    finally:
        for daemon in daemons:
            with suppress(Ended):
                daemon.kill()
    assert stage.told() == [[("new", "parked", 100)], [("new", "parked", 3)]]


def _tells(daemon: Daemon) -> bool:
    return any('"notification sent"' in line for line in daemon.lines())
