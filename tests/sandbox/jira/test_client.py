"""The real client works on the simulated site as on a real one."""

from __future__ import annotations

import pytest
from jira.exceptions import JIRAError

from tests.sandbox.jira.conftest import Site, document


def test_the_client_creates_reads_edits_moves_and_comments(site: Site) -> None:
    issue = site.client.create_issue(
        fields={
            "project": {"key": "DATA"},
            "issuetype": {"name": "Bug"},
            "summary": "Orders are late",
            "description": site.text("Two hours behind."),
            "labels": ["ticket-sync-1"],
        },
        prefetch=False,
    )
    read = site.client.issue(issue.key, expand="transitions.fields")
    assert read.fields.status.statusCategory.key == "new"
    assert [t["name"] for t in read.raw["transitions"]] == ["To Do", "In Progress", "Done"]
    read.update(summary="Orders are very late", notify=False)
    site.client.transition_issue(issue.key, "Done")
    site.client.add_comment(issue.key, site.text("All well again."))
    ticket = site.sandbox.ticket(issue.key)
    assert (ticket.summary, ticket.status, ticket.category) == (
        "Orders are very late",
        "Done",
        "done",
    )
    assert ticket.resolution == "Done"
    assert [comment.text for comment in ticket.comments] == ["All well again."]
    assert ticket.labels == ("ticket-sync-1",)


def test_the_client_reads_the_catalogue(site: Site) -> None:
    assert site.client.server_info()["deploymentType"] == ("Cloud" if site.cloud else "Server")
    assert site.client.myself()["displayName"] == "Ticket Sync"
    assert {"DATA", "OPS"} <= {project.key for project in site.client.projects()}
    assert "Bug" in {kind.name for kind in site.client.project("DATA").issueTypes}
    names = {field["name"] for field in site.client.fields()}
    assert {"Summary", "Severity", "Data owner"} <= names
    assert {link.name for link in site.client.issue_link_types()} >= {"Blocks", "Relates"}
    assert "Medium" in {priority.name for priority in site.client.priorities()}
    assert "Done" in {resolution.name for resolution in site.client.resolutions()}
    assert {s.statusCategory.key for s in site.client.statuses()} == {
        "new",
        "indeterminate",
        "done",
    }


def test_the_client_searches_cloud_by_page_tokens(cloud: Site) -> None:
    keys = [cloud.create(labels=["batch"]) for _ in range(7)]
    found = cloud.client.enhanced_search_issues(
        'labels = "batch" ORDER BY created ASC', maxResults=0, fields="summary"
    )
    assert [issue.key for issue in found] == keys
    assert cloud.call("GET", "search", query="jql=labels=batch").status == 410


def test_the_client_searches_a_data_center_by_offset(server: Site) -> None:
    keys = [server.create(labels=["batch"]) for _ in range(7)]
    found = server.client.search_issues("labels = batch ORDER BY key", startAt=2, maxResults=3)
    assert (found.total, [issue.key for issue in found]) == (7, keys[2:5])


def test_the_client_reads_a_data_centers_create_screens(server: Site) -> None:
    types = server.client.project_issue_types("STRICT")
    bug = next(kind for kind in types if kind.name == "Bug")
    fields = {field.name: field for field in server.client.project_issue_fields("STRICT", bug.id)}
    assert fields["Severity"].required
    assert [v.value for v in fields["Severity"].allowedValues] == [
        "Critical",
        "High",
        "Medium",
        "Low",
    ]


def test_the_client_links_and_reads_links_back(site: Site) -> None:
    one, other = site.create(), site.create()
    site.client.create_issue_link("Blocks", one, other)
    site.client.create_issue_link("Blocks", one, other)
    assert site.sandbox.ticket(one).issue_links == (("blocks", other),)
    assert site.sandbox.ticket(other).issue_links == (("is blocked by", one),)
    link = site.client.issue(one).fields.issuelinks[0]
    assert link.outwardIssue.key == other


def test_the_client_gets_jiras_words_for_a_refusal(site: Site) -> None:
    with pytest.raises(JIRAError) as missing:
        site.client.issue("DATA-999")
    assert missing.value.status_code == 404
    words = "Issue does not exist" if site.cloud else "Issue Does Not Exist"
    assert words in missing.value.text
    with pytest.raises(JIRAError) as refused:
        site.client.create_issue(
            fields={
                "project": {"key": "DATA"},
                "issuetype": {"name": "Bug"},
                "summary": "x",
                "customfield_99999": "y",
            },
            prefetch=False,
        )
    assert refused.value.response.json()["errors"] == {
        "customfield_99999": "Field 'customfield_99999' cannot be set. "
        "It is not on the appropriate screen, or unknown."
    }


def test_text_comes_back_rewritten(cloud: Site, server: Site) -> None:
    key = cloud.create(description=document("Late"))
    paragraph = cloud.call("GET", f"issue/{key}").data["fields"]["description"]["content"][0]
    assert paragraph["content"] == [{"type": "text", "text": "Late"}]
    assert "localId" in paragraph["attrs"]
    key = server.create(description="First  \nSecond\n\n")
    assert server.call("GET", f"issue/{key}").data["fields"]["description"] == "First\r\nSecond"


def test_version_2_works_on_cloud_with_wiki_text(cloud: Site) -> None:
    made = cloud.call(
        "POST",
        "issue",
        {
            "fields": {
                "project": {"key": "DATA"},
                "issuetype": {"name": "Task"},
                "summary": "x",
                "description": "h3. Late",
            }
        },
        api="2",
    )
    assert made.status == 201
    path = f"issue/{made.data['key']}"
    assert cloud.call("GET", path, api="2").data["fields"]["description"] == "h3. Late"
    assert cloud.call("GET", path).data["fields"]["description"]["type"] == "doc"
