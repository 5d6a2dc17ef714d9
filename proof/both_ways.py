"""Rows about people on both sides: what they do is told to the other side once, whatever happens to the
call that tells of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from proof.deeds import DEEDS, CommentDown, Deed, Mark
from proof.rows import row
from proof.scene import Scene
from proof.upstream import Strike, Upstream

RULES = """[[rule]]
name = "whole"

[rule.upstream]
{more}

[rule.upstream.status]
{cleared}investigating = {{ category = "indeterminate" }}
fixed = {{ category = "done" }}
no_action_needed = {{ resolution = "Won't Do" }}
"""
INCIDENTS = """closed = { category = "done" }
cancelled = { resolution = "Won't Do" }
open = [{ category = "new" }, { category = "indeterminate" }]
"""
SECRET = "proof of Jira"
# By what goes wrong: how upstream answers, and how Jira does.
FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "reply lost": ({"status": 0, "after": True}, {"effect": "drop", "after": True}),
    "429": ({"status": 429, "retry_after": 1}, {"effect": "rate_limit", "retry_after": 1}),
    "500": ({"status": 500, "after": True}, {"effect": "status", "status": 500, "after": True}),
    "token expired": ({"status": 401}, {"effect": "unauthorized"}),
}
_WITHIN = 90.0


class BothSides:
    """A daemon that tells upstream, with a workspace of its own. ``api``: by the API, else by
    callbacks. ``settle`` is how long (seconds) a ticket must be still before its act is told, ``large``
    how many acts are told in ten minutes. ``other`` is where a daemon with a store of its own may join.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        api: bool = True,
        settle: float = 1.0,
        lease: float = 15.0,
        other: Scene | None = None,
        large: int = 50,
    ) -> None:
        self.scene, self.jira, self._other = scene, scene.jira, other
        scenes = [scene] if other is None else [scene, other]
        seed = scene.random.randrange(10**6)
        self.upstream = Upstream(*(one.address for one in scenes), seed=seed)
        scene.upstream = self.upstream
        for one in scenes:
            one.site_too = {"webhook_secrets": [SECRET]}
        scene.judges.append(self._judge)
        self.deeds: list[Deed] = []
        self._settings = f"{self.upstream.settings(api=api)}[upstream]\nlarge_upstream = {large}\n"
        self._how: dict[str, Any] = {"rules": self._rules(api=api), "lease": lease}
        self._more = f'{self._settings}settle = "{settle:g}s"\n'
        self.daemon = scene.daemon(**self._how, more=self._more)
        self.daemons = [self.daemon]
        self.listen()

    def beside(self) -> None:
        """A second daemon on the same store."""
        self.daemons.append(self.scene.daemon(**self._how, more=self._more))
        self.listen()

    def join(self, settle: float) -> None:
        """A second daemon with a store of its own, which adopts all tickets. It waits longer before it
        tells, as two daemons that know nothing of each other must not act at the same moment."""
        assert self._other is not None
        made = self._other.prepared(**self._how, more=f'{self._settings}settle = "{settle:g}s"\n')
        made.verb("adopt", "--markers", "--apply")
        made.start()
        self.daemons.append(made)
        self.listen()

    def _rules(self, *, api: bool) -> Path:
        folder = self.scene.folder / "mappings"
        folder.mkdir(exist_ok=True)
        more = 'comments = "all"' + ("\ncopy_comments = true" if api else "")
        cleared = 'cleared = { category = "new" }\n' if api else ""
        text = RULES.format(more=more, cleared=cleared) + (INCIDENTS if api else "")
        (folder / "rules.toml").write_text(text)
        return folder

    def listen(self) -> None:
        """Have Jira send its webhooks to where the daemons are now."""
        self.jira.ask("DELETE", "webhooks")
        for host, port in [one.address for one in self.daemons if one.address is not None]:
            url = f"http://{host}:{port}/webhooks/jira/main"
            self.jira.ask("POST", "webhooks", {"url": url, "secret": SECRET})

    def again(self) -> None:
        """Start the daemon that was killed."""
        self.scene.restarts += 1
        self.daemon.start()
        self.listen()

    def begin(self, names: Sequence[str], kinds: Sequence[type[Deed]]) -> None:
        """A subject for each deed, and its ticket; all that has to be told before."""
        sandbox = self.upstream.sandbox
        for name in names:
            for kind in kinds:
                made = (
                    sandbox.open_incident([]) if kind.kind == "incident" else sandbox.open_issue()
                )
                self.deeds.append(kind(self.upstream, self.jira, name, made))
        self.until(lambda: all(one.tickets for one in self.deeds), "tickets are not made")
        self.scene.settle()
        for one in self.deeds:
            one.prepare()
        self.until(lambda: all(one.prepared() for one in self.deeds), "not told before the fault")
        self.scene.settle()

    def act(self) -> None:
        """All people act. What they say upstream shows in no webhook: a sweep has to find it."""
        for one in self.deeds:
            one.act()
        if any(isinstance(one, CommentDown) for one in self.deeds):
            self.sweep()

    def known(self, deeds: Sequence[Deed]) -> bool:
        """Whether the daemon knows of each of these acts: its ticket is due, or it has been told."""
        with self.scene.store.read_connection() as connection:
            asked = text("SELECT key FROM tickets WHERE due_at IS NOT NULL")
            due = {key for (key,) in connection.execute(asked)}
        return all(f"coalesce:{one.kind}:{one.subject.id}" in due or one.told() for one in deeds)

    def sweep(self) -> None:
        """Look for what was said upstream."""
        for one in self.daemons:
            one.verb("reconcile", "--sweep", "upstream")

    def until(
        self, holds: Callable[[], bool], why: str, go_on: Callable[[], None] | None = None
    ) -> None:
        """Wait for something; ``go_on`` is called meanwhile."""
        end = time.monotonic() + _WITHIN
        while not holds():
            assert time.monotonic() < end, why
            if go_on is not None:
                go_on()
            time.sleep(0.1)

    def done(self) -> bool:
        """Whether every act shows on the other side."""
        return all(one.told() and one.stands() for one in self.deeds)

    def _judge(self, found: Any) -> None:
        for one in self.deeds:
            one.judge(found)


def _faulty(scene: Scene, faults: Sequence[str], *, api: bool = True) -> None:
    """Each act on a subject of its own, whose call meets one of the faults."""
    both = BothSides(scene, api=api)
    both.begin(faults, [kind for kind in DEEDS if api or kind.callback])
    if "token expired" in faults:
        both.upstream.rest.revoke_tokens()
    everything = both.deeds
    # Callbacks have no answers in between that would end a pause: each further fault would double it.
    for some in [faults] if api else [[name] for name in faults]:
        both.deeds = [one for one in everything if one.name in some]
        _strike(both)
        both.act()
        both.until(both.done, "not everything is told")
        scene.settle()
    both.deeds = everything
    hits = sum(fault.hits for fault in both.upstream.rest.faults.active) + scene.jira.hits()
    assert hits >= len(both.deeds), f"only {hits} faults have struck"


def _strike(both: BothSides) -> None:
    """Put the fault of each deed in the way of its call."""
    for one in both.deeds:
        theirs, ours = FAULTS[one.name]
        if isinstance(one, CommentDown):
            both.jira.fault(**ours, method="POST", path=one.path, count=1)
        else:
            both.upstream.rest.faults.add(**theirs, path=one.path, count=1)


class Together:
    """Holds calls until all of them are under way, though not for long, and then ends the caller: once,
    as a call that comes too late would end it while it starts again."""

    def __init__(self, number: int, kill: Callable[[], None]) -> None:
        self._kill = kill
        self._killed = False
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(number, action=self._once, timeout=4.0)

    def __call__(self) -> None:
        try:
            self._barrier.wait()
        except threading.BrokenBarrierError:
            self._once()

    def _once(self) -> None:
        with self._lock:
            if not self._killed:
                self._kill()
                self._killed = True


def _killed(scene: Scene, names: Sequence[str], *, api: bool = True) -> None:
    """The daemon is killed while it tells of all acts, before the work is done or after: once while it
    calls Jira, once while it calls upstream."""
    both = BothSides(scene, api=api, settle=4.0, lease=9.0)
    both.begin(names, [kind for kind in DEEDS if api or kind.callback])
    down = [one for one in both.deeds if isinstance(one, CommentDown)]
    _strike_together(both, [one for one in both.deeds if one not in down])
    for one in down:
        after = one.name == "after"
        scene.jira.fault("hang", after=after, method="POST", path=one.path, count=1)
        one.act()
    if down:
        both.sweep()
    killed = _outlived(both)
    assert not both.upstream.rest.strikes, "the daemon was not killed"
    assert killed == len(down), "the daemon was not killed while it called Jira"


def _strike_together(both: BothSides, deeds: Sequence[Deed]) -> None:
    """Have people act in Jira, and the daemon killed while it tells of all of that."""
    arrived = threading.Event()

    def kill() -> None:
        # Jira sends each webhook once, as far as a trial can wait.
        arrived.wait(_WITHIN)
        both.daemon.kill()

    # Before anybody acts: on a slow machine, the first act may be told before the last one is done.
    together = Together(len(deeds), kill)
    for one in deeds:
        strike = Strike(one.path, together, after=one.name == "after")
        both.upstream.rest.strikes.append(strike)
    for one in deeds:
        one.act()
    both.until(lambda: both.known(deeds), "webhooks of Jira do not arrive")
    arrived.set()


def _outlived(both: BothSides) -> int:
    """Start the daemon again until all is told, and kill it whenever Jira does not answer; how often
    Jira did not."""
    scene, killed = both.scene, 0

    def go_on() -> None:
        nonlocal killed
        if both.daemon.alive and scene.jira.hits() > killed:
            killed = scene.jira.hits()
            both.daemon.kill()
        if not both.daemon.alive:
            both.again()

    # A daemon that was killed after the work finds out what it has told.
    both.until(lambda: both.done() and scene.standing().settled, "not everything is told", go_on)
    return killed


@row("both ways: calls that fail", core=True, own=True)
def _failing(scene: Scene, size: int) -> None:
    _faulty(scene, list(FAULTS))


@row("both ways: kill -9 while telling", core=True, own=True)
def _killing(scene: Scene, size: int) -> None:
    _killed(scene, ["after"] if size < 10 else ["after", "before"])


@row("both ways by callbacks: calls that fail", own=True)
def _callbacks(scene: Scene, size: int) -> None:
    _faulty(scene, [name for name in FAULTS if name != "token expired"], api=False)


@row("both ways by callbacks: kill -9 while telling", core=True, own=True)
def _callbacks_killed(scene: Scene, size: int) -> None:
    _killed(scene, ["after"], api=False)


@row("both ways: a flood waits over a kill -9", own=True)
def _flood(scene: Scene, size: int) -> None:
    """What waits for a person goes on waiting over a kill, and is told once it is accepted."""
    both = BothSides(scene, large=3)
    both.begin([str(number) for number in range(8)], [Mark])
    for one in both.deeds:
        one.act()
    both.until(lambda: _waiting(both) == 5, "five acts do not wait")
    both.daemon.kill()
    both.again()
    both.sweep()
    scene.settle()
    told = sum(one.told() for one in both.deeds)
    assert (told, _waiting(both)) == (3, 5), "something that waits was told"
    both.daemon.verb("upstream", "accept")
    both.until(both.done, "not everything that was accepted is told")


def _waiting(both: BothSides) -> int:
    """How many acts wait for a person, as the store says."""
    shown = json.loads(both.daemon.verb("upstream", "show", "--json"))
    return int(shown["waiting"]["acts"])
