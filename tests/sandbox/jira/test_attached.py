"""What hangs on a ticket: comments, properties, remote links."""

from __future__ import annotations

from tests.sandbox.jira.conftest import Site


def test_comments_carry_properties_and_can_be_edited_and_deleted(site: Site) -> None:
    key = site.create()
    marker = [{"key": "ticket-sync", "value": {"marker": "m1"}}]
    made = site.call(
        "POST", f"issue/{key}/comment", {"body": site.text("One"), "properties": marker}
    )
    assert made.status == 201
    path = f"issue/{key}/comment"
    shown = site.call("GET", path, query="expand=properties").data["comments"]
    assert [one["properties"] for one in shown] == [marker]
    assert "properties" not in site.call("GET", path).data["comments"][0]
    edited = site.call("PUT", f"{path}/{made.data['id']}", {"body": site.text("Two")})
    assert edited.status == 200
    assert [one.text for one in site.sandbox.ticket(key).comments] == ["Two"]
    assert site.call("DELETE", f"{path}/{made.data['id']}").status == 204
    assert site.call("PUT", f"{path}/{made.data['id']}", {"body": site.text("x")}).status == 404


def test_a_service_project_shows_its_customers_each_comment_that_is_not_internal(
    site: Site,
) -> None:
    key = site.create("HELP", "Task")
    path, hidden = f"issue/{key}/comment", {"key": "sd.public.comment", "value": {"internal": True}}

    def add(text: str, *properties: object) -> str:
        body = {"body": site.text(text), "properties": list(properties)}
        return str(site.call("POST", path, body).data["id"])

    add("open")
    add("odd", {"key": "sd.public.comment", "value": {"internal": "true"}})
    closed = add("closed", hidden)

    def public() -> list[str]:
        return [one.text for one in site.sandbox.ticket(key).comments if one.public]

    assert public() == ["open", "odd"]
    rows = site.call("GET", path, query="expand=properties").data["comments"]
    assert rows[0]["properties"] == [{"key": "sd.public.comment", "value": {"internal": False}}]
    assert rows[2]["properties"] == [hidden]
    if site.cloud:
        assert [row["jsdPublic"] for row in rows] == [True, True, False]
    site.call("PUT", f"{path}/{closed}", {"body": site.text("still closed")})
    assert public() == ["open", "odd"]


def test_comments_come_page_by_page_and_newest_first_on_request(site: Site) -> None:
    key = site.create()
    for n in range(5):
        site.call("POST", f"issue/{key}/comment", {"body": site.text(f"No {n}")})
    page = site.call(
        "GET", f"issue/{key}/comment", query="startAt=1&maxResults=2&orderBy=-created"
    ).data
    assert (page["total"], len(page["comments"])) == (5, 2)
    numbers = [one["id"] for one in page["comments"]]
    assert numbers == sorted(numbers, key=int, reverse=True)


def test_an_empty_comment_and_one_without_permission_are_refused(site: Site) -> None:
    key = site.create()
    empty = {"type": "doc", "version": 1, "content": []} if site.cloud else " "
    refused = site.call("POST", f"issue/{key}/comment", {"body": empty})
    assert refused.data["errors"] == {"comment": "Comment body can not be empty!"}
    site.sandbox.deny("DATA", "ADD_COMMENTS")
    refused = site.call("POST", f"issue/{key}/comment", {"body": site.text("x")})
    assert "do not have the permission to comment" in refused.data["errors"]["comment"]


def test_properties_can_come_with_the_create_call_and_survive_edits(site: Site) -> None:
    made = site.call(
        "POST",
        "issue",
        {
            "fields": {"project": {"key": "DATA"}, "issuetype": {"name": "Bug"}, "summary": "x"},
            "properties": [{"key": "ticket-sync", "value": {"key": "coalesce:issue:1"}}],
        },
    )
    path = f"issue/{made.data['key']}"
    site.call("PUT", path, {"fields": {"summary": "y"}})
    assert site.call("GET", f"{path}/properties/ticket-sync").data["value"] == {
        "key": "coalesce:issue:1"
    }
    shown = site.call("GET", path, query="fields=summary&properties=ticket-sync").data
    assert shown["properties"] == {"ticket-sync": {"key": "coalesce:issue:1"}}
    assert site.call("PUT", f"{path}/properties/ticket-sync", {"key": "2"}).status == 200
    assert site.call("PUT", f"{path}/properties/other", 5).status == 201
    assert [k["key"] for k in site.call("GET", f"{path}/properties").data["keys"]] == [
        "ticket-sync",
        "other",
    ]
    assert site.call("DELETE", f"{path}/properties/other").status == 204
    assert site.call("GET", f"{path}/properties/other").status == 404


def test_a_remote_link_with_the_same_global_id_is_replaced(site: Site) -> None:
    key = site.create()
    link = {"globalId": "coalesce:1", "object": {"url": "https://example.com/1", "title": "One"}}
    first = site.call("POST", f"issue/{key}/remotelink", link)
    link["object"] = {"url": "https://example.com/1", "title": "Renamed"}
    second = site.call("POST", f"issue/{key}/remotelink", link)
    assert (first.status, second.status) == (201, 200)
    assert first.data["id"] == second.data["id"]
    assert [one["title"] for one in site.sandbox.ticket(key).remote_links] == ["Renamed"]
    one = site.call("GET", f"issue/{key}/remotelink", query="globalId=coalesce:1").data
    assert one["object"]["title"] == "Renamed"
    assert site.call("DELETE", f"issue/{key}/remotelink", query="globalId=coalesce:1").status == 204
    assert site.sandbox.ticket(key).remote_links == ()


def test_a_remote_link_without_title_or_address_is_refused(site: Site) -> None:
    key = site.create()
    refused = site.call("POST", f"issue/{key}/remotelink", {"object": {}})
    assert (refused.status, set(refused.data["errors"])) == (400, {"title", "url"})


def test_issue_links_go_with_a_deleted_ticket(site: Site) -> None:
    one, other = site.create(), site.create()
    body = {
        "type": {"name": "Relates"},
        "inwardIssue": {"key": one},
        "outwardIssue": {"key": other},
    }
    assert site.call("POST", "issueLink", body).status == 201
    site.sandbox.person.delete(one)
    assert site.sandbox.ticket(other).issue_links == ()
    assert site.call("POST", "issueLink", body).status == 404


def test_an_issue_link_can_be_taken_back(site: Site) -> None:
    one, other = site.create(), site.create()
    body = {"type": {"name": "Blocks"}, "inwardIssue": {"key": one}, "outwardIssue": {"key": other}}
    site.call("POST", "issueLink", body)
    link = site.call("GET", f"issue/{one}").data["fields"]["issuelinks"][0]
    assert site.call("DELETE", f"issueLink/{link['id']}").status == (200 if site.cloud else 204)
    assert site.sandbox.ticket(one).issue_links == site.sandbox.ticket(other).issue_links == ()
