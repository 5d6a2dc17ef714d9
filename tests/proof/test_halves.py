"""The halves of the daemon as processes of their own on one PostgreSQL."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proof.scene import Scene, jira_site
from proof.stores import Stores, folder_for
from sync.store.liveness import running

pytestmark = [
    pytest.mark.proof,
    pytest.mark.postgres,
    pytest.mark.parametrize("dialect", ["postgresql"]),
    pytest.mark.timeout(300),
]


@pytest.fixture
def scene(dialect: str) -> Iterator[Scene]:
    folder = folder_for("halves")
    with jira_site(folder) as jira, Stores.shared().fresh(dialect, folder) as url:
        made = Scene(folder, url, jira)
        try:
            yield made
        finally:
            made.close()


def answer(address: tuple[str, int], path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def ready(address: tuple[str, int]) -> bytes:
    """What a half says of itself once it is ready."""
    end = time.monotonic() + 60
    while (said := answer(address, "/health/ready"))[0] != 200:
        # A part that does not answer within seconds is not ready, on a busy machine also for a moment.
        assert time.monotonic() < end, said
        time.sleep(0.1)
    return said[1]


def test_two_receivers_without_rules_and_two_workers_make_one_right_ticket_each(
    scene: Scene, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "rules.toml").write_text("nothing = but mistakes")
    receivers = [scene.daemon(only="receiver", rules=broken) for _ in range(2)]
    scene.deliver(*scene.made(10))
    assert scene.standing().waiting == scene.accepted
    workers = [scene.daemon(only="worker") for _ in range(2)]
    scene.deliver(*scene.made(20))
    scene.settle()
    found = scene.outcome()
    assert (found.lost, found.doubled, found.made) == ([], [], 30)
    for daemon in (*receivers, *workers):
        assert daemon.terminate() == 0


def test_each_half_tells_of_itself_alone(scene: Scene) -> None:
    receiver, worker = scene.daemon(only="receiver"), scene.daemon(only="worker")
    assert receiver.address is not None
    assert b"rules" not in ready(receiver.address)
    served = worker.wait_for(lambda line: line if '"serving"' in line else None)
    port = int(served.partition("127.0.0.1:")[2].partition('"')[0])
    assert b"rules" in ready(("127.0.0.1", port))
    assert answer(("127.0.0.1", port), "/webhooks/coalesce")[0] == 404
    assert len(running(scene.store)) == 2


def test_a_webhook_of_jira_at_the_receiver_makes_the_worker_look(scene: Scene) -> None:
    secret = "a secret of Jira's webhooks"
    scene.jira.site["webhook_secrets"] = secret
    receiver, _ = scene.daemon(only="receiver"), scene.daemon(only="worker")
    assert receiver.address is not None
    url = f"http://127.0.0.1:{receiver.address[1]}/webhooks/jira/main"
    scene.jira.ask("POST", "webhooks", {"url": url, "secret": secret})
    subject = scene.one("created")
    scene.deliver(subject)
    scene.settle()
    key = scene.ticket(subject)["key"]
    scene.jira.act("remove_labels", key, subject.label)
    end = time.monotonic() + 60
    while subject.label not in scene.labels():
        assert time.monotonic() < end, "nobody looked at the ticket"
        time.sleep(0.1)
    scene.settle()
