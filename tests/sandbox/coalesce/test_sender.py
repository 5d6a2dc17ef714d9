"""The simulated sender delivers as upstream documents."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sync.sandbox.coalesce import (
    FORMATS,
    CoalesceSandbox,
    DeliveryFaults,
    Format,
    HttpPost,
    Outbox,
    Outcome,
    Reply,
    Sender,
    Stream,
)
from sync.sandbox.coalesce.outbox import MOST_ATTEMPTS
from tests.clock import SimulatedClock


class Receiver:
    """Answers with the given statuses in turn, the last of them for ever, and keeps what came."""

    def __init__(self, clock: SimulatedClock, *statuses: int) -> None:
        self.clock = clock
        self.statuses = list(statuses) or [202]
        self.came: list[tuple[float, bytes, Mapping[str, str]]] = []

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        self.came.append((self.clock.time(), body, dict(headers)))
        return Reply(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])


NO_FAULTS = DeliveryFaults()


def world(*statuses: int, faults=NO_FAULTS, forms=(Format(),), scale: float = 1.0):  # noqa: B008
    clock = SimulatedClock()
    sandbox = CoalesceSandbox(clock, secret="s3", seed=7)
    outbox = Outbox(sandbox, faults=faults, forms=forms, scale=scale)
    receiver = Receiver(clock, *statuses)
    return clock, sandbox, outbox, receiver, Sender(outbox, receiver)


def let_pass(clock: SimulatedClock, outbox: Outbox, sender: Sender) -> None:
    sender.pump()
    while (due := outbox.next_at()) is not None:
        clock.now = max(clock.now, due)
        sender.pump()


def test_a_delivery_is_signed_over_its_raw_body() -> None:
    clock, sandbox, _outbox, receiver, sender = world()
    sandbox.open_issue()
    sender.pump()
    [(at, body, headers)] = receiver.came
    wanted = hmac.new(b"s3", f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-coalesce-timestamp"] == str(int(clock.now))
    assert headers["x-coalesce-signature"] == f"v1={wanted}"


def test_a_receiver_that_fails_gets_ten_attempts_in_half_an_hour_with_the_first_timestamp() -> None:
    clock, sandbox, outbox, receiver, sender = world(503)
    sandbox.open_issue()
    let_pass(clock, outbox, sender)
    assert outbox.outcomes() == {Outcome.FAILED: 1}
    assert len(receiver.came) == MOST_ATTEMPTS == 10
    assert 25 * 60 < receiver.came[-1][0] - receiver.came[0][0] < 31 * 60
    assert len({tuple(headers.items()) for _, _, headers in receiver.came}) == 1


def test_time_between_attempts_can_be_scaled() -> None:
    clock, sandbox, outbox, receiver, sender = world(500, scale=0.001)
    sandbox.open_issue()
    let_pass(clock, outbox, sender)
    assert receiver.came[-1][0] - receiver.came[0][0] < 2


def test_a_receiver_that_comes_back_gets_it_once() -> None:
    clock, sandbox, outbox, receiver, sender = world(0, 500, 202)
    sandbox.open_issue()
    let_pass(clock, outbox, sender)
    assert outbox.outcomes() == {Outcome.DELIVERED: 1}
    assert len(receiver.came) == 3


def test_rejected_or_redirected_means_failed_at_once() -> None:
    for status in (400, 401, 404, 413, 302):
        clock, sandbox, outbox, receiver, sender = world(status)
        sandbox.open_issue()
        let_pass(clock, outbox, sender)
        assert outbox.outcomes() == {Outcome.FAILED: 1}
        assert len(receiver.came) == 1


def test_a_redelivery_is_a_new_delivery_signed_anew_with_the_current_secret() -> None:
    clock, sandbox, outbox, receiver, sender = world(401, 202)
    sandbox.open_issue()
    sender.pump()
    [first] = outbox.sendings.values()
    clock.sleep(3600)
    sandbox.secret = "rotated"
    again = outbox.redeliver(first)
    sender.pump()
    assert (again.redelivery_of, again.outcome) == (first.id, Outcome.DELIVERED)
    assert receiver.came[0][1] == receiver.came[1][1]
    body, headers = receiver.came[1][1:]
    signed = f"{int(clock.now)}.".encode() + body
    wanted = hmac.new(b"rotated", signed, hashlib.sha256).hexdigest()
    assert headers["x-coalesce-signature"] == f"v1={wanted}"


def test_faults_lose_double_and_delay_the_share_asked_for() -> None:
    faults = DeliveryFaults(lost=0.2, silent=0.1, doubled=0.2, late=0.3, delay=60)
    clock, sandbox, outbox, receiver, sender = world(faults=faults, forms=FORMATS)
    for _ in range(400):
        sandbox.open_issue()
        clock.sleep(1)
    let_pass(clock, outbox, sender)
    ids = [event_id(body) for _, body, _ in receiver.came]
    made = [event["event_id"] for event in sandbox.events]
    assert 0.6 < len(set(ids)) / len(made) < 0.85
    assert len(ids) > len(set(ids))
    assert [i for i in made if i in ids] != list(dict.fromkeys(ids))
    assert outbox.outcomes()[Outcome.PENDING] == 0


def test_the_same_seed_tells_the_same_story() -> None:
    def bodies() -> list[bytes]:
        _clock, sandbox, _outbox, receiver, sender = world(forms=FORMATS)
        stream = Stream(sandbox, seed=3)
        for _ in range(200):
            stream.step()
        sender.pump()
        return [body for _, body, _ in receiver.came]

    assert bodies() == bodies()


def test_a_running_sender_delivers_over_a_real_socket() -> None:
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(503 if len(got) == 1 else 202)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    sandbox = CoalesceSandbox(seed=1)
    outbox = Outbox(sandbox, scale=0.001)
    post = HttpPost(f"http://127.0.0.1:{server.server_port}/")
    sender = Sender(outbox, post, workers=2)
    try:
        sender.start()
        for _ in range(5):
            sandbox.open_issue()
        assert sender.settled(20)
    finally:
        sender.stop()
        post.close()
        server.shutdown()
        thread.join()
        server.server_close()
    assert outbox.outcomes() == {Outcome.DELIVERED: 5}
    assert {event_id(body) for body in got} == {e["event_id"] for e in sandbox.events}


def event_id(body: bytes) -> str:
    found = json.loads(body)
    return str(found.get("event_id") or found["eventId"])
