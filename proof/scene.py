"""One trial: a daemon, a simulated Jira and senders, and what may happen to them meanwhile."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proof.jira import Front, Jira
from proof.outcome import Outcome, Standing, compare, settle, standing
from proof.processes import Daemon
from proof.sending import Sending
from proof.traffic import Subject, Traffic
from proof.upstream import Upstream
from sync.store.engine import Store, open_store

SETTLE_SECONDS = 120.0
QUIET_SECONDS = 1.0
# News that was on its way when nothing was left to do makes a few more calls: it must end within this.
REST_SECONDS = 30.0


class Scene:
    """Everything a trial needs. ``subjects`` are all that were ever delivered."""

    def __init__(
        self, folder: Path, url: str, jira: Jira, *, seed: int = 1, shared: Daemon | None = None
    ) -> None:
        """``shared`` is a daemon on this store that is there already, and stays."""
        self.folder = folder
        self.url = url
        self.jira = jira
        self.store: Store = open_store(url)
        self.traffic = Traffic(seed)
        self.random = self.traffic.random
        self.subjects: list[Subject] = []
        self.daemons: list[Daemon] = [shared] if shared else []
        self._shared = shared
        self.front: Front | None = None
        self._front_as = "url"
        self.accepted = 0
        self.restarts = 0
        self._calls_before = jira.count()
        self._own_jira: Jira | None = None
        # For rows about people on both sides: the workspace, further keys of [sites.main], and who
        # else judges what came of it.
        self.upstream: Upstream | None = None
        self.site_too: dict[str, Any] = {}
        self.judges: list[Callable[[Outcome], None]] = []

    # Setting up

    def daemon(self, **how: Any) -> Daemon:
        """Start a daemon, or use the one that is there."""
        if self._shared is not None:
            assert not how
            return self._shared
        made = self.prepared(**how)
        made.start()
        return made

    def prepared(self, **how: Any) -> Daemon:
        """A further daemon that is not started yet."""
        site = {**self.jira.site, **self.site_too}
        if self.front is not None:
            site[self._front_as] = f"http://127.0.0.1:{self.front.port}"
        name = f"daemon{len(self.daemons) + 1}"
        made = Daemon(self.folder, self.url, site, name=name, **how)
        self.daemons.append(made)
        return made

    def with_front(self, *, as_proxy: bool = False) -> Front:
        """Let calls to Jira go through a process that can be killed, ``as_proxy`` as a forward proxy."""
        self._front_as = "proxy" if as_proxy else "url"
        self.front = Front(self.folder, self.jira.port)
        self.front.start()
        return self.front

    def on_data_center(self) -> None:
        """Use a Jira Data Center of this trial's own, for a row with a daemon of its own."""
        self.jira = self._own_jira = Jira(self.folder, datacenter=True)
        self.jira.start()
        self._calls_before = self.jira.count()

    def address(self) -> tuple[str, int] | None:
        """Where a delivery can be sent now; any daemon will do."""
        there = [daemon.address for daemon in self.daemons if daemon.address is not None]
        return self.random.choice(there) if there else None

    # Going on

    def made(self, count: int, *, events: int = 0) -> list[Subject]:
        """New subjects of all lives."""
        found = self.traffic.subjects(count, events=events)
        self.subjects += found
        return found

    def one(self, *life: str, **how: Any) -> Subject:
        """One new subject with this life."""
        found = self.traffic.subject(life, **how)
        self.subjects.append(found)
        return found

    def sending(self, bodies: Sequence[bytes], *, senders: int = 8) -> Sending:
        """Begin to send."""
        return Sending(bodies, self.address, senders=senders, within=5 * SETTLE_SECONDS)

    def send(self, bodies: Sequence[bytes], *, senders: int = 8) -> None:
        """Send, until all is accepted."""
        self.accepted += self.sending(bodies, senders=senders).wait()

    def deliver(self, *subjects: Subject) -> None:
        """Send all deliveries of these subjects, each one's in its order, as far as senders keep it."""
        self.send(self.traffic.interleaved(subjects))

    def tell(self, subject: Subject, status: str) -> None:
        """One more delivery of a subject."""
        self.send([self.traffic.tell(subject, status, again=True)])

    def ticket(self, subject: Subject) -> dict[str, Any]:
        """A subject's only ticket."""
        (found,) = [t for t in self.jira.tickets() if subject.label in t["labels"]]
        return found

    def labels(self) -> set[str]:
        """All labels of all tickets that are there."""
        return {label for ticket in self.jira.tickets() for label in ticket["labels"]}

    def struck(self, hits: int = 1, within: float = 60.0) -> None:
        """Wait until the faults in force have struck so often."""
        assert self.strikes(hits, within), "the fault does not strike"

    def strikes(self, hits: int = 1, within: float = 60.0) -> bool:
        """Whether the faults in force strike so often within so many seconds."""
        end = time.monotonic() + within
        while self.jira.hits() < hits:
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True

    def unparked(self, left: int, within: float = 60.0) -> None:
        """Wait until no more than so many tickets are parked."""
        end = time.monotonic() + within
        while self.standing().parked > left:
            assert time.monotonic() < end, "tickets stay parked"
            time.sleep(0.05)

    def settle(self, within: float = SETTLE_SECONDS) -> float:
        """Wait until nothing is left to do; when that was (monotonic)."""
        return settle(self.store, within, self._alive)

    def standing(self) -> Standing:
        return standing(self.store)

    def calls(self) -> int:
        """Calls that Jira got in this trial."""
        return self.jira.count() - self._calls_before

    def at_rest(self, seconds: float = QUIET_SECONDS, *others: Scene) -> str:
        """Wait until Jira and upstream are left alone for so long while there is nothing to do, here and
        in the ``others``. Empty, or the calls that go on without an end."""
        end = time.monotonic() + REST_SECONDS
        while True:
            for scene in (self, *others):
                scene.settle()
            before = self._touched()
            time.sleep(seconds)
            went_on = self._touched() - before
            if not went_on:
                return ""
            if time.monotonic() > end:
                calls = ", ".join(f"{name} {count}x" for name, count in sorted(went_on.items()))
                return f"calls go on although nothing is to be done: {calls}"

    def _touched(self) -> Counter[str]:
        """How often what was called, by method and path; and how much was changed upstream."""
        found = Counter[str]()
        for call in self.jira.calls():
            found[f"{call['method']} {call['path']}"] += call["count"]
        if self.upstream is not None:
            found["changes upstream"] = self.upstream.written()
        return found

    def outcome(self) -> Outcome:
        """Hold what Jira has against what should be there."""
        found = compare(self.subjects, self.jira.tickets(), self.store)
        for judge in self.judges:
            judge(found)
        return found

    def _alive(self) -> None:
        for daemon in self.daemons:
            if daemon.address is not None and not daemon.alive:
                tail = "\n".join(daemon.lines()[-10:])
                raise AssertionError(f"a daemon ended by itself:\n{tail}")

    def close(self) -> None:
        """End every process of this trial but Jira's."""
        for running in (*self.daemons, self.front, self._own_jira):
            if running is not None and running is not self._shared:
                running.kill()
        if self.upstream is not None:
            self.upstream.close()
            self.jira.ask("DELETE", "webhooks")
        self.store.close()


class Killer:
    """Kills a daemon with -9 and starts it again, at random moments, in a thread of its own."""

    def __init__(self, scene: Scene, times: int, *, within: float = 2.0) -> None:
        """``within``: a kill comes so many seconds after the start, at most."""
        self._scene = scene
        self._times = times
        self._within = within
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        scene = self._scene
        try:
            for _ in range(self._times):
                time.sleep(scene.random.uniform(0, self._within))
                scene.daemons[0].kill()
                scene.restarts += 1
                scene.daemons[0].start()
        except BaseException as error:
            self.error = error

    def wait(self) -> None:
        """Wait until all kills are done."""
        self._thread.join()
        if self.error is not None:
            raise self.error


@contextmanager
def jira_site(folder: Path, *, limits: bool = True) -> Iterator[Jira]:
    """A simulated Jira for as long as it is needed."""
    jira = Jira(folder, limits=limits)
    jira.start()
    try:
        yield jira
    finally:
        jira.kill()
