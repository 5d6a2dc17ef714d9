"""What a ticket costs: CPU, statements and calls when it is created, updated and closed.

The simulated Jira is a process of this machine, on 127.0.0.1. "One thread" triages, claims and walks in
this process, without the daemon's threads; "daemon" is the CPU of the whole process of a daemon, which
also receives and stores the deliveries. "jira package" is the CPU of the very same calls, made by a bare
loop with the ``jira`` package in the same run: less than that no walk can cost. Times compare only
within one run; the counts are exact.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests
from jira import JIRA

from benchmarks.rows import Row
from proof.outcome import settle
from proof.scene import Scene, jira_site
from proof.stores import STORES, Stores, folder_for
from sync.bootstrap.program import Program, build
from sync.settings import Settings, shipped
from sync.settings.reading import Reading, reading
from sync.store import claims
from sync.store.inbox import Accepted
from sync.telemetry import configure_logs
from tests.round_trips import RoundTrips, round_trips
from tests.transactions import transactions

STEPS = ("created", "updated", "closed")
CLAIMED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """One measured value of one step of a ticket's life: ``unit`` is of one ticket."""

    store: str
    step: str
    name: str
    value: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.store:11} {self.step:8} {self.name:34} {self.value:9.2f} {self.unit}"


def rows() -> Iterator[Row]:
    """CPU of a ticket beside that of its bare calls, and what it costs the store, on both stores."""
    for kind in STORES:
        least: dict[str, float] = {}
        in_daemon = 0.0
        for one in measure(kind, subjects=16, rounds=2):
            name = f"lifecycle: {one.step}, {kind}"
            if one.name == _PARTS["jira"]:
                yield Row(name, least[one.step], "ms of CPU", one.value, cpu=least[one.step])
            elif one.name == _PARTS["all"]:
                least[one.step] = one.value
            elif one.name == _DAEMON_CPU:
                in_daemon = one.value
            elif one.name == _DAEMON_RATE:
                daemon = f"{name}: daemon"
                yield Row(daemon, one.value, one.unit, cpu=in_daemon, more_is_better=True)
            elif one.name not in _PARTS.values():
                yield Row(f"{name}: {one.name}", one.value, "a ticket")


def measure(
    kind: str, *, subjects: int = 64, rounds: int = 3, daemon: bool = True
) -> Iterator[Measured]:
    """Measure on an empty store of a kind. CPU is the least of ``rounds`` with ``subjects`` each."""
    folder = folder_for("lifecycle")
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        # Lines are rendered as the daemon does, and lost.
        configure_logs(form="json")
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        try:
            yield from _one_thread(kind, url, jira.site, subjects, rounds)
            if daemon:
                with Stores.shared().fresh(kind, folder) as other:
                    yield from _daemon(kind, Scene(folder, other, jira), subjects * rounds)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class _Bench:
    """The program without its threads: deliveries are triaged, claimed and walked by hand."""

    def __init__(self, url: str, site: dict[str, str]) -> None:
        with reading(Reading(Path.cwd())):
            settings = Settings.model_validate(
                {
                    "store": {"url": url},
                    "coalesce": {"signing_secrets": ["a-secret"]},
                    "sites": {"main": site},
                    "mappings": {"directory": str(shipped("mappings"))},
                }
            )
        self.program: Program = build(settings)
        self.spent: dict[str, float] = {}
        self._number = 0

    def deliver(self, names: Sequence[str], step: str) -> None:
        futures = []
        for name in names:
            self._number += 1
            raw = json.dumps(_body(name, step, self._number)).encode()
            futures.append(
                self.program.inbox.accept(
                    Accepted("coalesce", f"e{self._number}", "", raw, time.time())
                )
            )
        for future in futures:
            future.result(30)

    def work(self) -> None:
        """Triage what waits, and walk what is due. The CPU of each part goes to ``spent``."""
        daemon = self.program.daemon
        self.spent = {"triage": 0.0, "claim": 0.0, "walk": 0.0}

        def timed(part: str, work: Callable[[], Any]) -> Any:
            before = time.thread_time()
            try:
                return work()
            finally:
                self.spent[part] += time.thread_time() - before

        while timed("triage", daemon.triage.batch):
            pass
        while claims := timed("claim", self.claim):
            for claim in claims:
                assert timed("walk", partial(daemon.converger.walk, claim)) == "settled"

    def claim(self) -> list[claims.Claim]:
        """As the dispatcher does."""
        # The clock of a database may be ahead.
        now, store = time.time() + 1, self.program.store
        return claims.claim(store, owner="bench", now=now, lease=120.0, limit=CLAIMED_AT_ONCE)


def _body(name: str, step: str, number: int) -> dict[str, Any]:
    at = datetime.fromtimestamp(time.time() - 3600 + number / 1000).astimezone().isoformat()
    type_ = {"created": "created", "updated": "updated", "closed": "closed"}[step]
    more = "" if step == "created" else " Still none."
    return {
        "workspace": "acme",
        "event_id": f"e{number}",
        "event_time": at,
        "event_type": f"EVENT_TYPE_ISSUE_{type_.upper()}",
        f"issue_{type_}": {
            "issue": {
                "issue_id": name,
                "issue_url": f"https://app.example.com/issues/{name}",
                "title": f"orders {name} is stale",
                "description": f"No new rows since **06:00**.{more}\n\n- `orders`\n- of Finance",
            }
        },
    }


def _one_thread(
    kind: str, url: str, site: dict[str, str], subjects: int, rounds: int
) -> Iterator[Measured]:
    with _counted(kind, url) as (through, trips):
        bench, sent = _Bench(through, site), _Sent()
        try:
            least: dict[tuple[str, str], float] = {}
            for round_ in range(rounds + 1):
                names = [f"r{round_}-{number}" for number in range(subjects)]
                for step in STEPS:
                    with sent.recording():
                        bench.deliver(names, step)
                        bench.work()
                    if not round_:
                        # The first round warms everything up, and is not measured.
                        continue
                    spent = {**bench.spent, "all": sum(bench.spent.values())}
                    for part, seconds in spent.items():
                        known = least.get((step, part), seconds)
                        least[step, part] = min(known, seconds)
                    bare = sent.replay(site)
                    least[step, "jira"] = min(least.get((step, "jira"), bare), bare)
            for step in STEPS:
                for part, words in _PARTS.items():
                    yield Measured(kind, step, words, 1000 * least[step, part] / subjects, "ms")
            yield from _counts(kind, bench, sent, trips)
        finally:
            bench.program.stop(10.0)


_DAEMON_CPU, _DAEMON_RATE = "CPU, daemon", "tickets a second, daemon"
_PARTS = {
    "all": "CPU, one thread",
    "triage": "  of that triage",
    "claim": "  of that claim",
    "walk": "  of that walk",
    "jira": "CPU, jira package, same calls",
}


def _counts(kind: str, bench: _Bench, sent: _Sent, trips: RoundTrips | None) -> Iterator[Measured]:
    for words, burst in (("alone", 1), (f"burst of {CLAIMED_AT_ONCE}", CLAIMED_AT_ONCE)):
        names = [f"{kind}-{burst}-{number}" for number in range(burst)]
        for step in STEPS:
            bench.deliver(names, step)
            while bench.program.daemon.triage.batch():
                pass
            before = trips.count if trips else 0
            with transactions(bench.program.store) as found, sent.recording():
                claims = bench.claim()
                ends = [bench.program.daemon.converger.walk(claim) for claim in claims]
            assert ends == ["settled"] * burst
            yield Measured(kind, step, f"transactions, {words}", len(found) / burst)
            yield Measured(kind, step, f"statements, {words}", sum(map(len, found)) / burst)
            if trips:
                yield Measured(kind, step, f"round trips, {words}", (trips.count - before) / burst)
            yield Measured(kind, step, f"calls to Jira, {words}", len(sent.calls) / burst)


@contextmanager
def _counted(kind: str, url: str) -> Iterator[tuple[str, RoundTrips | None]]:
    if kind == "sqlite":
        yield url, None
        return
    with round_trips(url) as trips:
        yield trips.url(url), trips


class _Sent:
    """The requests that walks send, to be sent once more by a bare loop."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str], Any, str]] = []
        # The ids of tickets that walks made, and of those that the bare loop made in their place.
        self._instead: dict[str, str] = {}
        self._client: JIRA | None = None

    @contextmanager
    def recording(self) -> Iterator[None]:
        self.calls = []
        send = requests.Session.send

        def recorded(session: requests.Session, request: Any, **how: Any) -> Any:
            response = send(session, request, **how)
            made = response.json()["id"] if _makes(request.method, request.url) else ""
            self.calls.append((request.method, request.url.split("/"), request.body, made))
            return response

        requests.Session.send = recorded  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            requests.Session.send = send  # type: ignore[method-assign]

    def replay(self, site: dict[str, str]) -> float:
        """The CPU seconds of sending the recorded requests and reading the answers."""
        if self._client is None:
            auth = (site["email"], site["token"])
            self._client = JIRA(
                site["url"], basic_auth=auth, get_server_info=False, max_retries=0, timeout=(5, 30)
            )
        session = self._client._session
        before = time.thread_time()
        for method, path, body, made in self.calls:
            url = "/".join(self._instead.get(part, part) for part in path)
            # Not the package's own method, which turns refusals into exceptions.
            response = requests.Session.request(session, method, url, data=body)
            if response.content:
                answer = response.json()
                if made:
                    self._instead[made] = answer["id"]
        return time.thread_time() - before


def _makes(method: str, url: str) -> bool:
    return method == "POST" and url.endswith("/issue")


def _daemon(kind: str, scene: Scene, subjects: int) -> Iterator[Measured]:
    daemon = scene.daemon()
    try:
        scene.deliver(*(scene.one("", kind="issue") for _ in range(20)))
        scene.settle()
        those = [scene.traffic.subject(("",), kind="issue") for _ in range(subjects)]
        for step, status in zip(STEPS, ("", "", "closed"), strict=True):
            if step != "created":
                for one in those:
                    scene.traffic.tell(one, status, again=True, retitle=False)
            cpu, begun = _cpu(daemon.pid), time.monotonic()
            scene.send([one.bodies[-1] for one in those])
            took = settle(scene.store, 300, pause=0.1) - begun
            spent = _cpu(daemon.pid) - cpu
            yield Measured(kind, step, _DAEMON_CPU, 1000 * spent / subjects, "ms")
            yield Measured(kind, step, _DAEMON_RATE, subjects / took, "tickets/s")
    finally:
        scene.close()


def _cpu(pid: int) -> float:
    """The CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waits(kind: str, *, subjects: int, gap: float) -> tuple[float, float]:
    """The median and the 99th percentile of the seconds from a delivery to its create call."""
    folder = folder_for("lifecycle")
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        scene, sent = Scene(folder, url, jira), {}
        try:
            scene.daemon()
            scene.deliver(scene.one("", kind="issue"))
            scene.settle()
            for _ in range(subjects):
                one = scene.traffic.subject(("",), kind="issue")
                sent[one.label] = time.time()
                scene.send([one.bodies[0]], senders=1)
                time.sleep(gap)
            scene.settle()
            found = sorted(
                datetime.fromisoformat(ticket["created"]).timestamp() - sent[label]
                for ticket in scene.jira.tickets()
                for label in ticket["labels"]
                if label in sent
            )
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)
    assert len(found) == subjects
    return found[len(found) // 2], found[int(len(found) * 0.99)]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks lifecycle", description=__doc__)
    parser.add_argument("--subjects", type=int, default=64, help="tickets a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--waits", type=int, default=0, help="also measure so many waits")
    parser.add_argument("--gap", type=float, default=0.05, help="seconds between those deliveries")
    parser.add_argument("--no-daemon", action="store_true", help="one thread only")
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    given = parser.parse_args(arguments)
    for kind in STORES if given.store == "both" else (given.store,):
        for row in measure(
            kind, subjects=given.subjects, rounds=given.rounds, daemon=not given.no_daemon
        ):
            print(row, flush=True)
        if given.waits:
            p50, p99 = waits(kind, subjects=given.waits, gap=given.gap)
            print(
                f"{kind:11} from delivery to the create call, {1 / given.gap:.0f} a second: "
                f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, {given.waits} tickets",
                flush=True,
            )
    Stores.shared().close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
