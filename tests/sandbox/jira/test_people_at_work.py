"""What people and robots do in Jira, who they are to callers, and who sees what they say."""

from __future__ import annotations

import pytest

from sync.sandbox.jira import Refusal
from sync.sandbox.jira.ready_site import LEAD, ONCALL, OWNER
from tests.sandbox.jira.conftest import Site
from tests.sandbox.jira.hooks import URL, Receiver


def comments(site: Site, key: str) -> list[dict[str, object]]:
    found = site.call("GET", f"issue/{key}/comment", query="expand=properties").data["comments"]
    return list(found)


def shown(site: Site, **level: str) -> dict[str, str]:
    """How reading shows a restriction."""
    return {**level, "identifier": level["value"]} if site.cloud else level


def test_a_person_assigns_and_takes_the_assignee_off(site: Site) -> None:
    key = site.create()
    site.sandbox.person.assign(key, ONCALL.name)
    assert site.sandbox.ticket(key).assignee == ONCALL.display_name
    site.sandbox.person.assign(key)
    ticket = site.sandbox.ticket(key)
    assert ticket.assignee == ""
    assert [(one.before, one.after) for one in ticket.history] == [
        ("", ONCALL.display_name),
        (ONCALL.display_name, ""),
    ]
    with pytest.raises((Refusal, KeyError)):
        site.sandbox.person.assign(key, "nobody.here")


def test_the_history_names_users_statuses_and_resolutions_by_their_ids(site: Site) -> None:
    key = site.create()
    site.sandbox.change_user(ONCALL.name, key="JIRAUSER10100")
    site.sandbox.person.assign(key, ONCALL.name)
    site.sandbox.person.transition(key, "Done")
    shown = site.call("GET", f"issue/{key}", query="expand=changelog").data["changelog"]
    ends = {
        item["field"]: (item["from"], item["to"])
        for entry in shown["histories"]
        for item in entry["items"]
    }
    assert ends == {
        "assignee": (None, ONCALL.account_id if site.cloud else "JIRAUSER10100"),
        "status": ("10000", "10001"),
        "resolution": (None, "10000"),
    }
    items = [item for entry in shown["histories"] for item in entry["items"]]
    assert all(("fieldId" in item) is site.cloud for item in items)


def test_an_issue_shows_only_so_many_of_its_comments_among_its_fields(site: Site) -> None:
    site.sandbox.site.most_comments = 2
    key = site.create()
    for word in ("one", "two", "three"):
        site.sandbox.person.comment(key, word)
    among = site.call("GET", f"issue/{key}", query="fields=comment").data["fields"]["comment"]
    assert (len(among["comments"]), among["maxResults"], among["total"]) == (2, 2, 3)
    assert len(comments(site, key)) == 3


def test_reading_says_to_whom_a_comment_is_restricted(site: Site) -> None:
    key = site.create()
    site.sandbox.person.comment(key, "For a role", role="Administrators")
    site.sandbox.person.comment(key, "For a group", group="data-team")
    number = site.sandbox.person.comment(key, "For all")
    levels = [one.get("visibility") for one in comments(site, key)]
    assert levels == [
        shown(site, type="role", value="Administrators"),
        shown(site, type="group", value="data-team"),
        None,
    ]
    site.sandbox.person.edit_comment(key, number, "No more", role="Administrators")
    level = shown(site, type="role", value="Administrators")
    assert comments(site, key)[2]["visibility"] == level


def test_a_person_writes_mentions_pictures_and_tables(cloud: Site) -> None:
    key = cloud.create()
    mention = {"type": "mention", "attrs": {"id": ONCALL.account_id, "text": "@On-Call Engineer"}}
    words = {"type": "text", "text": "Ask "}
    cell = {"type": "tableCell", "content": [{"type": "paragraph", "content": [words, mention]}]}
    table = {"type": "table", "content": [{"type": "tableRow", "content": [cell]}]}
    media = {"type": "media", "attrs": {"id": "1", "type": "file", "collection": ""}}
    document = {
        "type": "doc",
        "version": 1,
        "content": [table, {"type": "mediaSingle", "content": [media]}],
    }
    number = cloud.sandbox.person.comment(key, document)
    body = cloud.call("GET", f"issue/{key}/comment/{number}").data["body"]
    assert [block["type"] for block in body["content"]] == ["table", "mediaSingle"]
    assert ONCALL.account_id in str(body)


def test_a_site_may_take_longer_texts_than_most(site: Site) -> None:
    key, words = site.create(), "x" * 40_000
    with pytest.raises(Refusal, match="32,767"):
        site.sandbox.person.comment(key, words)
    site.sandbox.site.most_characters = 100_000
    site.sandbox.person.comment(key, words)
    assert len(site.sandbox.ticket(key).comments[0].text) == 40_000


def test_who_is_not_in_the_role_does_not_see_its_comments(site: Site) -> None:
    key = site.create()
    number = site.sandbox.person.comment(key, "For a role", role="Administrators")
    site.sandbox.change_user("ticket-sync", groups=["data-team"])
    assert comments(site, key) == []
    assert site.call("GET", f"issue/{key}/comment/{number}").status == 404
    assert site.call("GET", f"issue/{key}").data["fields"]["comment"]["total"] == 0
    assert len(site.sandbox.ticket(key).comments) == 1


def test_a_restriction_names_a_role_or_a_group(site: Site) -> None:
    key = site.create()
    for level in ({"type": "company", "value": "x"}, {"type": "role"}, "Administrators"):
        body = {"body": site.text("x"), "visibility": level}
        assert site.call("POST", f"issue/{key}/comment", body).status == 400
    assert site.sandbox.ticket(key).comments == ()


def test_an_internal_comment_of_a_service_project_is_known_by_its_property(site: Site) -> None:
    key = site.create("HELP", "Task")
    site.sandbox.person.comment(key, "Among us", internal=True)
    site.sandbox.person.comment(key, "For customers")
    inner, public = comments(site, key)
    marks = [{"key": "sd.public.comment", "value": {"internal": flag}} for flag in (True, False)]
    assert [inner["properties"], public["properties"]] == [[marks[0]], [marks[1]]]
    if site.cloud:
        assert (inner["jsdPublic"], public["jsdPublic"]) == (False, True)
    else:
        assert "jsdPublic" not in inner
    assert [one.public for one in site.sandbox.ticket(key).comments] == [False, True]


def test_an_author_may_hide_the_address_change_the_name_and_be_gone(site: Site) -> None:
    key = site.create()
    site.sandbox.person.comment(key, "Hello")

    def author() -> dict[str, object]:
        found = comments(site, key)[0]["author"]
        assert isinstance(found, dict)
        return found

    assert author()["emailAddress"] == OWNER.email
    site.sandbox.change_user(OWNER.name, display_name="API", email_hidden=True)
    assert author()["displayName"] == "API"
    assert ("emailAddress" in author()) is not site.cloud
    site.sandbox.change_user(OWNER.name, deleted=True)
    assert author()["active"] is False
    assert OWNER.email not in str(author())
    assert author()["displayName"] == ("Former user" if site.cloud else "user-data.owner")


def test_a_robot_answers_a_status_with_a_move_and_no_robot_answers_a_robot(site: Site) -> None:
    site.sandbox.add_webhook(URL)
    came = Receiver(site)
    robot = site.sandbox.add_robot("transition", "In Progress", status="Done", project="DATA")
    site.sandbox.add_robot("comment", "I saw it", status="In Progress")
    key, other = site.create(), site.create("TEAM", "Task")
    for one in (key, other):
        site.sandbox.person.transition(one, "Done")
    assert (site.sandbox.ticket(key).status, site.sandbox.ticket(other).status) == (
        "In Progress",
        "Done",
    )
    assert (robot.acted, robot.refused, site.sandbox.ticket(key).comments) == (1, 0, ())
    who = {change.author for change in site.sandbox.ticket(key).history}
    assert who == {"Data Owner", "Automation for Jira"}
    acts = [body for body in came.pump() if "changelog" in body and body["issue"]["key"] == key]
    assert [body["user"]["displayName"] for body in acts if site.cloud] == (
        ["Data Owner", "Automation for Jira"] if site.cloud else []
    )
    assert acts[0]["user"].get("accountType") in ("atlassian", None)


def test_a_robot_may_act_as_a_person_and_be_refused(site: Site) -> None:
    robot = site.sandbox.add_robot("transition", "Nowhere", user=LEAD, event="issue_created")
    key = site.create()
    assert (robot.acted, robot.refused, site.sandbox.ticket(key).status) == (0, 1, "To Do")
    with pytest.raises(AttributeError):
        site.sandbox.add_robot("explode")
    site.sandbox.reset()
    site.create()
    assert robot.refused == 1


def test_the_account_of_automation_is_no_user_to_be_found_or_assigned(cloud: Site) -> None:
    assert cloud.call("GET", "user/search", query="query=automation").data == []
    rows = cloud.call("GET", "user/assignable/search", query="project=DATA").data
    assert "Automation for Jira" not in [row["displayName"] for row in rows]


def test_a_bulk_change_stops_where_a_ticket_cannot_go(site: Site) -> None:
    first, second = site.create(), site.create("OPS")
    with pytest.raises(Refusal, match=second):
        site.sandbox.person.bulk_transition([first, second], "Done")
    assert site.sandbox.ticket(first).status == "Done"


def test_the_history_of_a_ticket_is_cut_to_its_newest_hundred(site: Site) -> None:
    key = site.create()
    for number in range(105):
        site.sandbox.person.edit(key, summary=f"n{number}")
        site.clock.sleep(1)
    shown = site.call("GET", f"issue/{key}", query="expand=changelog").data["changelog"]
    summaries = [entry["items"][0]["toString"] for entry in shown["histories"]]
    newest_first = [f"n{number}" for number in range(104, 4, -1)]
    assert summaries == (newest_first if site.cloud else newest_first[::-1])
    assert (shown["total"], shown["maxResults"]) == (105, 100)
    page = site.call("GET", f"issue/{key}/changelog", query="startAt=100")
    if site.cloud:
        assert [one["items"][0]["toString"] for one in page.data["values"]] == [
            f"n{number}" for number in range(100, 105)
        ]
    else:
        assert page.status == 404


def test_the_histories_of_many_tickets_are_fetched_together(cloud: Site) -> None:
    keys = [cloud.create() for _ in range(3)]
    for key in keys[:2]:
        cloud.sandbox.person.transition(key, "Done")
        cloud.clock.sleep(1)
        cloud.sandbox.person.edit(key, summary="Other")
    cloud.sandbox.deny("OPS", "BROWSE_PROJECTS")
    ids = [cloud.sandbox.ticket(key).id for key in keys]
    asked = {"issueIdsOrKeys": [ids[0], *keys[1:], "OPS-1"]}
    shown = cloud.call("POST", "changelog/bulkfetch", asked).data
    assert [one["issueId"] for one in shown["issueChangeLogs"]] == ids[:2]
    assert "nextPageToken" not in shown
    first = shown["issueChangeLogs"][0]["changeHistories"]
    assert [{item["field"] for item in one["items"]} for one in first] == [
        {"resolution", "status"},
        {"summary"},
    ]
    found, token = [], None
    while token != "":
        page = {**asked, "fieldIds": ["status"], "maxResults": 1, "nextPageToken": token}
        part = cloud.call("POST", "changelog/bulkfetch", page).data
        found += [one["issueId"] for one in part["issueChangeLogs"]]
        token = part.get("nextPageToken", "")
    assert found == ids[:2]
    assert cloud.call("POST", "changelog/bulkfetch", {"issueIdsOrKeys": []}).status == 400
