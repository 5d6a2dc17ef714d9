"""What the site's webhooks are told, on Cloud and on Data Center."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from sync.sandbox.jira import WebhookFaults
from sync.sandbox.jira.ready_site import LEAD, ONCALL
from sync.sandbox.sending import Outcome
from tests.sandbox.jira.conftest import Site
from tests.sandbox.jira.hooks import URL, Receiver, names


@pytest.fixture
def came(site: Site) -> Receiver:
    site.sandbox.add_webhook(URL, secret="It's a Secret to Everybody")
    return Receiver(site)


def test_issues_that_are_made_changed_and_deleted_are_told(site: Site, came: Receiver) -> None:
    person = site.sandbox.person
    key = person.create("DATA", "Bug", "By hand")
    person.transition(key, "Done")
    person.assign(key, ONCALL.name)
    person.delete(key)
    bodies = came.pump()
    order = ["jira:issue_created", "jira:issue_updated", "jira:issue_updated", "jira:issue_deleted"]
    assert sorted(names(bodies)) == sorted(order)
    if site.cloud:
        assert names(bodies) == order
    assert {body["issue"]["key"] for body in bodies} == {key}
    assert {body["user"]["displayName"] for body in bodies} == {"Data Owner"}
    assert all(body["timestamp"] == round(site.clock.now * 1000) for body in bodies)


def test_only_a_change_of_an_issue_has_a_changelog(site: Site, came: Receiver) -> None:
    key = site.create()
    site.sandbox.person.comment(key, "Hello")
    site.sandbox.person.transition(key, "Done")
    changed = [body for body in came.pump() if "changelog" in body]
    assert names(changed) == ["jira:issue_updated"]
    items = {one["field"]: one["toString"] for one in changed[0]["changelog"]["items"]}
    assert items == {"status": "Done", "resolution": "Done"}
    [entry] = site.sandbox.site.issues[int(changed[0]["issue"]["id"])].history
    assert changed[0]["changelog"]["id"] == entry.id


def test_a_resolution_that_is_edited_later_is_a_change_of_its_own(
    site: Site, came: Receiver
) -> None:
    key = site.create()
    site.sandbox.person.transition(key, "Done")
    came.pump()
    site.clock.sleep(20)
    site.sandbox.person.resolve(key, "Won't Do")
    [body] = came.pump()
    assert [one["toString"] for one in body["changelog"]["items"]] == ["Won't Do"]
    assert site.sandbox.ticket(key).resolution == "Won't Do"


def test_cloud_tells_of_a_comment_once_with_its_issue(cloud: Site) -> None:
    cloud.sandbox.add_webhook(URL)
    came, key = Receiver(cloud), cloud.create()
    number = cloud.sandbox.person.comment(key, "Late again")
    cloud.sandbox.person.edit_comment(key, number, "Late again, by 2 h")
    cloud.sandbox.person.delete_comment(key, number)
    bodies = came.pump()[1:]
    assert names(bodies) == ["comment_created", "comment_updated", "comment_deleted"]
    assert {body["issue"]["key"] for body in bodies} == {key}
    assert bodies[0]["comment"]["body"] == "Late again"
    assert all("user" not in body for body in bodies)


def test_data_center_tells_of_a_comment_without_its_issue_and_as_a_change_of_the_issue(
    server: Site,
) -> None:
    server.sandbox.add_webhook(URL)
    came, key = Receiver(server), server.create()
    came.pump()
    number = server.sandbox.person.comment(key, "Late again")
    bodies = {body["webhookEvent"]: body for body in came.pump()}
    assert set(bodies) == {"comment_created", "jira:issue_updated"}
    alone, changed = bodies["comment_created"], bodies["jira:issue_updated"]
    assert "issue" not in alone
    issue = server.sandbox.ticket(key).id
    assert alone["comment"]["self"].endswith(f"/issue/{issue}/comment/{number}")
    assert changed["issue_event_type_name"] == "issue_commented"
    assert (changed["comment"]["id"], "changelog" in changed) == (number, False)
    server.sandbox.person.edit_comment(key, number, "Better")
    server.sandbox.person.delete_comment(key, number)
    kinds = {body.get("issue_event_type_name") for body in came.pump()}
    assert kinds == {None, "issue_comment_edited", "issue_comment_deleted"}


def test_text_on_the_screen_of_a_transition_is_in_the_change_alone_on_data_center(
    site: Site, came: Receiver
) -> None:
    key = site.create("OPS")
    came.pump()
    site.sandbox.person.transition(key, "Close Issue", "Won't Do", comment="Not ours")
    bodies = came.pump()
    if site.cloud:
        assert names(bodies) == ["comment_created", "jira:issue_updated"]
        assert "comment" not in bodies[1]
        return
    [body] = bodies
    assert (body["webhookEvent"], body["comment"]["body"]) == ("jira:issue_updated", "Not ours")
    assert body["issue_event_type_name"] == "issue_generic"
    assert {one["toString"] for one in body["changelog"]["items"]} == {"Won't Do", "Closed"}


def test_no_body_says_who_may_see_a_comment(site: Site, came: Receiver) -> None:
    key = site.create("HELP", "Task")
    site.sandbox.person.comment(key, "Internal", internal=True)
    site.sandbox.person.comment(key, "For a role", role="Service Desk Team")
    site.sandbox.person.edit(key, summary="Other")
    came.sender.pump()
    told = b" ".join(body for _, body, _, _ in came.came)
    assert b"Internal" in told
    assert b"For a role" in told
    for word in (b"visibility", b"jsdPublic", b"properties", b"sd.public.comment"):
        assert word not in told


def test_cloud_shows_no_address_of_a_person_and_data_center_does(
    site: Site, came: Receiver
) -> None:
    site.sandbox.person.create("DATA", "Bug", "x")
    [body] = came.pump()
    assert ("emailAddress" in json.dumps(body)) is not site.cloud


def test_bodies_are_signed_over_their_raw_bytes(site: Site, came: Receiver) -> None:
    site.create()
    came.sender.pump()
    [(_, body, headers, url)] = came.came
    digest = hmac.new(b"It's a Secret to Everybody", body, hashlib.sha256).hexdigest()
    assert (headers["X-Hub-Signature"], url) == (f"sha256={digest}", URL)
    assert ("X-Atlassian-Webhook-Identifier" in headers) is site.cloud


def test_a_bulk_change_goes_by_the_secondary_flow_of_cloud(cloud: Site) -> None:
    cloud.sandbox.add_webhook(URL)
    came, keys = Receiver(cloud), [cloud.create() for _ in range(3)]
    came.sender.pump()
    cloud.sandbox.person.bulk_transition(keys, "Done")
    came.sender.pump()
    flows = [headers["X-Atlassian-Webhook-Flow"] for _, _, headers, _ in came.came]
    assert flows == ["Primary"] * 3 + ["Secondary"] * 3
    assert {site.status for site in cloud.sandbox.tickets()} == {"Done"}


def test_a_webhook_without_a_body_is_signed_and_names_the_issue_in_its_address(site: Site) -> None:
    variable = "${issue.id}" if site.cloud else "{issue.id}"
    site.sandbox.add_webhook(f"{URL}?id={variable}", secret="s", exclude_body=True)
    came, key = Receiver(site), site.create()
    came.sender.pump()
    [(_, body, headers, url)] = came.came
    assert (body, url) == (b"", f"{URL}?id={site.sandbox.ticket(key).id}")
    assert headers["X-Hub-Signature"] == f"sha256={hmac.new(b's', b'', 'sha256').hexdigest()}"


def test_a_webhook_is_told_its_events_in_its_projects(site: Site) -> None:
    site.sandbox.add_webhook(URL, jql="project = OPS", events=("jira:issue_updated",))
    came = Receiver(site)
    inside, outside = site.create("OPS"), site.create("DATA")
    for key in (inside, outside):
        site.sandbox.person.edit(key, summary="Other")
    assert [body["issue"]["key"] for body in came.pump()] == [inside]


def test_a_moved_issue_leaves_the_jql_of_a_webhook(site: Site) -> None:
    site.sandbox.add_webhook(URL, jql="project = DATA")
    site.sandbox.add_webhook(f"{URL}/all")
    came, key = Receiver(site), site.create()
    came.pump()
    new = site.sandbox.person.move(key, "OPS")
    came.sender.pump()
    [(_, raw, _, url)] = came.came
    body = json.loads(raw)
    assert (url, body["issue"]["key"]) == (f"{URL}/all", new)
    changed = {one["field"]: one["toString"] for one in body["changelog"]["items"]}
    assert (changed["Key"], changed["project"]) == (new, "Operations")
    assert changed["status"] == "Open"


def test_comments_on_data_center_obey_no_jql(site: Site) -> None:
    site.sandbox.add_webhook(URL, jql="project = OPS", events=("comment_created",))
    came, key = Receiver(site), site.create("DATA")
    site.sandbox.person.comment(key, "Hello")
    assert names(came.pump()) == ([] if site.cloud else ["comment_created"])


def test_cloud_sends_again_what_failed_for_a_while(cloud: Site) -> None:
    for status in (408, 409, 425, 429, 500, 503, 0):
        hook = cloud.sandbox.add_webhook(URL)
        came = Receiver(cloud)
        came.statuses = [status]
        cloud.create()
        came.sender.pump()
        cloud.clock.sleep(1200)
        came.sender.pump()
        tries = [headers.get("X-Atlassian-Webhook-Retry") for _, _, headers, _ in came.came]
        assert tries[:2] == [None, "1"], status
        assert (
            len({headers["X-Atlassian-Webhook-Identifier"] for _, _, headers, _ in came.came}) == 1
        )
        came.let_pass()
        assert hook.failing is not None
        del cloud.sandbox.site.webhooks[hook.id]


def test_cloud_gives_up_after_five_retries_and_after_half_an_hour_tries_once(cloud: Site) -> None:
    hook = cloud.sandbox.add_webhook(URL)
    came = Receiver(cloud)
    came.statuses = [503]
    cloud.create()
    came.let_pass()
    assert 1 < len(came.came) <= 6
    assert cloud.sandbox.outbox.sendings[0].outcome is Outcome.FAILED
    cloud.clock.sleep(1900)
    came.came.clear()
    cloud.create()
    came.let_pass()
    assert len(came.came) == 1
    came.statuses = [200]
    cloud.create()
    came.let_pass()
    assert hook.failing is None
    came.statuses = [503, 200]
    cloud.create()
    came.let_pass()
    assert len(came.came) == 4


def test_what_is_refused_is_not_sent_again(site: Site, came: Receiver) -> None:
    for status in (400, 401, 403, 404, 413):
        came.statuses = [status]
        came.came.clear()
        site.create()
        came.let_pass()
        assert len(came.came) == 1


def test_data_center_sends_nothing_again_and_in_no_order(server: Site) -> None:
    server.sandbox.add_webhook(URL)
    came = Receiver(server)
    came.statuses = [503]
    keys = [server.create() for _ in range(20)]
    came.let_pass()
    told = [json.loads(body)["issue"]["key"] for _, body, _, _ in came.came]
    assert sorted(told) == sorted(keys)
    assert told != keys


def test_deliveries_are_lost_doubled_late_reordered_and_unsigned_as_asked(cloud: Site) -> None:
    cloud.sandbox.add_webhook(URL, secret="s")
    came, outbox = Receiver(cloud), cloud.sandbox.outbox

    def told(faults: WebhookFaults) -> list[str]:
        outbox.faults = faults
        came.came.clear()
        keys = [cloud.create() for _ in range(6)]
        came.sender.pump()
        at_once = [json.loads(body)["issue"]["key"] for _, body, _, _ in came.came]
        came.let_pass()
        return ["in order" if at_once == keys else "", str(len(came.came) / len(keys))]

    assert told(WebhookFaults()) == ["in order", "1.0"]
    assert told(WebhookFaults(lost=1)) == ["", "0.0"]
    assert told(WebhookFaults(silent=1)) == ["", "0.0"]
    assert told(WebhookFaults(doubled=1)) == ["", "2.0"]
    assert told(WebhookFaults(late=1, delay=900)) == ["", "1.0"]
    assert told(WebhookFaults(reordered=1)) == ["", "1.0"]
    assert all("X-Hub-Signature" in headers for _, _, headers, _ in came.came)
    told(WebhookFaults(unsigned=1))
    assert not any("X-Hub-Signature" in headers for _, _, headers, _ in came.came)


def test_reordered_deliveries_arrive_in_reverse(site: Site, came: Receiver) -> None:
    key = site.create()
    came.pump()
    site.sandbox.outbox.faults = WebhookFaults(reordered=1)
    for status in ("In Progress", "Done"):
        site.sandbox.person.transition(key, status)
    assert [body["issue"]["fields"]["status"]["name"] for body in came.pump()] == [
        "Done",
        "In Progress",
    ]


def test_what_does_not_fit_in_the_queue_is_dropped_and_holds_up_nothing(site: Site) -> None:
    site.sandbox.add_webhook(URL)
    site.sandbox.outbox.capacity = 5
    for _ in range(8):
        site.create()
    assert (site.sandbox.outbox.pending, site.sandbox.outbox.dropped) == (5, 3)
    assert len(site.sandbox.tickets()) == 8


def test_rules_of_automation_send_requests_in_their_own_forms(site: Site) -> None:
    for form in ("jira", "automation", "issue {{issue.key}} changed"):
        site.sandbox.add_webhook(
            f"{URL}/{form[:4]}", form=form, headers={"X-Secret": "h"}, secret="unused"
        )
    came, key = Receiver(site), site.create()
    came.statuses = [503]
    came.let_pass()
    bodies = {url.rpartition("/")[2]: body for _, body, _, url in came.came}
    assert len(came.came) == 3
    number = int(site.sandbox.ticket(key).id)
    as_jira, flat = json.loads(bodies["jira"]), json.loads(bodies["auto"])
    assert (as_jira["issue"]["id"], as_jira["changelog"]) == (number, {})
    assert (flat["id"], flat["key"]) == (number, key)
    assert bodies["issu"] == f"issue {key} changed".encode()
    for _, _, headers, _ in came.came:
        assert headers["X-Secret"] == "h"
        assert not [name for name in headers if "Signature" in name or "Identifier" in name]


def test_our_own_calls_are_told_like_those_of_people(site: Site, came: Receiver) -> None:
    key = site.create()
    site.call("PUT", f"issue/{key}", {"fields": {"summary": "Ours"}})
    bodies = came.pump()
    assert sorted(names(bodies)) == ["jira:issue_created", "jira:issue_updated"]
    assert {body["user"]["displayName"] for body in bodies} == {"Ticket Sync"}


def test_a_project_can_assign_its_lead_which_no_history_tells(site: Site, came: Receiver) -> None:
    site.sandbox.site.projects["DATA"].assigns_lead = True
    key = site.create()
    assert site.sandbox.ticket(key).assignee == LEAD.display_name
    assert site.sandbox.ticket(key).history == ()
    [body] = came.pump()
    assert body["issue"]["fields"]["assignee"]["displayName"] == LEAD.display_name
    assert site.call("GET", "project/DATA").data["assigneeType"] == "PROJECT_LEAD"
