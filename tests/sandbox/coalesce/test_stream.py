"""The stream makes changes that follow from one another."""

from __future__ import annotations

import json
import threading
from typing import Any

from jsonschema import Draft202012Validator

from sync.sandbox.coalesce import FORMATS, SAMPLES, CoalesceSandbox, Stream, render, sample
from sync.sandbox.coalesce.samples import sample_event
from sync.sandbox.coalesce.webhook_body import camel as camelled
from tests.clock import SimulatedClock
from tests.reference import reference


def story(steps: int = 400, seed: int = 1) -> tuple[CoalesceSandbox, Stream]:
    clock = SimulatedClock()
    sandbox = CoalesceSandbox(clock, seed=seed)
    stream = Stream(sandbox, seed=seed)
    for _ in range(steps):
        stream.step()
        clock.sleep(0.7)
    return sandbox, stream


def schema(name: str, *, camel: bool) -> Draft202012Validator:
    """A published schema. It names what is required in snake_case only, though it takes both."""

    def either(value: Any) -> Any:
        if isinstance(value, dict):
            found = {key: either(inner) for key, inner in value.items()}
            if camel and isinstance(required := value.get("required"), list):
                found["required"] = [camelled(name) for name in required]
            return found
        return [either(inner) for inner in value] if isinstance(value, list) else value

    return Draft202012Validator(either(json.loads(reference(f"upstream/{name}").read_text())))


def test_every_body_in_every_form_fits_the_published_schemas() -> None:
    nested = {camel: schema("event.schema.json", camel=camel) for camel in (False, True)}
    flat = {camel: schema("flat-event.schema.json", camel=camel) for camel in (False, True)}
    offering = CoalesceSandbox(SimulatedClock(), seed=2)
    offering.callbacks.base = "https://callbacks.example.com"
    offering.open_issue()
    events = [sample_event(name) for name in SAMPLES] + story(60)[0].events + offering.events
    assert len(events[-1]["callbacks"]) == 5
    for event in events:
        for form in FORMATS:
            (flat if form.flat else nested)[form.camel].validate(render(event, form))


def test_all_that_can_happen_does_happen() -> None:
    sandbox, stream = story()
    types = {event["type"] for event in sandbox.events}
    assert types == set(SAMPLES) - {"ping"}
    assert {"opened", "updated", "marked", "closed", "reopened", "burst"} <= set(stream.happened)


def test_events_of_one_subject_have_times_of_their_own() -> None:
    sandbox, _ = story()
    times = [event["event_time"] for event in sandbox.events]
    assert len(set(times)) == len(times)
    assert any(len(time) == len("2026-09-21T10:00:00.123456789Z") for time in times)


def test_the_last_event_of_a_subject_tells_what_is_true() -> None:
    sandbox, _ = story()
    last = {
        event["issue"]["issue_id"]: event["issue"] for event in sandbox.events if "issue" in event
    }
    assert last == {issue.id: issue.webhook() for issue in sandbox.issues.values()}


def test_calming_down_ends_everything() -> None:
    sandbox, stream = story()
    stream.calm_down()
    assert all(issue.ended_at for issue in sandbox.issues.values())
    assert not [one for one in sandbox.incidents.values() if one.state == "open"]


def test_people_are_at_example_com() -> None:
    text = json.dumps(story()[0].events)
    assert "@example.com" in text
    assert text.count("@example.com") == text.count("user_email")


def test_a_sample_takes_id_title_and_time() -> None:
    body = sample("issue_closed", subject="abc", title="mine", now=1_790_000_000.5)
    issue = body["issue_closed"]["issue"]
    assert (issue["issue_id"], issue["title"]) == ("abc", "mine")
    assert issue["ended_at"] == body["event_time"] == "2026-09-21T14:13:20.500000000Z"


def test_a_stream_runs_until_it_is_stopped() -> None:
    sandbox = CoalesceSandbox(seed=2)
    stop, enough = threading.Event(), threading.Event()
    sandbox.listen(lambda _event: enough.set() if len(sandbox.events) > 5 else None)
    runner = threading.Thread(target=Stream(sandbox).run, args=(stop,), kwargs={"per_second": 200})
    runner.start()
    try:
        assert enough.wait(20)
    finally:
        stop.set()
        runner.join()
    made = len(sandbox.events)
    assert made > 5
