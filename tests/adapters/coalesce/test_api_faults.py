"""What goes wrong on the way to the API, sorted by what may be done about it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from sync.adapters.coalesce.api.access import REGIONS, ApiAccess
from sync.adapters.coalesce.api.client import CoalesceApi
from sync.adapters.coalesce.api.faults import retry_after
from sync.adapters.coalesce.api.paging import pages, pages_by_last
from sync.domain.errors import Cause, Missing, Outage, Refused, Rejected, SiteDown, Unknown
from tests.adapters.coalesce.served import Upstream, serving
from tests.clock import SimulatedClock


@pytest.fixture(scope="module")
def served() -> Iterator[Upstream]:
    with serving(page_size=4) as upstream:
        yield upstream


@pytest.fixture
def shared(served: Upstream) -> Iterator[Upstream]:
    yield served
    served.rest.scopes = {*served.rest.scopes, "issues:read", "incidents:read", "deliveries:read"}
    served.rest.scopes.add("deliveries:edit")
    served.rest.limited = served.rest.failing = 0
    served.rest.retry_after = 1.0
    served.rest.token_seconds = 3600


def tokens(upstream: Upstream) -> int:
    return upstream.rest.asked["POST /oauth2/token"]


def test_one_token_serves_many_calls(shared: Upstream) -> None:
    shared.api.issues([shared.sandbox.open_issue().id])
    before = tokens(shared)
    for _ in range(5):
        shared.api.issues([shared.sandbox.open_issue().id])
    assert tokens(shared) == before


def test_a_token_that_ends_between_pages_is_renewed_and_paging_goes_on(shared: Upstream) -> None:
    since = shared.pass_time()
    ids = [shared.sandbox.open_issue().id for _ in range(10)]
    listed = shared.api.issues_updated(since, shared.clock.now + 600)
    found = next(listed)
    before = tokens(shared)
    shared.rest.revoke_tokens()
    found = [*found, *(id_ for page in listed for id_ in page)]
    assert found == ids
    assert tokens(shared) == before + 1


def test_a_token_is_renewed_before_it_ends(shared: Upstream) -> None:
    shared.rest.revoke_tokens()
    shared.rest.token_seconds = 100
    shared.api.issues([shared.sandbox.open_issue().id])
    before, calls = tokens(shared), sum(shared.rest.asked.values())
    shared.pass_time(95)
    shared.api.issues([shared.sandbox.open_issue().id])
    assert tokens(shared) == before + 1
    assert sum(shared.rest.asked.values()) == calls + 2


def test_wrong_credentials_take_the_site_down_without_telling_the_secret(shared: Upstream) -> None:
    api = CoalesceApi(shared.access(client_secret="wr0ng"), shared.clock)
    with pytest.raises(SiteDown) as caught:
        api.issues(["0b9f9a52-3f57-4c58-8a0b-6f1f6e3a7d10"])
    assert caught.value.outage is Outage.AUTHENTICATION
    assert "client_secret" in str(caught.value)
    assert "wr0ng" not in str(caught.value) + repr(shared.access(client_secret="wr0ng"))


@pytest.mark.parametrize(
    "scope, words, call",
    [
        ("issues:read", "read issues", lambda api: list(api.issues_updated(0, 1e9))),
        ("incidents:read", "read incidents", lambda api: api.incidents_updated(0, 1e9)),
        ("deliveries:read", "read deliveries", lambda api: list(api.failed_deliveries(0, 1e9))),
        ("deliveries:edit", "edit deliveries", lambda api: api.redeliver("dlv_1")),
    ],
)
def test_a_missing_scope_is_named_and_leaves_the_rest_working(shared, scope, words, call) -> None:
    shared.rest.scopes.discard(scope)
    with pytest.raises(Rejected) as caught:
        call(shared.api)
    assert caught.value.cause is Cause.PERMISSION
    assert words in caught.value.remedy
    if scope != "issues:read":
        assert len(shared.api.issues([shared.sandbox.open_issue().id])) == 1


def test_a_short_rate_limit_is_waited_out(shared: Upstream) -> None:
    shared.rest.limited, shared.rest.retry_after = 2, 3.0
    now = shared.clock.now
    assert len(shared.api.issues([shared.sandbox.open_issue().id])) == 1
    assert shared.clock.now >= now + 6


def test_a_long_rate_limit_is_the_callers_to_wait_out(shared: Upstream) -> None:
    shared.rest.limited, shared.rest.retry_after = 1, 120.0
    with pytest.raises(Refused) as caught:
        shared.api.incidents_updated(0, 1e9)
    assert caught.value.retry_after == 120.0


def test_a_server_error_is_tried_three_times_where_nothing_can_be_done_twice(
    shared: Upstream,
) -> None:
    shared.rest.failing = 2
    assert len(shared.api.issues([shared.sandbox.open_issue().id])) == 1
    shared.rest.failing = 10
    with pytest.raises(Refused):
        shared.api.issues([shared.sandbox.open_issue().id])
    assert shared.rest.failing == 7


def test_a_call_that_hangs_is_not_tried_again_at_once(
    shared: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def hang(*call: object, **_how: object) -> httpx2.Response:
        asked.append(call)
        shared.pass_time(30)
        raise httpx2.ReadTimeout("no answer")

    issue = shared.sandbox.open_issue()
    shared.api.issues([issue.id])
    monkeypatch.setattr(shared.api.calls._client, "request", hang)
    with pytest.raises(Refused):
        shared.api.issues([issue.id])
    assert len(asked) == 1


def test_a_redelivery_is_asked_for_once_and_its_rate_limit_told(shared: Upstream) -> None:
    shared.sandbox.open_issue()
    shared.sender.pump()
    [*_, last] = shared.outbox.sendings.values()
    shared.rest.deliveries.per_minute = 1
    shared.api.redeliver(last.id)
    with pytest.raises(Refused) as caught:
        shared.api.redeliver(last.id)
    assert caught.value.retry_after == pytest.approx(60, abs=1)
    assert len([s for s in shared.outbox.sendings.values() if s.redelivery_of == last.id]) == 1


def test_a_delivery_that_is_no_longer_kept_is_missing(shared: Upstream) -> None:
    with pytest.raises(Missing):
        shared.api.attempts("dlv/../../etc")


def test_nobody_there_is_refused() -> None:
    api = CoalesceApi(ApiAccess("id", "secret", url="http://127.0.0.1:9"), SimulatedClock())
    with pytest.raises(Refused) as caught:
        api.incidents_updated(0, 1)
    assert "127.0.0.1:9" in str(caught.value)


class Odd(BaseHTTPRequestHandler):
    """Gives a token, and then whatever it is told to."""

    status, body, location = 200, b"", ""
    posts: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/oauth2/token":
            self._send(200, b'{"access_token": "t", "expires_in": "3600"}')
            return
        self.posts.append(self.path)
        self.do_GET()

    def do_GET(self) -> None:
        if self.status == 0:
            self.close_connection = True
            return
        self._send(self.status, self.body)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if self.location:
            self.send_header("location", self.location)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def odd() -> Iterator[tuple[type[Odd], CoalesceApi]]:
    handler = type("Handler", (Odd,), {"posts": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    api = CoalesceApi(ApiAccess("id", "secret", url=url), SimulatedClock())
    yield handler, api
    api.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"[1]", b"\xff", b"[" * 99999])
def test_an_answer_that_is_not_the_apis_is_refused(odd, body: bytes) -> None:
    handler, api = odd
    handler.body = body
    with pytest.raises(Refused):
        api.incidents_updated(0, 1)


@pytest.mark.parametrize("status", [0, 500, 502])
def test_a_lost_answer_to_a_redelivery_is_unknown_and_not_asked_for_again(odd, status) -> None:
    handler, api = odd
    handler.status = status
    with pytest.raises(Unknown):
        api.redeliver("dlv_1")
    assert handler.posts == ["/api/deliveries/v1/dlv_1/redeliver"]
    with pytest.raises(Refused):
        api.attempts("dlv_1")


def test_a_redirect_is_not_followed_with_our_token(odd) -> None:
    handler, api = odd
    handler.status, handler.location = 302, "http://evil.example.com/"
    with pytest.raises(Rejected):
        api.attempts("dlv_1")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"issues": null, "incidents": {}, "deliveries": 5, "attempts": {"a": 1}, "issueIds": "x"}',
        b'{"issues": [1], "incidents": [1, null, {}], "deliveries": [null, {}], "attempts": [7, {}],'
        b' "issueIds": [1, null, {}], "pageInfo": {"lastId": 5}}',
        b'{"incidents": [{"id": "a", "issueIds": {"b": 1}, "state": 99, "updatedAt": []}],'
        b' "pageInfo": []}',
    ],
)
def test_answers_of_other_shapes_are_taken_for_what_can_be_read(odd, body: bytes) -> None:
    handler, api = odd
    handler.body = body
    assert list(api.issues_updated(0, 1)) == []
    assert api.issues(["0b9f9a52-3f57-4c58-8a0b-6f1f6e3a7d10"]) == []
    assert all(one.issue_ids == () for one in api.incidents_updated(0, 1))
    assert list(api.failed_deliveries(0, 1)) == []
    assert all(one.body is None for one in api.attempts("d"))


def test_a_list_that_repeats_its_cursor_ends() -> None:
    answers = [{"pageInfo": {"lastId": "a"}}, {"pageInfo": {"lastId": "b"}}]
    endless = answers[1]
    found = list(pages(lambda cursor: answers[0] if not cursor else endless))
    assert len(found) == 3


def test_a_list_that_ignores_its_cursor_ends() -> None:
    page = {"incidents": ["a", "b"]}
    assert list(pages_by_last(lambda _cursor: page, lambda p: p["incidents"])) == [page]
    with_cursor = page | {"pageInfo": {"lastId": "b"}}
    assert list(pages_by_last(lambda _cursor: with_cursor, lambda p: p["incidents"])) == [
        with_cursor
    ]


def test_the_end_of_a_window_is_left_out_where_the_api_does_not_know_it(shared: Upstream) -> None:
    since = shared.pass_time()
    issue = shared.sandbox.open_issue()
    handle = shared.rest.handle

    def strict(method, path, query, headers, body):
        answer = handle(method, path, query, headers, body)
        if "time.to" in query:
            return type(answer)(400, {"code": 3, "message": "unknown field time.to.seconds"})
        return answer

    shared.rest.handle = strict  # type: ignore[method-assign]
    try:
        assert [*shared.api.issues_updated(since, shared.clock.now + 60)] == [[issue.id]]
    finally:
        shared.rest.handle = handle  # type: ignore[method-assign]


def test_regions_have_their_addresses() -> None:
    assert ApiAccess("i", "s").base == "https://developer.synq.io"
    assert {ApiAccess("i", "s", region=one).base for one in REGIONS} == set(REGIONS.values())
    assert ApiAccess("i", "s", region="us", url="https://proxy.example.com/q/").base.endswith("/q")


@pytest.mark.parametrize(
    "value, seconds",
    [
        ("5", 5.0),
        ("0", 0.0),
        ("999999999999", 3600.0),
        ("Thu, 01 Jan 1970 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 1970 00:00:00 -0000", 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_a_wait_that_is_asked_for_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    reply = httpx2.Response(429, headers={"retry-after": value.encode()})
    assert retry_after(reply, 0.0) == seconds
