"""The simulated Jira on a real socket, under uvicorn, as the demo runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests
import uvicorn

from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.app import create_app
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

    def post_issue(self) -> requests.Response:
        return self.session.post(
            f"{self.address}/rest/api/3/issue", json=BODY, headers=AUTH, timeout=(2, 0.5)
        )


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
        served.post_issue()
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
    (ticket,) = served.session.get(f"{control}/tickets", params={"label": "m"}).json()
    assert (ticket["key"], ticket["summary"]) == ("GOV-1", "By a person")
    assert ticket["comments"][0]["author"] == "Data Owner"
    assert served.session.get(f"{control}/calls").json()["total"] == 1
    assert act("delete", key).status_code == 200
    assert served.session.get(f"{control}/tickets").json() == []


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
