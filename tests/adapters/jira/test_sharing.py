"""One tracker shared by threads, and one that knows nothing yet."""

from __future__ import annotations

import threading

import requests

from sync.adapters.jira import JiraSite, JiraTracker
from sync.domain.actions import Change
from sync.domain.ticket import Block, Document, FieldKind
from sync.sandbox.jira import SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from tests.adapters.jira.world import URL, World, desired


def test_each_thread_has_a_session_of_its_own_and_no_ticket_is_lost(world: World) -> None:
    sessions: list[requests.Session] = []

    def mount(session: requests.Session) -> None:
        sessions.append(session)
        session.mount(URL, SandboxTransport(world.jira))

    site = JiraSite(
        "main",
        URL,
        BOT.secret,
        email=BOT.email if world.cloud else "",
        deployment=world.kind,
        ceiling=3,
        patience=60,
    )
    tracker = JiraTracker(site, world.clock, mount)
    start = threading.Barrier(6)

    def work(worker: int) -> None:
        start.wait()
        for number in range(15):
            key = f"{worker}-{number}"
            tracker.create(tracker.draft(desired(key, issue_type=("Bug", "Task"), Severity="Low")))
        tracker.close()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.jira.tickets()) == 90
    assert len({id(session) for session in sessions}) == 6
    assert world.jira.peak_in_flight <= 3
    assert len([call for call in world.calls() if call.startswith("GET")]) == 2


def test_sessions_take_nothing_from_the_environment(world: World) -> None:
    sessions: list[requests.Session] = []
    site = JiraSite("main", URL, "t", proxy="http://proxy.example.com:8", ca_bundle="/ca.pem")
    tracker = JiraTracker(site, world.clock, sessions.append)
    tracker._calls._clients._client()
    (session,) = sessions
    assert (session.trust_env, session.verify) == (False, "/ca.pem")
    assert session.proxies["https"] == "http://proxy.example.com:8"
    assert session.max_retries == 0  # type: ignore[attr-defined]


def test_a_tracker_that_has_just_started_can_write_any_field(world: World) -> None:
    ref = world.make(Severity="High", Impact="before")
    text = Document((Block("after", "after"),))
    world.another().update(
        ref,
        [
            Change("customfield_10015", "Severity", FieldKind.PLAIN, "High", "Low"),
            Change("customfield_10011", "Impact", FieldKind.TEXT, None, text),
        ],
    )
    fields = world.jira.ticket(ref.id).fields
    assert (fields["customfield_10015"], fields["customfield_10011"]) == ("Low", "after")


def test_what_went_out_is_counted_by_site_method_and_result(world: World) -> None:
    from prometheus_client import REGISTRY

    labels = {"site": "main", "method": "POST", "result": "ok"}
    before = REGISTRY.get_sample_value("ticket_sync_jira_calls_total", labels) or 0
    world.make()
    assert REGISTRY.get_sample_value("ticket_sync_jira_calls_total", labels) == before + 1
