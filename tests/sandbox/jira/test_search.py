"""Search understands, refuses and lags as Jira's does."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.sandbox.jira.conftest import Site


def found(site: Site, jql: str) -> list[str]:
    path = "search/jql" if site.cloud else "search"
    response = site.call("GET", path, query=f"fields=summary&jql={quote(jql)}")
    assert response.status == 200, response.data
    return [issue["key"] for issue in response.data["issues"]]


def refusal(site: Site, jql: str) -> str:
    path = "search/jql" if site.cloud else "search"
    response = site.call("GET", path, query=f"jql={quote(jql)}")
    assert response.status == 400
    return str(response.data["errorMessages"][0])


def test_queries_find_what_they_say(site: Site) -> None:
    one = site.create(labels=["red"], priority={"name": "High"})
    two = site.create(labels=["red", "blue"], kind="Task")
    three = site.create("OPS", labels=["blue"])
    site.sandbox.person.transition(two, "Done")
    number = site.sandbox.ticket(one).id
    for jql, keys in {
        "labels = red": [one, two],
        "labels in (red, blue) AND project = OPS": [three],
        "labels = red AND labels != blue": [one],
        "project = DATA AND NOT status = Done": [one],
        "project = DATA AND statusCategory = Done": [two],
        f"key in ({one}, {three}) ORDER BY key": [one, three],
        f"id = {number}": [one],
        "resolution is EMPTY AND project = DATA": [one],
        'project = "Data Platform" AND resolution = Done': [two],
        "project = DATA AND issuetype = Task OR project = OPS": [two, three],
        "project = DATA AND (issuetype = Task OR priority = High) ": [one, two],
        'project = DATA AND summary ~ "orders"': [one, two],
        "labels not in (blue)": [one],
        "reporter = currentUser() AND labels = blue": [two, three],
    }.items():
        assert sorted(found(site, jql)) == sorted(keys), jql


def test_times_are_relative_or_absolute(site: Site) -> None:
    old = site.create()
    site.sandbox.advance(3600)
    new = site.create()
    assert found(site, "project = DATA AND created >= -30m") == [new]
    assert found(site, "project = DATA AND updated < -30m") == [old]
    assert found(site, 'project = DATA AND created > "2026-01-01" ORDER BY created ASC') == [
        old,
        new,
    ]
    site.sandbox.advance(60)
    site.sandbox.person.edit(old, summary="Touched")
    assert found(site, 'project = DATA AND updated >= "-5m" ORDER BY updated DESC') == [old, new]


@pytest.mark.parametrize(
    "jql, words",
    [
        ("labels = ", "before the end of the query"),
        ("labels = a b", "Expecting either 'OR' or 'AND' but got 'b'"),
        ("labels = 'a", "has not been completed"),
        ("labels = a#b", "The character '#' is a reserved JQL character"),
        ("labels = select", "'select' is a reserved JQL word"),
        (r'labels = "a\q"', "illegal JQL escape sequence"),
        ("colour = red", "Field 'colour' does not exist"),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("key = DATA-99", "An issue with key 'DATA-99' does not exist"),
        ("created > yesterday", "Date value 'yesterday' for field 'created' is invalid"),
        ("status ~ Done", "The operator '~' is not supported"),
        ("(labels = a", "Expecting ')'"),
    ],
)
def test_what_cannot_be_understood_is_refused(site: Site, jql: str, words: str) -> None:
    assert words in refusal(site, jql)


def test_quoted_text_is_never_syntax(site: Site) -> None:
    site.create(labels=["plain"])
    hostile = 'x" OR project = DATA OR labels = "x'
    escaped = hostile.replace("\\", "\\\\").replace('"', '\\"')
    assert found(site, f'labels = "{escaped}"') == []


def test_cloud_refuses_a_search_without_bounds(cloud: Site) -> None:
    assert "Unbounded JQL" in refusal(cloud, "")
    assert "Unbounded JQL" in refusal(cloud, "ORDER BY created")


def test_cloud_gives_ids_alone_unless_fields_are_asked_for(cloud: Site) -> None:
    cloud.create(labels=["red"])
    rows = cloud.call("POST", "search/jql", {"jql": "labels = red"}).data["issues"]
    assert [set(row) for row in rows] == [{"id"}]


def test_the_index_lags_but_reads_do_not(site: Site) -> None:
    site.sandbox.index_lag = 30
    key = site.create(labels=["late"])
    assert found(site, "labels = late") == []
    assert site.call("GET", f"issue/{key}").status == 200
    site.sandbox.advance(31)
    assert found(site, "labels = late") == [key]
    site.sandbox.person.remove_labels(key, "late")
    assert found(site, "labels = late") == [key]
    site.sandbox.advance(31)
    assert found(site, "labels = late") == []


def test_reconciling_shows_named_issues_as_they_are(cloud: Site) -> None:
    cloud.sandbox.index_lag = 30
    key = cloud.create(labels=["late"])
    number = int(cloud.sandbox.ticket(key).id)
    body = {"jql": "labels = late", "fields": ["summary"], "reconcileIssues": [number]}
    rows = cloud.call("POST", "search/jql", body).data["issues"]
    assert [row["key"] for row in rows] == [key]


def test_bulk_fetch_reads_many_and_names_the_missing(cloud: Site) -> None:
    keys = [cloud.create() for _ in range(3)]
    body = {"issueIdsOrKeys": [*keys, "DATA-99"], "fields": ["summary"]}
    data = cloud.call("POST", "issue/bulkfetch", body).data
    assert [row["key"] for row in data["issues"]] == keys
    assert [row["id"] for row in data["issueErrors"]] == ["DATA-99"]


def test_a_project_that_is_not_visible_is_not_found(site: Site) -> None:
    key = site.create(labels=["hidden"])
    site.sandbox.deny("DATA", "BROWSE_PROJECTS")
    assert found(site, "labels = hidden") == []
    assert site.call("GET", f"issue/{key}").status == 404
    assert site.call("GET", "project/DATA").status == 404
    assert "does not exist for the field 'project'" in refusal(site, "project = DATA")
