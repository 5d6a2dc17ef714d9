"""The simulated Jira on a real socket, under uvicorn, as the demo runs it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import uvicorn

from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.app import create_app
from tests.adapters.notify.receivers import eventually
from tests.sandbox.jira.conftest import connect, document

AUTH = {"Authorization": "Bearer sandbox-token"}
BODY = {
    "fields": {
        "project": {"key": "DATA"},
        "issuetype": {"name": "Bug"},
        "summary": "x",
        "labels": ["m"],
    }
}


class Served:
    """A sandbox, its address, and a session that goes to it directly."""

    def __init__(self, sandbox: JiraSandbox, address: str) -> None:
        self.sandbox = sandbox
        self.address = address
        self.session = requests.Session()
        self.session.trust_env = False

    def post_issue(self, patience: float = 20.0) -> requests.Response:
        return self.session.post(
            f"{self.address}/rest/api/3/issue", json=BODY, headers=AUTH, timeout=(20, patience)
        )


class Heard:
    """A receiver of webhooks on a socket, and what it has heard."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._changed = threading.Condition()
        heard = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with heard._changed:
                    heard.bodies.append(json.loads(body))
                    heard.headers.append(dict(self.headers))
                    heard._changed.notify_all()
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/jira/main"

    def wait_for(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.bodies) >= count, timeout=60)


@pytest.fixture
def receiver() -> Iterator[Heard]:
    heard = Heard()
    thread = threading.Thread(target=heard.server.serve_forever)
    thread.start()
    yield heard
    heard.server.shutdown()
    thread.join()
    heard.server.server_close()


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    sandbox = JiraSandbox("cloud")
    started = threading.Event()
    config = uvicorn.Config(
        create_app(sandbox),
        host="127.0.0.1",
        port=0,
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=2,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup()
            started.set()

    server = Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(20)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(sandbox, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def served(running: Served) -> Served:
    running.sandbox.reset()
    return running


def test_the_real_client_works_over_a_socket(served: Served) -> None:
    client = connect(served.sandbox, served.address)
    issue = client.create_issue(
        fields={
            "project": {"key": "DATA"},
            "issuetype": {"name": "Bug"},
            "summary": "Löss & <b>",
            "description": document("Ünïcode"),
        },
        prefetch=False,
    )
    client.transition_issue(issue.key, "In Progress")
    assert client.issue(issue.key).fields.summary == "Löss & <b>"
    assert client.issue(issue.key).self.startswith(served.address)
    assert served.sandbox.ticket(issue.key).status == "In Progress"


@pytest.mark.parametrize(
    "effect, after, error, made",
    [
        ("drop", False, requests.ConnectionError, 0),
        ("drop", True, requests.ConnectionError, 1),
        ("cut", True, requests.exceptions.ChunkedEncodingError, 1),
        ("read_timeout", True, requests.ReadTimeout, 1),
    ],
)
def test_a_dropped_connection_really_drops(
    served: Served, effect: str, after: bool, error: type[Exception], made: int
) -> None:
    fault = {"effect": effect, "method": "POST", "path": "/issue$", "count": 1, "after": after}
    assert served.session.post(f"{served.address}/sandbox/faults", json=fault).status_code == 201
    with pytest.raises(error):
        served.post_issue(0.5 if effect == "read_timeout" else 20.0)
    # One that gives up soon may do so before the site has come so far.
    eventually(lambda: len(served.sandbox.find_marker("m")) >= made)
    assert len(served.sandbox.find_marker("m")) == made
    assert served.post_issue().status_code == 201


def test_people_act_through_the_control_api(served: Served) -> None:
    key = served.post_issue().json()["key"]
    control = f"{served.address}/sandbox"

    def act(do: str, *args: str, **how: str) -> requests.Response:
        return served.session.post(f"{control}/act", json={"do": do, "args": args, "with": how})

    assert act("edit", key, summary="By a person").status_code == 200
    assert act("transition", key, "Done", resolution="Won't Do").status_code == 200
    assert act("comment", key, "Not ours").status_code == 200
    assert act("move", key, "GOV").json() == {"result": "GOV-1"}
    refused = act("transition", key, "Nowhere")
    assert (refused.status_code, "Nowhere" in refused.text) == (400, True)
    assert act("explode", key).status_code == 400
    refused = act("create", "DATA")
    assert "create takes (project, issue_type, summary, **fields): missing a" in refused.text
    (ticket,) = served.session.get(f"{control}/tickets", params={"label": "m"}).json()
    assert (ticket["key"], ticket["summary"]) == ("GOV-1", "By a person")
    assert ticket["comments"][0]["author"] == "Data Owner"
    assert served.session.get(f"{control}/calls").json()["total"] == 1
    assert act("delete", key).status_code == 200
    assert served.session.get(f"{control}/tickets").json() == []


def test_what_a_person_cannot_do_says_which_value_is_wrong(served: Served) -> None:
    key = served.post_issue().json()["key"]
    for do, args, words in (
        ("transition", ["NO-1", "Done"], "transition: there is no ticket 'NO-1'"),
        ("transition", [5, "Done"], "transition: key must be a text, not 5"),
        ("bulk_transition", [key, "Done"], f"keys must be a list, not '{key}'"),
        ("assign", [key, "nobody"], "assign: there is no user 'nobody'"),
        ("move", [key, "NOPE"], "move: there is no project 'NOPE'"),
        ("resolve", [key, "Nope"], "resolve: there is no resolution 'Nope'"),
        ("comment", [key, 5], "comment: text must be a text or an object, not 5"),
        ("edit", [key, 5], "edit takes (key, **fields): too many positional"),
    ):
        answer = served.session.post(f"{served.address}/sandbox/act", json={"do": do, "args": args})
        assert (answer.status_code, words in answer.json()["detail"]) == (400, True), answer.text
    answer = served.session.post(f"{served.address}/sandbox/act", json={"do": "edit", "as": []})
    assert (answer.status_code, "$.as" in answer.text) == (400, True)


def test_the_control_api_sets_lag_clock_permissions_and_resets(served: Served) -> None:
    control = f"{served.address}/sandbox"
    assert served.session.put(f"{control}/lag", json={"seconds": 9}).json() == {"seconds": 9.0}
    assert served.sandbox.index_lag == 9
    before = served.sandbox.site.now()
    served.session.post(f"{control}/advance", json={"seconds": 3600})
    assert served.sandbox.site.now() - before >= 3600
    served.session.put(
        f"{control}/permissions", json={"project": "DATA", "deny": ["CREATE_ISSUES"]}
    )
    assert served.post_issue().status_code == 400
    assert served.session.post(f"{control}/reset").status_code == 204
    assert served.post_issue().status_code == 201
    assert served.session.post(f"{control}/faults", json={"effect": "nonsense"}).status_code == 400


def test_other_processes_register_webhooks_set_their_faults_and_play_robots(
    served: Served, receiver: Heard
) -> None:
    control = f"{served.address}/sandbox"
    hooks = f"{control}/webhooks"

    def ask(method: str, path: str, body: object = None) -> requests.Response:
        return served.session.request(method, f"{control}/{path}", json=body)

    assert ask("POST", "webhooks", {"url": receiver.url, "secret": "s"}).status_code == 201
    assert ask("POST", "webhooks", {"link": receiver.url}).status_code == 400
    robot = {"do": "transition", "args": ["In Progress"], "status": "Done"}
    assert ask("POST", "webhooks/robots", robot).status_code == 201
    assert ask("POST", "webhooks/robots", {**robot, "do": "explode"}).status_code == 400
    assert ask("POST", "webhooks/robots", {**robot, "as": "nobody"}).status_code == 400
    key = served.post_issue().json()["key"]
    act = {"do": "bulk_transition", "as": "on.call", "args": [[key], "Done"]}
    assert ask("POST", "act", act).status_code == 200
    assert served.sandbox.ticket(key).status == "In Progress"
    # Each delivery is sent by a thread of its own, so they may overtake one another.
    assert receiver.wait_for(3)
    assert {body["issue"]["key"] for body in receiver.bodies} == {key}
    assert all("X-Hub-Signature" in headers for headers in receiver.headers)
    assert ask("PUT", "webhooks/faults", {"silent": 1.0}).json()["silent"] == 1.0
    assert ask("PUT", "webhooks/faults", {"broken": 1.0}).status_code == 400
    ask("POST", "act", {"do": "comment", "args": [key, "Unheard"]})
    shown = served.session.get(hooks).json()
    assert len(shown["deliveries"]) == 3
    assert ask("DELETE", "webhooks").status_code == 204
    assert served.sandbox.site.webhooks == {}


def test_other_processes_change_users_and_the_default_assignee(served: Served) -> None:
    control = f"{served.address}/sandbox"

    def put(path: str, body: object) -> requests.Response:
        return served.session.put(f"{control}/{path}", json=body)

    assert put("projects", {"key": "DATA", "assigns_lead": True}).json() == {"assigns_lead": True}
    assert put("projects", {"key": "NOPE"}).status_code == 400
    assert put("users", {"name": "platform.lead", "display_name": "API"}).status_code == 200
    key = served.post_issue().json()["key"]
    assert served.sandbox.ticket(key).assignee == "API"
    assert put("users", {"name": "on.call"}).json() == {"active": False}
    assert put("users", {"name": "nobody"}).status_code == 400
    assert put("version", {"version": "9.12.17"}).json() == {"version": "9.12.17"}
    assert put("version", {"version": "nine"}).status_code == 400
    assert put("users", {"name": "on.call", "age": 3}).status_code == 400


def test_the_board_shows_tickets_and_escapes_what_they_say(served: Served) -> None:
    key = served.post_issue().json()["key"]
    hostile = "<script>alert('x')</script> {{ 7*7 }}"
    served.sandbox.person.edit(key, summary=hostile, description=hostile)
    served.sandbox.person.comment(key, hostile)
    link = {"type": "link", "attrs": {"href": "javascript:alert(1)"}}
    text = {"type": "text", "text": "click", "marks": [link]}
    bad = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    other = served.sandbox.person.create("DATA", "Task", "Other")
    served.sandbox.person.edit(other, description=bad)
    for path in ("/", "/?project=DATA", f"/browse/{key}", f"/browse/{other}", "/sandbox/board"):
        page = served.session.get(served.address + path)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert "<script>alert" not in page.text
        assert "javascript:" not in page.text
        assert "http://" not in page.text.replace(served.address, "")
    board = served.session.get(served.address).text
    assert "&lt;script&gt;alert" in board
    assert "{{ 7*7 }}" in board
    assert served.session.get(f"{served.address}/browse/DATA-99").status_code == 404
    assert served.session.get(f"{served.address}/schema").status_code == 404
