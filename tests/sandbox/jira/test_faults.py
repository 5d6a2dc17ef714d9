"""Faults strike the calls they are meant for, before or after the work."""

from __future__ import annotations

import math
from typing import Any

import pytest
import requests

from sync.sandbox.jira import Limits
from tests.sandbox.jira.conftest import ADDRESS, Site

BODY = {
    "fields": {
        "project": {"key": "DATA"},
        "issuetype": {"name": "Bug"},
        "summary": "x",
        "labels": ["m"],
    }
}


def post(site: Site) -> requests.Response:
    """A create call on the transport, below the client's own error handling."""
    headers = {"Authorization": "Bearer sandbox-token"}
    plain = requests.Session()
    plain.trust_env = False
    plain.mount(ADDRESS, site.client._session.get_adapter(ADDRESS))
    return plain.post(f"{ADDRESS}/rest/api/2/issue", json=BODY, headers=headers)


@pytest.mark.parametrize(
    "effect, how, error, made",
    [
        ("drop", {}, requests.ConnectionError, 0),
        ("drop", {"after": True}, requests.ConnectionError, 1),
        ("refuse", {}, requests.ConnectionError, 0),
        ("connect_timeout", {}, requests.ConnectTimeout, 0),
        ("read_timeout", {}, requests.ReadTimeout, 1),
        ("cut", {}, requests.exceptions.ChunkedEncodingError, 1),
    ],
)
def test_a_lost_reply_raises_what_a_socket_would(
    site: Site, effect: str, how: dict[str, Any], error: type[Exception], made: int
) -> None:
    fault = site.sandbox.faults.add(effect, method="POST", path="/issue$", count=1, **how)
    with pytest.raises(error):
        post(site)
    assert (len(site.sandbox.find_marker("m")), fault.hits) == (made, 1)
    assert post(site).status_code == 201


@pytest.mark.parametrize(
    "effect, how, status, made",
    [
        ("status", {"status": 500}, 500, 0),
        ("status", {"status": 502, "after": True}, 502, 1),
        ("html", {"status": 200, "after": True}, 200, 1),
        ("html", {"status": 504}, 504, 0),
        ("maintenance", {"retry_after": 30}, 503, 0),
        ("unauthorized", {}, 401, 0),
        ("captcha", {}, 403, 0),
        ("read_only", {}, 503, 0),
        ("rate_limit", {"reason": "jira-quota-global-based", "retry_after": 7}, 429, 0),
    ],
)
def test_a_wrong_answer_comes_with_or_without_the_work(
    site: Site, effect: str, how: dict[str, Any], status: int, made: int
) -> None:
    site.sandbox.faults.add(effect, method="POST", count=1, **how)
    response = post(site)
    assert (response.status_code, len(site.sandbox.find_marker("m"))) == (status, made)
    if "retry_after" in how:
        assert response.headers["Retry-After"] == str(how["retry_after"])
    if effect == "rate_limit" and site.cloud:
        assert response.headers["RateLimit-Reason"] == "jira-quota-global-based"
        assert response.headers["X-RateLimit-Remaining"] == "0"
    if effect == "html":
        assert response.text.startswith("<html>")
    assert post(site).status_code == 201


def test_faults_choose_their_calls_and_let_some_pass(site: Site) -> None:
    key = site.create()
    site.sandbox.faults.add("status", path=f"/issue/{key}$", method="GET", skip=1, count=2)
    statuses = [site.call("GET", f"issue/{key}").status for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    assert site.call("GET", "myself").status == 200


def test_a_fault_by_chance_strikes_about_as_often_as_said(site: Site) -> None:
    site.sandbox.faults.add("status", probability=0.3)
    struck = sum(site.call("GET", "serverInfo").status == 500 for _ in range(400))
    assert 80 < struck < 160
    site.sandbox.faults.clear()
    assert site.call("GET", "serverInfo").status == 200


def test_latency_passes_on_the_clock_and_joins_other_faults(site: Site) -> None:
    site.sandbox.faults.add("latency", seconds=2.5)
    site.sandbox.faults.add("status", status=503)
    before = site.clock.now
    assert site.call("GET", "myself").status == 503
    assert site.clock.now - before == 2.5


def test_bursts_are_limited_by_endpoint_and_method(cloud: Site) -> None:
    cloud.sandbox.site.limits = Limits(bursts={"GET": 5}, issue_writes=())
    statuses = [cloud.call("GET", "myself").status for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    refused = cloud.call("GET", "myself")
    assert refused.headers["RateLimit-Reason"] == "jira-burst-based"
    assert cloud.call("GET", "serverInfo").status == 200
    cloud.sandbox.advance(math.ceil(int(refused.headers["Retry-After"])))
    assert cloud.call("GET", "myself").status == 200


def test_writes_to_one_ticket_are_limited(cloud: Site) -> None:
    key, other = cloud.create(), cloud.create()
    cloud.sandbox.site.limits = Limits(bursts={}, issue_writes=((20, 2.0), (100, 30.0)))
    statuses = [
        cloud.call("PUT", f"issue/{key}", {"fields": {"summary": f"n{n}"}}).status
        for n in range(21)
    ]
    assert statuses == [204] * 20 + [429]
    assert cloud.sandbox.ticket(key).summary == "n19"
    assert cloud.call("PUT", f"issue/{other}", {"fields": {"summary": "x"}}).status == 204
    refused = cloud.call("POST", f"issue/{key}/comment", {"body": cloud.text("x")})
    assert refused.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    cloud.sandbox.advance(2)
    assert cloud.call("PUT", f"issue/{key}", {"fields": {"summary": "later"}}).status == 204


def test_calls_are_counted_by_what_they_were(site: Site) -> None:
    key = site.create()
    site.call("GET", f"issue/{key}")
    site.call("GET", "issue/DATA-99")
    site.sandbox.faults.add("drop", count=1)
    site.call("GET", f"issue/{key}")
    calls = site.sandbox.calls
    assert calls["POST", "issue", 201] == 1
    assert calls["GET", "issue/{issue}", 200] == 1
    assert calls["GET", "issue/{issue}", 404] == 1
    assert calls["GET", "issue/{issue}", 0] == 1


def test_a_reset_site_is_empty(site: Site) -> None:
    site.create()
    site.sandbox.faults.add("drop")
    site.sandbox.reset()
    assert site.sandbox.tickets() == []
    assert site.create() == "DATA-1"
