"""Whatever is sent, the simulated site answers as a server would: it never breaks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.rest.routes import ROUTES
from tests.sandbox.jira.conftest import Site, document

AUTH = {"Authorization": "Bearer sandbox-token"}
_WORDS = st.sampled_from(
    [
        "fields", "update", "project", "key", "id", "issuetype", "name", "DATA", "Bug", "summary",
        "labels", "add", "set", "remove", "transition", "21", "body", "type", "doc", "content",
        "text", "object", "url", "title", "jql", "properties", "value", "accountId", "child",
        "customfield_10015", "customfield_10017", "components", "parent", "DATA-1", "description",
    ]
)  # fmt: skip
_BODIES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | _WORDS
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)
_QUERIES = st.dictionaries(
    st.sampled_from(["fields", "expand", "jql", "maxResults", "startAt", "query", "project"]),
    st.sampled_from(
        ["x", "-1", "*all", "labels = a ORDER BY key", "created > -1d", "changelog", ""]
    ),
    max_size=3,
)
_FILLED = {
    "{issue}": "DATA-1",
    "{project}": "DATA",
    "{type}": "10004",
    "{comment}": "1",
    "{link}": "1",
}


@settings(max_examples=300, deadline=None)
@given(route=st.sampled_from(ROUTES), query=_QUERIES, body=_BODIES, cloud=st.booleans())
def test_no_call_breaks_the_site(
    route: tuple[str, str, Any], query: dict[str, str], body: Any, cloud: bool
) -> None:
    site = Site("cloud" if cloud else "datacenter")
    site.create(labels=["a"])
    method, template, _ = route
    path = "/".join(_FILLED.get(part, part) for part in template.split("/"))
    response = site.call(method, path, body, query="&".join(f"{k}={v}" for k, v in query.items()))
    assert 200 <= response.status < 500
    assert isinstance(response.body, bytes)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"fields": "\xff"}', b'"\\ud800"', b'{"fields": []}', b"null"]
)
def test_a_broken_body_is_refused(body: bytes) -> None:
    response = JiraSandbox("cloud").handle("POST", "/rest/api/3/issue", "", AUTH, body)
    assert response.status == 400
    assert response.data["errorMessages"] or response.data["errors"]


def test_a_redirect_can_be_played(site: Site) -> None:
    site.sandbox.faults.add(
        "status", status=302, headers={"Location": "https://login.example.com"}, body={}, count=1
    )
    response = site.call("GET", "myself")
    assert (response.status, response.headers["Location"]) == (302, "https://login.example.com")


def test_a_person_writes_around_what_the_description_says(site: Site) -> None:
    key = site.create(description=site.text("Ours"))
    site.sandbox.person.write_around(key, before="Mine first", after="Mine last")
    lines = [line for line in site.sandbox.ticket(key).description.split("\n") if line.strip()]
    assert [line.strip() for line in lines] == ["Mine first", "Ours", "Mine last"]
    if site.cloud:
        content = site.call("GET", f"issue/{key}").data["fields"]["description"]["content"]
        assert len(content) == len(document("Ours")["content"]) + 2


def test_labels_are_found_whatever_their_case(site: Site) -> None:
    one, two = site.create(labels=["Red"]), site.create(labels=["red"])
    path = "search/jql" if site.cloud else "search"
    rows = site.call("GET", path, query="fields=summary&jql=labels=RED ORDER BY key").data["issues"]
    assert [row["key"] for row in rows] == [one, two]
