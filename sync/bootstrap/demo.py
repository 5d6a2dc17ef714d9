"""Everything at once on this machine: the daemon beside a simulated Jira and Coalesce Quality."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from pathlib import Path

from sync.bootstrap.demo_people import People
from sync.bootstrap.demo_result import DemoResult, judge
from sync.bootstrap.http import Background, listening
from sync.bootstrap.program import Program, build
from sync.bootstrap.simulated import SimulatedJira, start_jira
from sync.bootstrap.sweeps import by_hand, chosen
from sync.sandbox.coalesce import (
    FORMATS,
    CoalesceRest,
    CoalesceSandbox,
    DeliveryFaults,
    HttpPost,
    Outbox,
    Outcome,
    Sender,
    Stream,
)
from sync.sandbox.coalesce.app import create_app
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET
from sync.settings import Settings, shipped
from sync.settings.reading import Reading, reading
from sync.store import counts, deliveries, happenings
from sync.store.happenings import Happening
from sync.web.server import listen

# Seconds: the lag of the simulated search, and the longer lag that the daemon is configured for.
_INDEX_LAG = 1.0
_CONFIGURED_LAG = 3.0
_EVENTS_A_SECOND = 2.5
# As in production, deliveries come in every form, some twice, some out of order and some never. Retries
# come ten times as fast.
_ON_THE_WAY = DeliveryFaults(silent=0.08, doubled=0.1, late=0.1, delay=2.0)
_RETRY_SCALE = 0.1
# Seconds between the sweeps of upstream: the least that the settings allow.
_SWEPT_EVERY = 10.0
_SWEEPS = {"issues", "incidents"}
# What is told upstream, by the kind of subject of a rule.
_TELLING = {
    "issue": """
[rule.upstream]
comments = "all"
copy_comments = true
announce = true
[rule.upstream.status]
cleared = { category = "new" }
investigating = { category = "indeterminate" }
fixed = { category = "done" }
""",
    "incident": """
[rule.upstream.status]
open = [{ category = "new" }, { category = "indeterminate" }]
closed = { category = "done" }
""",
}
# Journal entries that are only of use when looking into a fault.
_NOT_SHOWN = ("intend",)


class Demo:
    """The daemon and everything simulated. ``board`` is the address where the tickets can be watched."""

    def __init__(self, *, seed: int = 1, port: int = 0, datacenter: bool = False) -> None:
        """Raises CannotListen when the port is taken."""
        self._folder = Path(tempfile.mkdtemp(prefix="ticket-sync-demo-"))
        try:
            bound = listen("127.0.0.1", port)
            self.jira: SimulatedJira = start_jira(datacenter=datacenter, index_lag=_INDEX_LAG)
        except BaseException:
            # Without a demo there is nobody to call its end, which removes the folder.
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self.upstream = CoalesceSandbox(secret=secrets.token_hex(16), seed=seed)
        self._outbox = Outbox(
            self.upstream, forms=FORMATS, faults=_ON_THE_WAY, scale=_RETRY_SCALE, seed=seed
        )
        self._signs = secrets.token_hex(16)
        self._api = Background(
            create_app(CoalesceRest(self._outbox)), listen("127.0.0.1", 0), name="api", grace=1.0
        )
        _write_rules(self._folder)
        settings = _settings(
            self._folder, self.jira, self.upstream.secret, self._api.url, self._signs
        )
        self._settings = listening(settings, [bound])
        self.program: Program = build(self._settings)
        self._server = Background(self.program.app, bound, name="receiver", grace=2.0)
        self.receiver = f"{self._server.url}/webhooks/coalesce"
        self.jira.site.add_webhook(f"{self._server.url}/webhooks/jira/main", secret=self._signs)
        self._post = HttpPost(self.receiver)
        self._sender = Sender(self._outbox, self._post)
        self._stream = Stream(self.upstream, seed=seed)
        self._quiet = threading.Event()
        self._story = threading.Thread(
            target=self._stream.run,
            args=(self._quiet,),
            kwargs={"per_second": _EVENTS_A_SECOND},
            name="story",
            daemon=True,
        )
        self.people = People(self.upstream, self.jira.site, self._stream)
        self._acting = threading.Thread(
            target=self.people.run, args=(self._quiet,), name="people", daemon=True
        )
        self._shown = {"delivery": 0, "action": 0, "sweep": 0}
        self._swept: set[str] = set()

    @property
    def board(self) -> str:
        return self.jira.url

    @property
    def pages(self) -> str:
        """The address of the daemon's pages."""
        return f"{self._server.url}/"

    def start(self) -> None:
        """Start everything; issues and incidents begin to happen."""
        self._api.start()
        self.program.start()
        self._server.start()
        self._sender.start()
        self._story.start()
        self._acting.start()

    def happened(self) -> list[Happening]:
        """What happened since the last call, in order."""
        with self.program.store.read() as session:
            came = happenings.deliveries_after(session, self._shown["delivery"])
            done = happenings.actions_after(session, self._shown["action"])
            swept = happenings.sweeps_after(session, self._shown["sweep"])
        for name, new in (("delivery", came), ("action", done), ("sweep", swept)):
            if new:
                self._shown[name] = new[-1][0]
        rows = [row for _, row in [*came, *done, *swept] if row.kind not in _NOT_SHOWN]
        return sorted([*rows, *self.people.happened()], key=lambda row: row.at)

    def end_story(self) -> None:
        """Nothing new happens upstream; what has happened is still delivered and worked on."""
        self._quiet.set()
        for thread in (self._story, self._acting):
            if thread.ident is not None:
                thread.join(10.0)

    def settled(self) -> bool:
        """Whether every delivery and webhook has arrived, upstream has been swept, and no ticket is
        due."""
        if self._story.is_alive() or self._acting.is_alive():
            return False
        if self._outbox.outcomes()[Outcome.PENDING] or self.jira.site.outbox.pending:
            return False
        store = self.program.store
        with store.read() as session:
            if deliveries.counts(session).waiting:
                return False
        if not self._caught_up():
            return False
        found = counts.overall(store, now=time.time())
        return not (found.due or found.held or found.unsure)

    def _caught_up(self) -> bool:
        """Sweep upstream, unless that was done since the story's end; returns whether it was.

        The daemon sweeps by its schedule, and a person who watches should not wait for the next time.
        """
        if self._swept == _SWEEPS:
            return True
        with by_hand(self._settings) as there:
            for sweep in chosen(there.groups, "upstream"):
                # None while the daemon runs the same sweep, whose window may end too soon.
                if sweep.name not in self._swept and there.runner.run(sweep, by_hand=True):
                    self._swept.add(sweep.name)
        self.program.daemon.wake()
        self.program.daemon.pool.wake()
        return False

    @property
    def calls(self) -> int:
        """How many calls the simulated Jira has had."""
        return sum(self.jira.site.calls.values())

    def result(self) -> DemoResult:
        """Each subject upstream compared with the tickets in the simulated Jira, and what people did on
        either side with what the other side has."""
        return judge(self.upstream, self.jira.site, self.people.scenes)

    def stop(self) -> None:
        """End everything and throw the store away."""
        self.end_story()
        self._sender.stop()
        self._post.close()
        self._server.stop(3.0)
        self.program.stop(5.0)
        self._api.stop(3.0)
        self.jira.stop()
        self.discard()

    def discard(self) -> None:
        """Throw the store away."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _write_rules(folder: Path) -> None:
    """The shipped rules, with the lines by which upstream is told what people do in Jira."""
    text = (shipped("mappings") / "default.toml").read_text("utf-8")
    for kind, telling in _TELLING.items():
        when = f'when = {{ kind = "{kind}" }}\n'
        assert when in text, kind
        text = text.replace(when, f"{when}{telling}")
    (folder / "mappings").mkdir()
    (folder / "mappings" / "default.toml").write_text(text, "utf-8")


def _settings(folder: Path, jira: SimulatedJira, secret: str, api: str, signs: str) -> Settings:
    with reading(Reading(folder)):
        return Settings.model_validate(
            {
                "coalesce": {
                    "signing_secrets": [secret],
                    "api": {
                        "url": api,
                        "client_id": CLIENT_ID,
                        "client_secret": CLIENT_SECRET,
                        "actor_email": "demo@example.com",
                    },
                },
                "sites": {
                    "main": {
                        **jira.settings(),
                        "index_lag": _CONFIGURED_LAG,
                        "webhook_secrets": [signs],
                    }
                },
                "mappings": {"directory": str(folder / "mappings")},
                # A person who watches should not wait long for an act to be over.
                "upstream": {"settle": 1, "large_upstream": 10_000},
                # The demo counts the calls that tickets cost, and calls of this sweep would count too.
                "sweeps": {"jira": {"enabled": False}, "upstream": {"every": _SWEPT_EVERY}},
            }
        )
