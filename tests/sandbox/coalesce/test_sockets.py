"""The simulated API on a real socket, and the control API by which other processes play people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sync.bootstrap.http import Background
from sync.sandbox.coalesce import CoalesceRest, CoalesceSandbox, Outbox
from sync.sandbox.coalesce.app import create_app
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET
from sync.web.server import listen

ACTOR = {"name": "On call", "email": {"userEmail": "on-call@example.com"}}
PAST = "2026-01-01T00:00:00Z"


class Served:
    """A workspace, and a session that goes to its API."""

    def __init__(self) -> None:
        self.sandbox = CoalesceSandbox(seed=3)
        self.rest = CoalesceRest(Outbox(self.sandbox))
        self.server = Background(create_app(self.rest), listen("127.0.0.1", 0), name="upstream")
        self.session = requests.Session()
        self.session.trust_env = False
        self.address = self.server.url

    def sign_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
        token = self.session.post(f"{self.address}/oauth2/token", data=form).json()
        self.session.headers["Authorization"] = f"Bearer {token['access_token']}"

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.session.request(method, f"{self.address}{path}", json=body, timeout=20)

    def act(self, do: str, *args: Any, **how: Any) -> Any:
        answer = self.ask("POST", "/sandbox/act", {"do": do, "args": args, "with": how})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    one.server.start()
    one.sign_in()
    yield one
    one.session.close()
    assert one.server.stop(60)


def test_a_reply_that_is_lost_ends_the_connection_after_the_work(served: Served) -> None:
    issue = served.act("open_issue", "Late orders")
    fault = {"status": 0, "path": "mark-fixed", "count": 1, "after": True}
    assert served.ask("POST", "/sandbox/faults", fault).status_code == 201
    body = {"actor": ACTOR, "time": PAST}
    with pytest.raises(requests.ConnectionError):
        served.ask("PATCH", f"/api/issues/v2/{issue}/mark-fixed", body)
    assert served.sandbox.issues[issue].status == "fixed"
    assert served.ask("GET", "/sandbox/faults").json()[0]["hits"] == 1
    assert served.ask("DELETE", "/sandbox/faults").status_code == 204
    assert served.ask("PATCH", f"/api/issues/v2/{issue}/mark-expected", body).status_code == 200
    assert served.ask("POST", "/sandbox/faults", {"path": "("}).status_code == 400
    assert served.ask("POST", "/sandbox/faults", {"effect": "none"}).status_code == 400


def test_other_processes_play_people_and_robots_upstream(served: Served) -> None:
    robot = {"status": "expected", "statuses": ["fixed"]}
    assert served.ask("POST", "/sandbox/robots", robot).status_code == 201
    assert served.ask("POST", "/sandbox/robots", {"mark": "fixed"}).status_code == 400
    issue = served.act("open_issue", "Late orders")
    served.act("mark", issue, "fixed")
    remark = served.act("comment", issue, "Looking.")
    incident = served.act("open_incident", [issue], "Late loads")
    served.act("cancel_incident", incident)
    shown = served.ask("GET", "/sandbox/subjects").json()
    [one], [other] = shown["issues"], shown["incidents"]
    assert (one["latestStatus"], one["comments"][0]["id"]) == ("STATUS_EXPECTED", remark)
    assert (other["state"], other["name"]) == ("STATE_CANCELLED", "Late loads")
    served.act("forget", issue)
    assert served.ask("GET", "/sandbox/subjects").json()["issues"] == []
    for broken in ({"do": "explode"}, {"do": "mark", "args": [issue, "fixed"]}, {"do": "mark"}):
        assert served.ask("POST", "/sandbox/act", broken).status_code == 400


def test_what_an_act_cannot_be_done_with_is_named(served: Served) -> None:
    issue = served.act("open_issue", "Late orders")
    for body, words in (
        (["mark"], "the body is not what this call takes"),
        ({"do": "mark", "args": issue}, "Expected `array`, got `str` - at `$.args`"),
        ({"do": "mark", "with": []}, "Expected `object`, got `array` - at `$.with`"),
        ({"do": "mark", "args": ["i-9", "fixed"]}, "mark: there is no issue 'i-9'"),
        ({"do": "mark", "args": [issue, 5]}, "mark: status must be a text, not 5"),
        ({"do": "open_incident", "args": [["i-9"]]}, "open_incident: there is no issue 'i-9'"),
        ({"do": "open_incident", "args": [issue]}, f"issue_ids must be a list, not '{issue}'"),
        ({"do": "close_incident", "args": [issue]}, f"there is no incident '{issue}'"),
        ({"do": "update_issue", "args": [issue], "with": {"colour": "red"}}, "colour is no field"),
        ({"do": "update_issue", "args": [issue], "with": {"title": 5}}, "title must be a text"),
        ({"do": "open_issue", "with": {"asset": {"name": "x"}}}, "asset must be Asset or null"),
        (
            {"do": "comment", "args": [issue, "a"], "with": {"actor": "me"}},
            "actor must be an object",
        ),
    ):
        answer = served.ask("POST", "/sandbox/act", body)
        assert (answer.status_code, words in answer.json()["detail"]) == (400, True), answer.text
    assert list(served.sandbox.issues) == [issue]
    assert served.sandbox.issues[issue].status == ""


def test_other_processes_set_scopes_abilities_tokens_and_callbacks(served: Served) -> None:
    issue = served.act("open_issue", "Late orders")
    path, body = f"/api/issues/v2/{issue}/clear-status", {"actor": ACTOR}
    served.ask("PUT", "/sandbox/access", {"off": {"issues/clear-status": 501}})
    assert served.ask("PATCH", path, body).status_code == 501
    shown = served.ask("PUT", "/sandbox/access", {"off": {}, "scopes": ["issues:read"]}).json()
    assert shown == {"scopes": ["issues:read"], "off": {}}
    assert served.ask("PATCH", path, body).status_code == 403
    served.ask("PUT", "/sandbox/access", {"scopes": ["issues:edit"], "revoke": True})
    assert served.ask("PATCH", path, body).status_code == 401
    served.sign_in()
    assert served.ask("PATCH", path, body).status_code == 200
    assert served.ask("GET", "/sandbox/calls").json()[f"PATCH {path}"] == 4
    served.ask("PUT", "/sandbox/callbacks", {"base": served.address, "seconds": 60})
    served.act("update_issue", issue)
    offered = served.sandbox.events[-1]["callbacks"]
    [said] = [one for one in offered if one["action_name"] == "Comment"]
    inner = {**said["issues_command"]["post_comment"], "time": PAST}
    command = {**said["issues_command"], "post_comment": inner}
    assert served.session.post(said["url"], json=command, timeout=20).status_code == 200
    assert served.sandbox.issues[issue].remarks[-1].message == "A comment."
    assert served.ask("PUT", "/sandbox/comments", {"update": False}).json() == {"update": False}
    assert not served.sandbox.comments_update
