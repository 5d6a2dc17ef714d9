"""Fields are checked and refused as Jira checks and refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from sync.sandbox.jira.ready_site import EPIC_LINK
from tests.sandbox.jira.conftest import Site, document

ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
NOT_TEXT = "Operation value must be a string"


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("summary", "", "You must specify a summary of the issue."),
        ("summary", "a\nb", "The summary is invalid because it contains newline characters."),
        ("summary", "x" * 256, "Summary can't exceed 255 characters."),
        ("labels", ["two words"], "The label 'two words' contains spaces which is invalid."),
        ("labels", "one", "data was not an array"),
        ("priority", {"name": "Enormous"}, "Priority name 'Enormous' is not valid"),
        ("components", [{"name": "Nope"}], "Component name 'Nope' is not valid"),
        ("duedate", "tomorrow", "Error parsing date string: tomorrow"),
        ("customfield_10010", 5, NOT_TEXT),
        ("customfield_10012", "many", "Operation value must be a number"),
        ("customfield_10013", "2026-02-31", "Error parsing date string: 2026-02-31"),
        ("customfield_10014", "2026-01-01", "Error parsing time: 2026-01-01"),
        ("customfield_10015", {"value": "Awful"}, "Option value 'Awful' is not valid"),
        ("customfield_10016", {"value": "Sales"}, "data was not an array"),
        (
            "customfield_10017",
            {"value": "Reporting", "child": {"value": "Marts"}},
            "Option value 'Marts'",
        ),
        ("customfield_10020", "not a url", "Not a valid URL"),
        ("customfield_10026", "x", ON_SCREEN.format("customfield_10026")),
        ("resolution", {"name": "Done"}, ON_SCREEN.format("resolution")),
        ("nonsense", "x", ON_SCREEN.format("nonsense")),
    ],
)
def test_a_wrong_value_is_refused_in_jiras_words(
    site: Site, field: str, value: Any, words: str
) -> None:
    before = len(site.sandbox.tickets())
    fields = {
        "project": {"key": "DATA"},
        "issuetype": {"name": "Bug"},
        "summary": "x",
        field: value,
    }
    response = site.call("POST", "issue", {"fields": fields})
    assert response.status == 400
    assert words in response.data["errors"][field]
    assert len(site.sandbox.tickets()) == before


def test_every_custom_field_type_is_kept_and_shown(site: Site) -> None:
    who = {"accountId": "712020:00000000-0e1"} if site.cloud else {"name": "data.owner"}
    key = site.create(
        customfield_10010="Upstream outage",
        customfield_10011=site.text("Dashboards are stale"),
        customfield_10012=1200,
        customfield_10013="2026-11-01",
        customfield_10014="2026-11-01T10:00:00.000+0100",
        customfield_10015={"value": "High"},
        customfield_10016=[{"value": "Sales"}, {"id": "10110"}],
        customfield_10017={"value": "Warehouse", "child": {"value": "Models"}},
        customfield_10018=who,
        customfield_10019=["b", "a"],
        customfield_10020="https://example.com/runbook",
        components=[{"name": "Ingestion"}],
        fixVersions=[{"name": "2026.1"}],
        assignee=who,
    )
    fields = site.call("GET", f"issue/{key}").data["fields"]
    assert fields["customfield_10012"] == 1200.0
    assert fields["customfield_10014"] == "2026-11-01T09:00:00.000+0000"
    assert fields["customfield_10015"]["value"] == "High"
    assert [o["value"] for o in fields["customfield_10016"]] == ["Finance", "Sales"]
    assert fields["customfield_10017"]["child"]["value"] == "Models"
    assert fields["customfield_10018"]["displayName"] == "Data Owner"
    assert fields["customfield_10019"] == ["a", "b"]
    assert [c["name"] for c in fields["components"]] == ["Ingestion"]
    assert fields["assignee"]["displayName"] == "Data Owner"


def test_people_are_named_by_account_on_cloud_and_by_name_on_a_data_center(
    cloud: Site, server: Site
) -> None:
    for site, wrong in ((cloud, {"name": "data.owner"}), (server, {"accountId": "712020:x"})):
        key = site.create()
        response = site.call("PUT", f"issue/{key}", {"fields": {"assignee": wrong}})
        assert (response.status, list(response.data["errors"])) == (400, ["assignee"])
    former = {"accountId": "712020:00000000-0e4"}
    response = cloud.call("PUT", "issue/DATA-1", {"fields": {"assignee": former}})
    assert response.data["errors"] == {
        "assignee": "User 'Former Member' cannot be assigned issues."
    }


def test_rich_text_must_fit_the_version_of_the_api(cloud: Site, server: Site) -> None:
    key = cloud.create()
    for wrong in (
        "plain",
        {"type": "doc", "version": 1, "content": [{"type": "text", "text": "x"}]},
    ):
        response = cloud.call("PUT", f"issue/{key}", {"fields": {"description": wrong}})
        assert (response.status, list(response.data["errors"])) == (400, ["description"])
    key = server.create()
    response = server.call("PUT", f"issue/{key}", {"fields": {"description": document("x")}})
    assert response.data["errors"] == {"description": NOT_TEXT}


def test_text_longer_than_jira_holds_is_refused(site: Site) -> None:
    key = site.create(description=site.text("x" * 32_767))
    body = {"fields": {"description": site.text("x" * 32_768)}}
    response = site.call("PUT", f"issue/{key}", body)
    assert (
        "exceeds the allowed limit of 32,767 characters" in response.data["errors"]["description"]
    )
    response = site.call("POST", f"issue/{key}/comment", {"body": site.text("x" * 32_768)})
    assert response.status == 400


def test_a_required_field_is_asked_for_and_a_default_filled_in(site: Site) -> None:
    fields = {"project": {"key": "STRICT"}, "issuetype": {"name": "Bug"}, "summary": "x"}
    response = site.call("POST", "issue", {"fields": fields})
    assert response.data["errors"] == {"customfield_10015": "Severity is required."}
    key = site.create("STRICT", customfield_10015={"value": "Low"})
    assert site.sandbox.ticket(key).priority == "Medium"
    assert site.sandbox.ticket(key).reporter == "Ticket Sync"


@pytest.mark.parametrize(
    "fields, field",
    [
        ({"project": {"key": "NOPE"}}, "project"),
        ({"project": {"key": "DATA"}, "issuetype": {"name": "Nope"}}, "issuetype"),
        ({"project": {"key": "TEAM"}, "issuetype": {"name": "Bug"}}, "issuetype"),
    ],
)
def test_a_wrong_project_or_type_is_refused(site: Site, fields: dict[str, Any], field: str) -> None:
    response = site.call("POST", "issue", {"fields": {"summary": "x", **fields}})
    assert (response.status, list(response.data["errors"])) == (400, [field])


def test_labels_are_added_and_removed_beside_those_of_others(site: Site) -> None:
    key = site.create(labels=["ours"])
    site.sandbox.person.add_labels(key, "theirs")
    update = {"labels": [{"add": "more"}, {"remove": "ours"}]}
    assert site.call("PUT", f"issue/{key}", {"update": update}).status == 204
    assert site.sandbox.ticket(key).labels == ("more", "theirs")


def test_a_field_cannot_be_set_and_updated_at_once(site: Site) -> None:
    key = site.create()
    body = {"fields": {"labels": ["a"]}, "update": {"labels": [{"add": "b"}]}}
    assert list(site.call("PUT", f"issue/{key}", body).data["errors"]) == ["labels"]


def test_create_screens_are_shown_page_by_page(cloud: Site, server: Site) -> None:
    types = cloud.call("GET", "issue/createmeta/STRICT/issuetypes").data
    bug = next(kind for kind in types["issueTypes"] if kind["name"] == "Bug")
    found: dict[str, Any] = {}
    while True:
        query = f"startAt={len(found)}&maxResults=5"
        path = f"issue/createmeta/STRICT/issuetypes/{bug['id']}"
        page = cloud.call("GET", path, query=query).data
        found |= {field["fieldId"]: field for field in page["fields"]}
        if len(found) >= page["total"]:
            break
    assert found["customfield_10015"]["required"]
    assert found["priority"]["defaultValue"]["name"] == "Medium"
    assert found["labels"]["operations"] == ["add", "set", "remove"]
    assert "customfield_10026" not in found
    page = server.call("GET", "issue/createmeta/STRICT/issuetypes", query="maxResults=2").data
    assert (len(page["values"]), page["isLast"]) == (2, False)


def test_edit_screens_are_empty_without_the_permission(site: Site) -> None:
    key = site.create()
    assert "summary" in site.call("GET", f"issue/{key}/editmeta").data["fields"]
    site.sandbox.deny("DATA", "EDIT_ISSUES")
    assert site.call("GET", f"issue/{key}/editmeta").data["fields"] == {}
    response = site.call("PUT", f"issue/{key}", {"fields": {"summary": "y"}})
    assert response.data["errors"] == {"summary": ON_SCREEN.format("summary")}


@pytest.mark.parametrize(
    ("kind", "above", "takes"),
    [
        ("Task", "Epic", True),
        ("Task", "Task", False),
        ("Sub-task", "Task", True),
        ("Sub-task", "Epic", False),
    ],
)
def test_cloud_takes_a_parent_that_is_one_level_above(
    site: Site, kind: str, above: str, takes: bool
) -> None:
    parent = {"key": site.create(kind=above)}
    epic = {"key": site.create(kind="Epic")}
    fields = {"project": {"key": "DATA"}, "issuetype": {"name": kind}, "summary": "x"}
    made = site.call("POST", "issue", {"fields": {**fields, "parent": parent}})
    if not site.cloud:
        # Data Center tells no levels but the sub-tasks', and lets other tickets have no parent.
        assert (made.status == 201) == (kind == "Sub-task")
        return
    task = site.create(kind="Task", parent=epic)
    moved = site.call("PUT", f"issue/{task}", {"fields": {"parent": parent}})
    refused = {"parentId": "Given parent work item does not belong to appropriate hierarchy."}
    assert made.data.get("errors", {}) == ({} if takes else refused)
    assert moved.status == (204 if above == "Epic" else 400)


def test_an_epic_is_linked_by_its_key(server: Site) -> None:
    site = server
    epic, task = site.create(kind="Epic"), site.create(kind="Task")
    path = f"issue/{task}"

    def link(value: Any) -> str:
        answer = site.call("PUT", path, {"fields": {EPIC_LINK: value}})
        return str((answer.data or {}).get("errors", {}).get(EPIC_LINK, ""))

    assert link({"key": epic}) == "String value expected as the Epic Key."
    assert "does not exist" in link("DATA-999")
    assert "is not an Epic" in link(task)
    assert link(epic) == ""
    shown = site.call("GET", path).data["fields"]
    assert (shown[EPIC_LINK], shown["parent"]) == (epic, None)
    assert link(None) == ""
    assert site.call("GET", path).data["fields"][EPIC_LINK] is None


def test_a_subtask_hangs_under_its_parent(site: Site) -> None:
    parent = site.create()
    fields = {"project": {"key": "DATA"}, "issuetype": {"name": "Sub-task"}, "summary": "x"}
    assert site.call("POST", "issue", {"fields": fields}).data["errors"] == {
        "parent": "Parent is required."
    }
    child = site.create(kind="Sub-task", parent={"key": parent})
    shown = site.call("GET", f"issue/{parent}").data["fields"]["subtasks"]
    assert [one["key"] for one in shown] == [child]
    assert site.call("DELETE", f"issue/{parent}").status == 400
    assert site.call("DELETE", f"issue/{parent}", query="deleteSubtasks=true").status == 204
    assert site.call("GET", f"issue/{child}").status == 404
