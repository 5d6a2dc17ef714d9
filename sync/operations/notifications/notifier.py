"""One channel, told what is news: by one daemon at a time, with an end to every wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from sync.adapters.notify import Channel, Letter, NotSent, Sent
from sync.domain.notification import Concern, Memory, Rhythm, Routing, news, noticed, said
from sync.operations.notifications.concerns import Looking, silence_of
from sync.operations.notifications.wording import Wording
from sync.ports import Clock
from sync.store import leases, notifications
from sync.store.engine import Store
from sync.store.notifications import ChannelState, Failing
from sync.telemetry import NOTIFICATIONS, NOTIFICATIONS_FAILING, concealed

log = structlog.get_logger("notify")

POLL_SECONDS = 5.0
# The end of one try, whatever the steps of its protocol take.
DEADLINE_SECONDS = 45.0
# Longer than a try and what comes before and after it. Renewed when a quarter is over, and before each
# try.
LEASE_SECONDS = 120.0
# Waits between tries of a channel that does not get through.
_FIRST_WAIT, _LONGEST_WAIT = 10.0, 900.0
# For so long after a daemon takes over a channel, what is not there does not count as over: a daemon
# that has just begun knows little of its sites.
SETTLING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a channel is told and how often; ``silence`` is in seconds."""

    routing: Routing = field(default_factory=Routing)
    rhythm: Rhythm = field(default_factory=Rhythm)
    silence: float = 2 * 86_400.0


class Notifier:
    """Tells one channel.

    notifier.step()  # to be called again and again, from one thread
    """

    def __init__(
        self, name: str, channel: Channel, plan: Plan, store: Store, shared: Shared
    ) -> None:
        self.name = name
        self._channel = Patient(channel, name, shared.deadline)
        self._plan = plan
        self._store = store
        self._shared = shared
        self._leading_since: float | None = None
        self._renewed = float("-inf")
        # What was sent and is not on record yet, because the store did not take it.
        self._unsaved: ChannelState | None = None

    def step(self) -> float:
        """Look, and send what is news; the seconds until the next look. Raises StoreUnavailable."""
        if not self._leads():
            self._leading_since = self._unsaved = None
            NOTIFICATIONS_FAILING.labels(self.name).set(0)
            return POLL_SECONDS
        now = self._shared.clock.time()
        if self._leading_since is None:
            self._leading_since = now
        if self._unsaved is not None:
            self._save(self._unsaved, now)
        with self._store.read() as session:
            state = notifications.load(session, self.name)
        NOTIFICATIONS_FAILING.labels(self.name).set(state.failing is not None)
        concerns = self._concerns(now)
        after = self._told(replace(state, memory=self._noticed(state, concerns, now)), concerns)
        if after != state:
            self._save(after, now)
        return POLL_SECONDS

    def _save(self, state: ChannelState, now: float) -> None:
        self._unsaved = state
        notifications.save(self._store, self.name, state, now)
        self._unsaved = None

    def _noticed(self, state: ChannelState, concerns: list[Concern], now: float) -> Memory:
        memory = noticed(state.memory, concerns, now)
        if self._leading_since is None or now - self._leading_since >= SETTLING_SECONDS:
            return memory
        before = state.memory.known
        known = {
            key: one if one.gone is None else replace(one, gone=before[key].gone)
            for key, one in memory.known.items()
        }
        return replace(memory, known=known)

    def _concerns(self, now: float) -> list[Concern]:
        look = self._shared.looking.look()
        found = [*look.concerns, *silence_of(look, self._plan.silence, now)]
        own = f"Notifications by {self.name} "
        return [
            one for one in found if self._plan.routing.takes(one) and not one.words.startswith(own)
        ]

    def _told(self, state: ChannelState, concerns: list[Concern]) -> ChannelState:
        """The state after a message was sent, or was not, if there is news."""
        now, failing = self._shared.clock.time(), state.failing
        if failing is not None and now < failing.next:
            return state
        fresh = news(state.memory, concerns, self._plan.rhythm, now)
        if not fresh or not self._leads(within=0.0):
            return state
        letter = self._shared.wording.letter(self.name, fresh, state.memory.sent, now)
        try:
            done = self._channel.send(letter)
        except NotSent as error:
            return replace(state, failing=self._failed(failing, error, now))
        NOTIFICATIONS.labels(self.name, "sent").inc()
        NOTIFICATIONS_FAILING.labels(self.name).set(0)
        log.info("notification sent", channel=self.name, things=len(fresh), answer=done.words)
        # By now, so that the gap is one between messages and not between their beginnings.
        return ChannelState(said(state.memory, fresh, self._shared.clock.time()))

    def _failed(self, before: Failing | None, error: NotSent, now: float) -> Failing:
        NOTIFICATIONS.labels(self.name, "failed").inc()
        NOTIFICATIONS_FAILING.labels(self.name).set(1)
        tries = before.tries + 1 if before else 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(tries - 1, 10))
        wait = max(wait, min(error.retry_after or 0.0, _LONGEST_WAIT))
        words = concealed(str(error))
        log.warning(
            "notification not sent", channel=self.name, why=words, tries=tries, again_in=wait
        )
        return Failing(before.since if before else now, words, tries, now + wait)

    def _leads(self, *, within: float = LEASE_SECONDS / 4) -> bool:
        """Whether this daemon is the one that tells the channel, as the store said within so many
        seconds."""
        now = self._shared.clock.monotonic()
        if self._leading_since is not None and now - self._renewed < within:
            return True
        store, lease, owner = self._store, f"notify:{self.name}", self._shared.owner
        leads = leases.renew(store, lease, owner, LEASE_SECONDS) or leases.take(
            store, lease, owner, LEASE_SECONDS
        )
        self._renewed = now
        return leads


class Patient:
    """A channel with an end to each try: what hangs beyond ``deadline`` seconds is left to itself, and
    nothing else is sent before it has ended."""

    def __init__(self, channel: Channel, name: str, deadline: float = DEADLINE_SECONDS) -> None:
        self._channel, self._name, self._deadline = channel, name, deadline
        self._hanging: threading.Thread | None = None

    def send(self, letter: Letter) -> Sent:
        """Send a message. Raises NotSent."""
        if self._hanging is not None and self._hanging.is_alive():
            raise NotSent("an earlier try hangs, and has not ended yet")
        ends: list[Sent | NotSent] = []

        def work() -> None:
            try:
                ends.append(self._channel.send(letter))
            except NotSent as error:
                ends.append(error)
            except Exception as error:
                # Its words may hold what the message's way is to be kept secret.
                log.warning("a channel failed", channel=self._name, why=concealed(repr(error)))
                ends.append(NotSent(f"it failed ({type(error).__name__}), see the log"))

        thread = threading.Thread(target=work, name=f"send-{self._name}", daemon=True)
        thread.start()
        thread.join(self._deadline)
        if not ends:
            self._hanging = thread
            raise NotSent(f"no end within {self._deadline:g} s")
        if isinstance(ends[0], NotSent):
            raise ends[0]
        return ends[0]


@dataclass(frozen=True, slots=True)
class Shared:
    """What all channels of a daemon share. ``deadline`` is in seconds."""

    looking: Looking
    wording: Wording
    clock: Clock
    owner: str
    deadline: float = DEADLINE_SECONDS


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a sample through a channel, in words."""

    channel: str
    sent: bool
    words: str
    seconds: float


def tried(
    name: str, channel: Channel, wording: Wording, now: Callable[[], float] = time.time
) -> Tried:
    """Send a sample through a channel."""
    began = time.monotonic()
    try:
        words, sent = Patient(channel, name).send(wording.sample(name, now())).words, True
    except NotSent as error:
        words, sent = concealed(str(error)), False
    return Tried(name, sent, words, round(time.monotonic() - began, 2))
