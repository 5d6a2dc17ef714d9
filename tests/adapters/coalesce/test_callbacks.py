"""Callbacks are carried out once, at allowed hosts, and their addresses stay secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sync.adapters.coalesce import CallbackCaller
from sync.adapters.coalesce.api.access import open_client
from sync.adapters.coalesce.webhook.callbacks import callback_that_marks
from sync.domain.errors import Cause, Fault, Refused, Rejected, Unknown
from sync.domain.subject import Status
from tests.adapters.cookies import baking, kept

COMMAND = {"workspace": "acme", "mark_fixed": {"issue_id": "i1", "actor": {"name": "n"}}}


class Handler(BaseHTTPRequestHandler):
    status = 200
    came: list[tuple[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.came.append((self.path, json.loads(body)))
        if self.status == 0:
            self.close_connection = True
            return
        self.send_response(self.status)
        self.send_header("location", "http://127.0.0.1:9/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def upstream() -> Iterator[tuple[type[Handler], str]]:
    handler = type("Fresh", (Handler,), {"came": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield handler, f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def call(hosts: list[str], url: str, command: Any = COMMAND) -> None:
    caller = CallbackCaller(hosts)
    try:
        caller.call({"url": url, "action_name": "Fix", "issues_command": command})
    finally:
        caller.close()


def test_the_command_is_posted_as_it_came(upstream) -> None:
    handler, host = upstream
    call([host], f"http://{host}/cb/s3cr3t")
    assert handler.came == [("/cb/s3cr3t", COMMAND)]


@pytest.mark.parametrize(
    "status, fault",
    [
        (0, Unknown),
        (302, Rejected),
        (400, Rejected),
        (401, Rejected),
        (403, Rejected),
        (429, Refused),
        (500, Unknown),
        (503, Refused),
    ],
)
def test_every_answer_is_sorted_and_the_address_is_in_none_of_the_words(upstream, status, fault):
    handler, host = upstream
    handler.status = status
    with pytest.raises(fault) as caught:
        call([host], f"http://{host}/cb/s3cr3t?token=s3cr3t")
    assert "s3cr3t" not in str(caught.value) + repr(caught.value)
    assert len(handler.came) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/s3cr3t",
        "https://api.example.com.evil.example.com/s3cr3t",
        "https://api.example.com:8443/s3cr3t",
        "https://api.example.com@evil.example.com/s3cr3t",
        "https://user:pass@api.example.com/s3cr3t",
        "http://api.example.com/s3cr3t",
        "http://169.254.169.254/s3cr3t",
        "file:///etc/s3cr3t",
        "gopher://api.example.com/s3cr3t",
        "//api.example.com/s3cr3t",
        "https:///s3cr3t",
        "https://[::1/s3cr3t",
        "https://api.example.com:99999/s3cr3t",
        "",
    ],
)
def test_hosts_that_are_not_allowed_are_not_called(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        call(["api.example.com"], url)
    assert "s3cr3t" not in str(caught.value)


def test_no_host_is_allowed_by_default() -> None:
    with pytest.raises(Rejected) as caught:
        call([], "https://api.example.com/x")
    assert caught.value.cause is Cause.PERMISSION
    assert "callbacks to api.example.com" in str(caught.value)


def test_a_callback_without_a_command_is_not_called(upstream) -> None:
    handler, host = upstream
    with pytest.raises(Fault):
        call([host], f"http://{host}/cb", None)
    assert handler.came == []


def test_nobody_there_is_refused() -> None:
    with pytest.raises(Refused):
        call(["127.0.0.1:9"], "http://127.0.0.1:9/x")


def test_the_callback_for_a_status_is_found_in_both_casings() -> None:
    callbacks = [
        {"url": "a", "issues_command": None},
        {"url": "b", "issues_command": {"markInvestigating": {"issueId": "i"}}},
        {"url": "c", "issues_command": COMMAND},
    ]
    found = {status: callback_that_marks(callbacks, status) for status in Status}
    assert {s: one["url"] for s, one in found.items() if one} == {
        Status.INVESTIGATING: "b",
        Status.FIXED: "c",
    }


def test_no_cookie_of_a_callback_is_kept_or_sent_again() -> None:
    before = kept()
    with baking() as (url, shown), open_client() as client:
        for number in range(20):
            client.get(f"{url}/issues/{number}/links")
        assert kept() <= before
    assert set(shown) == {""}
