"""Callbacks are carried out once, at allowed hosts, and their addresses stay secret."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.adapters.coalesce import (
    Addresses,
    CallbackCaller,
    CallbackUpstream,
    CoalesceSource,
    without_addresses,
)
from sync.adapters.coalesce.api.access import open_client
from sync.domain.acts import Ability, Actor
from sync.domain.errors import Already, Cause, Missing, Refused, Rejected, Unknown
from sync.domain.subject import Kind, Status, SubjectRef
from sync.operations.deliveries import indented
from tests.adapters.coalesce.answering import Answering, answering
from tests.adapters.cookies import baking, kept
from tests.adapters.jira.peer import CERTIFICATE
from tests.clock import SimulatedClock

COMMAND = {"workspace": "acme", "mark_fixed": {"issue_id": "i1", "actor": {"name": "n"}}}
HERE = Addresses([ip_network("127.0.0.0/8")])
ISSUE, INCIDENT = (
    SubjectRef("coalesce", Kind.ISSUE, "i1"),
    SubjectRef("coalesce", Kind.INCIDENT, "n1"),
)
ANN = Actor("Ann", "ann@example.com")


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as found:
        yield found


def host_of(server: Answering) -> str:
    return urlsplit(server.url).netloc


def call(hosts: list[str], url: str, addresses: Addresses = HERE, **more: Any) -> None:
    CallbackCaller(hosts, addresses, **more).call(url, COMMAND)


def test_the_command_is_posted_to_the_host_that_it_names(server: Answering) -> None:
    call([host_of(server)], f"{server.url}/cb/s3cr3t?a=1")
    [came] = server.came
    assert (came.path, came.body, came.host) == ("/cb/s3cr3t?a=1", COMMAND, host_of(server))


ANSWERS = {
    0: Unknown,
    301: Rejected,
    302: Rejected,
    307: Rejected,
    308: Rejected,
    400: Rejected,
    401: Rejected,
    403: Rejected,
    404: Missing,
    409: Already,
    410: Missing,
    429: Refused,
    500: Unknown,
    503: Unknown,
}


@pytest.mark.parametrize("status", ANSWERS)
def test_every_answer_is_sorted_and_the_address_is_nowhere_said(server, status, caplog):
    caplog.set_level(logging.DEBUG)
    server.answers["s3cr3t"] = status
    server.headers = {"location": f"{server.url}/elsewhere"}
    with pytest.raises(ANSWERS[status]) as caught:
        call([host_of(server)], f"{server.url}/cb/s3cr3t?token=s3cr3t")
    assert "s3cr3t" not in str(caught.value) + repr(caught.value) + caplog.text
    assert len(server.came) == 1


def test_a_limit_comes_with_its_wait(server: Answering) -> None:
    server.answers["cb"], server.headers = 429, {"retry-after": "7"}
    with pytest.raises(Refused) as caught:
        call([host_of(server)], f"{server.url}/cb")
    assert caught.value.retry_after == 7


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
        "http://127.1/s3cr3t",
        "https://127.1/s3cr3t",
        "https://[::ffff:10.0.0.1]/s3cr3t",
        "file:///etc/s3cr3t",
        "gopher://api.example.com/s3cr3t",
        "//api.example.com/s3cr3t",
        "https:///s3cr3t",
        "https://[::1/s3cr3t",
        "https://api.example.com:99999/s3cr3t",
        "https://api.example.com/s3cr3t\r\nx: y",
        "https://api.example.com/s3cr3t with blanks",
        "https://api.example.com/ünd-s3cr3t",
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


def test_a_host_that_is_allowed_but_leads_to_this_machine_is_not_called(server) -> None:
    with pytest.raises(Rejected) as caught:
        call([host_of(server)], f"{server.url}/cb", Addresses())
    assert "not public" in str(caught.value)
    assert server.came == []


def test_nobody_there_is_refused() -> None:
    with pytest.raises(Refused):
        call(["127.0.0.1:9"], "http://127.0.0.1:9/x")


def test_a_name_is_resolved_once_and_called_where_it_led() -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(CERTIFICATE)
    trusted = ssl.create_default_context(cafile=str(CERTIFICATE))
    with answering(server_side) as server:
        port = urlsplit(server.url).port
        looks = iter([[(2, 1, 6, "", ("127.0.0.1", port))], [(2, 1, 6, "", ("10.0.0.1", port))]])
        asked: list[str] = []

        def resolve(host: str, *_: Any) -> list[Any]:
            asked.append(host)
            return next(looks)

        addresses = Addresses([ip_network("127.0.0.0/8")], resolve)
        hosts, url = [f"localhost:{port}"], f"https://localhost:{port}/cb"
        call(hosts, url, addresses, tls=trusted)
        assert asked == ["localhost"]
        assert [came.host for came in server.came] == [f"localhost:{port}"]
        # The second look finds a private address, and nobody is called.
        with pytest.raises(Rejected):
            call(hosts, url, addresses, tls=trusted)
        assert len(server.came) == 1


def test_a_server_that_cannot_prove_its_name_is_told_nothing() -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(CERTIFICATE)
    with answering(server_side) as server, pytest.raises(Refused) as caught:
        call([host_of(server)], f"{server.url}/s3cr3t")
    assert "s3cr3t" not in str(caught.value)
    assert server.came == []


OFFERED = {
    "event_id": "e1",
    "event_type": "EVENT_TYPE_ISSUE_CREATED",
    "event_time": "2026-08-01T10:00:00Z",
    "issue_created": {"issue": {"issue_id": "i1", "title": "t"}},
}


def offered(url: str, *, camels: bool = False) -> list[Any]:
    """The callbacks of a delivery as the source reads them."""
    own = {"actor": {"name": "Coalesce", "email": {"user_email": "no@one"}}, "comment": "ready"}
    mark, say, id_ = "mark_fixed", "post_comment", "issue_id"
    if camels:
        mark, say, id_ = "markFixed", "postComment", "issueId"
    callbacks = [
        {"url": f"{url}/{act}", "action_name": act, "issues_command": {
            "workspace": "acme", act: {id_: issue, "time": "2020-01-01T00:00:00Z", "kept": 1, **own}}}
        for act, issue in ((mark, "another"), (mark, "i1"), (say, "i1"))
    ]  # fmt: skip
    body = json.dumps({**OFFERED, "callbacks": callbacks}).encode()
    [event] = CoalesceSource(allow_unsigned=True).read(body)
    return list(event.callbacks)


def upstream(server: Answering, *, camels: bool = False, **more: Any) -> CallbackUpstream:
    callbacks = offered(server.url, camels=camels)
    caller = CallbackCaller([host_of(server)], HERE)
    return CallbackUpstream(caller, lambda ref: callbacks if ref == ISSUE else [], **more)


@pytest.mark.parametrize("camels", [False, True])
def test_an_act_is_told_by_the_callback_that_offers_it_in_our_name(server, camels) -> None:
    clock = SimulatedClock()
    way = upstream(server, camels=camels, clock=clock)
    way.mark(ISSUE, Status.FIXED, ANN, clock.now - 60, only_unmarked=True)
    assert way.comment(ISSUE, "I know", ANN, clock.now - 30) == ""
    mark, say = (came.body for came in server.came)
    email = {"userEmail": "ann@example.com"} if camels else {"user_email": "ann@example.com"}
    key, id_ = ("markFixed", "issueId") if camels else ("mark_fixed", "issue_id")
    unmarked = "requireNoExistingStatus" if camels else "require_no_existing_status"
    assert set(mark) == {"workspace", key}
    assert mark[key][id_] == "i1"
    assert mark[key]["actor"] == {"name": "Ann", "email": email}
    assert mark[key]["time"] > "2026"
    assert mark[key][unmarked] is True
    assert mark[key]["kept"] == 1
    assert say["postComment" if camels else "post_comment"]["comment"] == "I know"


def test_what_no_callback_offers_is_said_and_nobody_is_called(server: Answering) -> None:
    way = upstream(server)
    for tell in (
        lambda: way.mark(ISSUE, Status.EXPECTED, ANN, 0),
        lambda: way.mark(SubjectRef("coalesce", Kind.ISSUE, "i9"), Status.FIXED, ANN, 0),
        lambda: way.clear(ISSUE, ANN, 0),
        lambda: way.move_incident(INCIDENT, Status.CLOSED, ANN, 0),
        lambda: way.comment(INCIDENT, "x", ANN, 0),
    ):
        with pytest.raises(Rejected) as caught:
            tell()
        assert caught.value.cause is Cause.PERMISSION
        assert "[coalesce.api]" in caught.value.remedy
    off = {what for what in Ability if way.unable(what)}
    assert off == {Ability.CLEAR, Ability.MOVE_INCIDENT, Ability.COMMENT_INCIDENT}
    assert server.came == []


def test_without_hosts_and_credentials_there_is_no_way() -> None:
    way = CallbackUpstream(CallbackCaller(), lambda _: offered("https://api.example.com"))
    assert way.way == ""
    assert all("allows no hosts" in way.unable(what) for what in Ability)
    with pytest.raises(Rejected):
        way.mark(ISSUE, Status.FIXED, ANN, 0)


def spellings(letter: str) -> list[str]:
    """A letter of a JSON string, as itself and by its number, in either case."""
    both = (letter, letter.upper())
    return [*both, *(f"\\u00{ord(one):{form}}" for one in both for form in "xX")]


@pytest.mark.parametrize("cut", [None, -30, -1])
def test_a_body_is_shown_without_the_addresses_of_its_callbacks(cut: int | None) -> None:
    body = json.dumps({"note": "kept", "callbacks": [{"url": 'https://x/s3cr3t"\\ü'}]}).encode()[
        :cut
    ]
    shown = without_addresses(body)
    assert "s3cr3t" not in shown
    assert "kept" in shown
    assert without_addresses(b"\xff not text") == "\\xff not text"


@given(
    name=st.tuples(*(st.sampled_from(spellings(letter)) for letter in "url")).map("".join),
    gap=st.text(" \t\r\n", max_size=3),
    before=st.text(max_size=20),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"]),
    cut=st.integers(0, 3),
)
@example("\\u0075rl", "", "", "utf-8", 0)
def test_an_address_is_left_out_however_its_name_is_written(
    name: str, gap: str, before: str, encoding: str, cut: int
) -> None:
    text = f'{{{json.dumps(before)}: [{{"{name}"{gap}:{gap}"https://x/s3cr3t"}}]}}'
    whole = without_addresses(text.encode(encoding))
    assert "s3cr3t" not in indented(whole)
    assert "***" in whole
    shortened = without_addresses(text[: len(text) - cut].encode(encoding))
    assert "s3cr3t" not in indented(shortened)


def test_no_cookie_of_the_api_is_kept_or_sent_again() -> None:
    before = kept()
    with baking() as (url, shown), open_client() as client:
        for number in range(20):
            client.get(f"{url}/issues/{number}/links")
        assert kept() <= before
    assert set(shown) == {""}
