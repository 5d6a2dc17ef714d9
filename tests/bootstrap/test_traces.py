"""One trace from a delivery to Jira, at a collector that takes OTLP; and a daemon that does without."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from structlog.testing import capture_logs

import sync.settings.traces
from sync import tracing
from sync.bootstrap import traces
from sync.bootstrap.program import build
from sync.bootstrap.simulated import SimulatedJira, start_jira
from sync.bootstrap.traces import traced
from sync.settings import Settings, SettingsError, load
from sync.worker.triage.origins import Origins
from tests.adapters.notify.receivers import Hook, eventually, hook
from tests.walks.world import RULES, issue_event

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def jira() -> Iterator[SimulatedJira]:
    running = start_jira(rate_limits=False)
    yield running
    running.stop()


@pytest.fixture
def collector() -> Iterator[Hook]:
    with hook() as running:
        running.said = b""
        yield running


def settings(folder: Path, site: dict[str, str], collector: str) -> Settings:
    (folder / "mappings").mkdir(exist_ok=True)
    (folder / "mappings" / "rules.toml").write_text(RULES)
    return Settings(
        store={"url": f"sqlite:///{folder}/store.db"},  # type: ignore[arg-type]
        coalesce={"allow_unsigned": True},  # type: ignore[arg-type]
        mappings={"directory": str(folder / "mappings")},  # type: ignore[arg-type]
        sites={"main": site},  # type: ignore[dict-item]
        sweeps={"enabled": False},  # type: ignore[arg-type]
        traces={"url": collector},  # type: ignore[arg-type]
    )


@contextmanager
def daemon(given: Settings) -> Iterator[TestClient[Any]]:
    """A daemon that works, from whose end on its traces are at the collector."""
    with traced(given):
        program = build(given)
        program.start()
        try:
            with TestClient(program.app, base_url="http://127.0.0.1") as client:
                yield client
        finally:
            assert program.stop(10)


def deliver(client: TestClient[Any], event: dict[str, Any]) -> str:
    reply = client.post("/webhooks/coalesce", content=json.dumps(event))
    assert reply.status_code == 202
    return str(reply.json()["id"])


def made(jira: SimulatedJira) -> list[str]:
    return [one.fields["summary"] for one in jira.site.tickets()]


def settled(folder: Path) -> bool:
    """Whether every walk has ended."""
    with closing(sqlite3.connect(folder / "store.db")) as store:
        left = "SELECT count(*) FROM tickets WHERE due_at IS NOT NULL OR lease_owner IS NOT NULL"
        return store.execute(left).fetchone() == (0,)


def spans(collector: Hook) -> list[Any]:
    found = []
    for one in collector.got:
        assert one.path == "/v1/traces"
        for of_resource in ExportTraceServiceRequest.FromString(one.body).resource_spans:
            about = {a.key: a.value.string_value for a in of_resource.resource.attributes}
            assert about["service.name"] == "ticket-sync"
            found += [span for scope in of_resource.scope_spans for span in scope.spans]
    return sorted(found, key=lambda span: span.start_time_unix_nano)


def of(delivery: str, collector: Hook) -> list[Any]:
    trace = hashlib.sha256(delivery.encode()).digest()[:16]
    return [span for span in spans(collector) if span.trace_id == trace]


def facts(span: Any) -> dict[str, Any]:
    return {
        a.key.removeprefix("ticket_sync."): a.value.string_value or a.value.int_value
        for a in span.attributes
    }


def test_a_delivery_is_one_trace_up_to_the_call_that_makes_its_ticket(
    tmp_path: Path, jira: SimulatedJira, collector: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "CLOSE_SECONDS", 60.0)
    with daemon(settings(tmp_path, jira.settings(), collector.url)) as client:
        delivery = deliver(client, issue_event("issue_created", "i1", at=0))
        eventually(lambda: made(jira) and settled(tmp_path))
        again = deliver(client, issue_event("issue_created", "i1", at=0))
        second = deliver(client, issue_event("issue_updated", "i1", at=5, title="orders is late"))
        eventually(lambda: made(jira) == ["orders is late"])
    assert again == delivery
    ours = of(delivery, collector)
    by_name = {span.name: span for span in reversed(ours)}
    accept, triage, walk, post = (by_name[n] for n in ("accept", "triage", "walk", "POST issue"))
    assert accept.parent_span_id == b""
    assert triage.parent_span_id == walk.parent_span_id == accept.span_id
    assert post.parent_span_id == walk.span_id
    assert accept.start_time_unix_nano <= triage.start_time_unix_nano < walk.start_time_unix_nano
    assert walk.start_time_unix_nano <= post.start_time_unix_nano < post.end_time_unix_nano
    assert post.end_time_unix_nano <= walk.end_time_unix_nano
    assert facts(accept) == {
        "delivery": delivery,
        "event": "EVENT_TYPE_ISSUE_CREATED",
        "outcome": "stored",
        "source": "coalesce",
    }
    assert facts(walk) == {
        "rule": "everything",
        "site": "main",
        "subject": "coalesce:issue:i1",
        "outcome": "settled",
    }
    assert facts(post) == {"result": "ok", "site": "main", "status": 201}
    twice = [span for span in ours if span.name == "accept"]
    assert [facts(span)["outcome"] for span in twice] == ["stored", "duplicate"]
    assert twice[1].parent_span_id == accept.span_id
    # The next delivery is another trace, with a walk of its own.
    names = [span.name for span in of(second, collector)]
    assert names[:3] == ["accept", "triage", "walk"]
    assert "PUT issue/*" in names
    # Of titles, keys, addresses and secrets, nothing is said.
    sent = b"".join(one.body for one in collector.got)
    assert b"orders is stale" not in sent
    assert jira.settings()["token"].encode() not in sent
    assert jira.url.encode() not in sent
    assert b"DATA-1" not in sent


@pytest.mark.parametrize("hangs", [False, True])
def test_a_dead_collector_keeps_neither_tickets_nor_the_end_of_the_daemon(
    tmp_path: Path, jira: SimulatedJira, collector: Hook, hangs: bool
) -> None:
    collector.goes_on.clear()
    given = settings(tmp_path, jira.settings(), collector.url if hangs else NOBODY)
    with traced(given):
        with daemon(settings(tmp_path, jira.settings(), "")) as client:
            deliver(client, issue_event("issue_created", "i1", at=0))
            eventually(lambda: made(jira))
            assert tracing.traces
            # More than may wait.
            for number in range(2100):
                tracing.traces.accepted(str(number), 0.0, {})
        ended = time.monotonic()
    # It is waited for half a second, and a call that hangs ends by itself after five.
    assert time.monotonic() - ended < 4.0
    assert tracing.traces is None
    collector.goes_on.set()


def test_a_collector_that_fails_is_said_once_and_without_its_address(
    collector: Hook,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traces, "CLOSE_SECONDS", 60.0)
    collector.answers = [400, 400]
    with (
        capture_logs() as said,
        traced(settings(tmp_path, {"url": NOBODY, "token": "t"}, collector.url)),
    ):
        for number in range(3 * 512):
            assert tracing.traces
            tracing.traces.accepted(str(number), 0.0, {})
            if number % 512 == 511:
                eventually(lambda n=number // 512 + 1: len(collector.got) >= n)
    words = [one["event"] for one in said]
    assert words[0] == "the collector does not take traces; they are lost until it does"
    assert words[1:] == ["the collector takes traces again"]
    assert capfd.readouterr().err == ""


@pytest.mark.proof
def test_without_a_collector_opentelemetry_is_not_loaded(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from sync.bootstrap.daemon import traced\n"
        "from sync.bootstrap.program import build\n"
        "from sync.settings import load\n"
        "for name in ('off', 'on'):\n"
        "    given = load(Path(name).with_suffix('.toml'))\n"
        "    with traced(given):\n"
        "        if name == 'off':\n"
        "            assert build(given).stop(10)\n"
        "    print('loaded', *sys.modules)\n"
    )
    for name, url in (("off", ""), ("on", NOBODY)):
        (tmp_path / f"{name}.toml").write_text(
            '[store]\nurl = "sqlite:///s.db"\n[coalesce]\nallow_unsigned = true\n[sites.main]\n'
            f'url = "{NOBODY}"\ntoken = "t"\nproject = "DATA"\n[traces]\nurl = "{url}"\n'
        )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    off, on = (line.split() for line in done.stdout.splitlines() if line.startswith("loaded"))
    # Litestar loads some constants of OpenTelemetry by itself, where the package is there.
    foreign = {one.split(".")[1] for one in off if one.startswith("opentelemetry.")}
    assert foreign <= {"semconv"}
    assert "sync.adapters.otlp" not in off
    assert {"opentelemetry.sdk", "sync.adapters.otlp"} <= set(on)


@pytest.mark.parametrize("missing", ["opentelemetry.sdk", "no.such.package"])
def test_without_the_packages_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    found = sync.settings.traces.find_spec
    if missing == "no.such.package":
        monkeypatch.setattr(sync.settings.traces, "_PACKAGES", (missing,))
    else:
        monkeypatch.setattr(
            sync.settings.traces, "find_spec", lambda name: None if name == missing else found(name)
        )
    words = mistakes(tmp_path, "http://127.0.0.1:4318")
    assert words == [
        "[traces] url: is set, and the packages for traces are not installed. "
        "Install them: pip install 'ticket-sync[otel]'."
    ]


def test_the_address_is_that_of_the_collector_alone(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "http://127.0.0.1:4318/v1/traces/") == [
        '[traces] url: goes too far. Give the collector alone: "http://127.0.0.1:4318".'
    ]


def mistakes(folder: Path, url: str) -> list[str]:
    config = folder / "config.toml"
    config.write_text(
        "[coalesce]\nallow_unsigned = true\n[sites.main]\n"
        f'url = "https://jira.example.com"\ntoken = "t"\n[traces]\nurl = "{url}"\n'
    )
    with pytest.raises(SettingsError) as raised:
        load(config)
    return [str(one).partition(": ")[2] for one in raised.value.mistakes]


def test_a_walk_comes_of_the_newest_delivery_and_what_comes_meanwhile_stays() -> None:
    origins = Origins(most=2)
    origins.note(["a", "b", ""], 2.0, "second")
    origins.note(["a"], 1.0, "first")
    assert origins.newest(["a", "b"]) == "second"
    origins.note(["b"], 3.0, "third")
    origins.forget(["a", "b"], "second")
    assert origins.newest(["a", "b"]) == "third"
    origins.forget(["a", "b"], "third")
    assert origins.newest(["a", "b"]) == ""
    for ref in "abc":
        origins.note([ref], 4.0, ref)
    assert [origins.newest([ref]) for ref in "abc"] == ["", "b", "c"]
