"""Who may call, and what the site answers to a caller who may not."""

from __future__ import annotations

import base64

import pytest

from sync.sandbox.jira import JiraSandbox
from tests.sandbox.jira.conftest import Site


def status(sandbox: JiraSandbox, authorization: str, path: str = "/rest/api/2/myself") -> int:
    headers = {"Authorization": authorization} if authorization else {}
    return sandbox.handle("GET", path, "", headers).status


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def test_the_right_secret_is_let_in_and_a_wrong_one_is_not(site: Site) -> None:
    sandbox = site.sandbox
    name = "ticket-sync@example.com" if site.cloud else "ticket-sync"
    assert status(sandbox, basic(name, "sandbox-token")) == 200
    assert status(sandbox, "Bearer sandbox-token") == 200
    assert status(sandbox, basic(name, "wrong")) == 401
    assert status(sandbox, basic("somebody", "sandbox-token")) == 401


def test_a_replaced_token_stops_working_at_once(site: Site) -> None:
    assert status(site.sandbox, "Bearer sandbox-token") == 200
    site.sandbox.replace_secret("new-token")
    assert status(site.sandbox, "Bearer sandbox-token") == 401
    assert status(site.sandbox, "Bearer new-token") == 200


def test_an_anonymous_caller_sees_nothing_of_tickets(site: Site) -> None:
    key = site.create()
    assert status(site.sandbox, "") == 401
    assert status(site.sandbox, "", f"/rest/api/2/issue/{key}") == 404
    assert status(site.sandbox, "", "/rest/api/2/serverInfo") == 200


def test_a_lost_session_looks_like_fields_that_cannot_be_set(site: Site) -> None:
    key = site.create()
    site.sandbox.faults.add("anonymous", method="PUT|POST")
    response = site.call("PUT", f"issue/{key}", {"fields": {"summary": "y"}})
    assert response.status in (400, 404)
    assert site.sandbox.ticket(key).summary == "Late orders"


def test_a_data_center_wants_a_captcha_after_wrong_secrets(server: Site) -> None:
    for _ in range(3):
        assert status(server.sandbox, "Bearer wrong") == 401
    response = server.call("GET", "myself")
    assert response.status == 403
    assert response.headers["X-Authentication-Denied-Reason"].startswith("CAPTCHA_CHALLENGE")


def test_a_caller_is_named_in_the_reply(site: Site) -> None:
    headers = site.call("GET", "myself").headers
    name, value = ("X-AACCOUNTID", "712020") if site.cloud else ("X-AUSERNAME", "ticket-sync")
    assert headers[name].startswith(value)
    assert headers["X-AREQUESTID"]


def test_users_are_found_by_name_and_by_hidden_address(cloud: Site, server: Site) -> None:
    for query, names in {
        "data": ["Data Owner"],
        "platform.lead@example.com": ["Platform Lead"],
        "former": [],
    }.items():
        rows = cloud.call("GET", "user/search", query=f"query={query}").data
        assert [row["displayName"] for row in rows] == names
    assert "emailAddress" not in cloud.call("GET", "user/search", query="query=platform").data[0]
    rows = server.call("GET", "user/search", query="username=on.call").data
    assert [row["name"] for row in rows] == ["on.call"]


def test_assignable_users_are_those_with_the_permission(cloud: Site) -> None:
    rows = cloud.call("GET", "user/assignable/search", query="project=DATA").data
    assert "Data Owner" in [row["displayName"] for row in rows]
    assert "Former Member" not in [row["displayName"] for row in rows]


@pytest.mark.parametrize("permission", ["CREATE_ISSUES", "EDIT_ISSUES", "LINK_ISSUES"])
def test_permissions_are_shown_as_they_are(cloud: Site, permission: str) -> None:
    cloud.sandbox.deny("DATA", permission)
    query = "permissions=CREATE_ISSUES,EDIT_ISSUES,LINK_ISSUES&projectKey={}"
    for project, expected in (("DATA", False), ("OPS", True)):
        shown = cloud.call("GET", "mypermissions", query=query.format(project)).data["permissions"]
        assert shown[permission]["havePermission"] is expected


def test_creating_without_the_permission_is_refused(site: Site) -> None:
    site.sandbox.deny("DATA", "CREATE_ISSUES")
    fields = {"project": {"key": "DATA"}, "issuetype": {"name": "Bug"}, "summary": "x"}
    response = site.call("POST", "issue", {"fields": fields})
    assert (response.status, list(response.data["errors"])) == (400, ["project"])
    assert site.sandbox.tickets() == []


def test_the_catalogues_of_a_project_are_shown(cloud: Site) -> None:
    kinds = cloud.call("GET", "project/GOV/statuses").data
    bug = next(kind for kind in kinds if kind["name"] == "Bug")
    assert {s["name"] for s in bug["statuses"]} == {
        "Backlog",
        "In Progress",
        "Done",
        "Won't Do",
        "Cancelled",
    }
    page = cloud.call("GET", "project/search", query="maxResults=2").data
    assert (len(page["values"]), page["isLast"], page["total"]) == (2, False, 7)
    page = cloud.call("GET", "field/search", query="type=custom&query=team").data
    assert [field["name"] for field in page["values"]] == ["Team", "Team", "Owning team"]
    assert cloud.call("GET", "priority/search").data["values"][0]["name"] == "Highest"
    assert len(cloud.call("GET", "statuscategory").data) == 4


def test_unknown_paths_and_broken_bodies_are_refused(site: Site) -> None:
    assert site.call("GET", "nothing/here").status == 404
    assert site.call("DELETE", "priority").status == 405
    headers = {"Authorization": "Bearer sandbox-token"}
    response = site.sandbox.handle("POST", "/rest/api/2/issue", "", headers, b"{not json")
    assert response.status == 400
    response = site.sandbox.handle("POST", "/rest/api/2/issue", "", headers, b'"text"')
    assert response.status == 400
