"""The delivery doctor: where deliveries end on their way, from the sender's log to tickets.

The way is a chain of three links: what the sender has sent, what was received here, what was read. The
first link that does not fit gets one sentence and a remedy.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sync.domain.errors import Fault
from sync.domain.times import lasting
from sync.ports import SentDelivery, SourceApi
from sync.store import deliveries
from sync.store.engine import Store
from sync.store.inbox import delivery_id
from sync.store.tables import DeliveryState
from sync.worker.sweeps.deliveries import ANSWERED_401

DAY = 86400.0
# So many deliveries of the sender's log are looked at, the newest.
LOOKED_AT = 2000
# Seconds that the sender is given to answer.
ASKED_FOR = 10.0
# A delivery that waits for longer (seconds) is not just about to be read.
WAITS = 120.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What the sender's log says: deliveries by outcome; what was left out, by type of event and the
    sender's reason; our answers to those that failed; how many were delivered to somebody but are not
    here (``elsewhere``). ``partly``: there are more than were looked at."""

    outcomes: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[tuple[str, str], int] = field(default_factory=dict)
    delivered_types: frozenset[str] = frozenset()
    answers: Mapping[int, int] = field(default_factory=dict)
    elsewhere: int = 0
    partly: bool = False

    @property
    def total(self) -> int:
        """All deliveries in the log."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Received:
    """What was received here, by what became of it; for how long the oldest one waits (seconds)."""

    read: int = 0
    dead: int = 0
    waiting: int = 0
    waits: float = 0.0

    @property
    def total(self) -> int:
        """All that was received."""
        return self.read + self.dead + self.waiting


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain: what it is, its numbers in words, and its sort (ok, bad, wait or idle)."""

    name: str
    words: str
    token: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The chain over the last day, what does not fit in a sentence, and what to do; ``fits`` where
    nothing is amiss as far as that is known."""

    links: list[Link]
    words: str
    remedy: str
    fits: bool


def diagnose(sent: Sent | None, received: Received, unasked: str = "") -> Diagnosis:
    """What the numbers say. ``sent`` is None where the sender was not asked, because of ``unasked``."""
    fault = _in_sending(sent) if sent is not None else None
    where = "sent" if fault else ""
    if fault is None:
        fault, where = _in_arriving(sent, received), "received"
    if fault is None:
        fault, where = _in_reading(received), "read"
    links = [
        Link("sent", _sent_words(sent, unasked), _token("sent", where, fault, sent is not None)),
        Link("received", f"{received.total:,}", _token("received", where, fault)),
        Link("became tickets", _read_words(received), _token("read", where, fault)),
    ]
    if fault is not None:
        return Diagnosis(links, *fault, fits=False)
    if sent is None:
        return Diagnosis(links, "What was received was read.", unasked, fits=True)
    return Diagnosis(links, "Every delivery that was sent is here, and was read.", "", fits=True)


Amiss = tuple[str, str]


def _token(name: str, where: str, fault: Amiss | None, known: bool = True) -> str:
    if not known:
        return "idle"
    return "bad" if fault is not None and name == where else "ok"


def _in_sending(sent: Sent) -> Amiss | None:
    if failed := sent.outcomes.get("failed", 0):
        code, _ = max(sent.answers.items(), key=lambda one: one[1], default=(0, 0))
        if code == 401:
            return f"{_deliveries(failed)} failed because {ANSWERED_401}", ""
        answer = f"the last answer was {code}" if code else "no answer came"
        return (
            f"{_deliveries(failed)} failed: {answer}.",
            "See that the address in the integration is that of this daemon, and that a proxy before it "
            "lets requests through. The sweep of deliveries fetches what failed.",
        )
    for (type_, reason), count in sorted(sent.left_out.items(), key=lambda one: -one[1]):
        if type_ in sent.delivered_types:
            continue
        name = type_.upper() or "A type of event"
        if reason == "not_routed":
            return (
                f"{_deliveries(count)} of {name} went to no integration.",
                "Add this integration to the alerts that are to reach it.",
            )
        return (
            f"{name} is not among the events of your integration.",
            f"Add it there: {_deliveries(count)} of it {_were(count)} skipped in the last day.",
        )
    return None


def _in_arriving(sent: Sent | None, received: Received) -> Amiss | None:
    if sent is not None and sent.elsewhere:
        return (
            f"{_deliveries(sent.elsewhere)} {_were(sent.elsewhere)} answered with success and "
            f"{_are(sent.elsewhere)} not here.",
            "Another receiver or another store answers at the address of the integration: see that "
            "there is one, and that url in [store] is the same for all daemons.",
        )
    if not received.total and sent is not None and not sent.total:
        return (
            "Nothing was sent in the last day, and nothing was received.",
            "See that the integration is on and that alerts lead to it; send a test from there.",
        )
    return None


def _in_reading(received: Received) -> Amiss | None:
    if received.waiting and received.waits > WAITS:
        return (
            f"{_deliveries(received.waiting)} {_are(received.waiting)} here and not read, the oldest "
            f"for {lasting(received.waits)}.",
            "See on the first page whether a daemon runs that works on tickets.",
        )
    if received.dead:
        return (
            f"{_deliveries(received.dead)} {_are(received.dead)} here and could not be read.",
            "Deliveries shows why, and reads them again.",
        )
    return None


def _sent_words(sent: Sent | None, unasked: str) -> str:
    if sent is None:
        return f"not known: {unasked}"
    more = "at least " if sent.partly else ""
    found = [f"{more}{sent.total:,}"]
    for name in ("failed", "skipped", "not_routed", "pending"):
        if count := sent.outcomes.get(name, 0):
            found.append(f"{count:,} {name.replace('_', ' ')}")
    return ", ".join(found)


def _read_words(received: Received) -> str:
    found = [f"{received.read:,} read"]
    if received.dead:
        found.append(f"{received.dead:,} dead")
    if received.waiting:
        found.append(f"{received.waiting:,} waiting")
    return ", ".join(found)


def examine(
    store: Store,
    apis: Mapping[str, SourceApi],
    now: float,
    asking: ThreadPoolExecutor | None = None,
) -> Diagnosis:
    """The chain of the first source over the last day. The sender is asked, where we have credentials
    for its API; with ``asking`` for ``ASKED_FOR`` seconds at most."""
    received = _received(store, now)
    if not apis:
        return diagnose(None, received, "give `[coalesce.api]`, and the sender's log is read")
    name, api = next(iter(apis.items()))

    def ask() -> Sent:
        return _sent(store, name, api, now)

    try:
        sent = ask() if asking is None else asking.submit(ask).result(timeout=ASKED_FOR)
    except TimeoutError:
        return diagnose(None, received, f"the sender did not answer within {ASKED_FOR:g} s")
    except Fault as error:
        return diagnose(None, received, str(error).splitlines()[0])
    return diagnose(sent, received)


def _sent(store: Store, name: str, api: SourceApi, now: float) -> Sent:
    found: list[SentDelivery] = []
    partly = False
    for page in api.sent_deliveries(now - DAY, now):
        found += page
        if len(found) >= LOOKED_AT:
            partly = True
            break
    by_outcome: defaultdict[str, list[SentDelivery]] = defaultdict(list)
    for one in found:
        by_outcome[one.outcome].append(one)
    delivered = by_outcome["delivered"]
    ids = {delivery_id(name, one.event_id, b"") for one in delivered if one.event_id}
    with store.read() as session:
        here = deliveries.known(session, ids)
    left_out = Counter((one.event_type, one.reason) for one in by_outcome["skipped"])
    left_out.update((one.event_type, "not_routed") for one in by_outcome["not_routed"])
    return Sent(
        outcomes={outcome: len(those) for outcome, those in by_outcome.items()},
        left_out=left_out,
        delivered_types=frozenset(one.event_type for one in delivered),
        answers=Counter(one.status_code for one in by_outcome["failed"]),
        elsewhere=len(ids - here),
        partly=partly,
    )


def _received(store: Store, now: float) -> Received:
    with store.read() as session:
        rows = deliveries.by_hour(session, now - DAY)
        oldest = deliveries.counts(session).oldest_waiting
    by_state: Counter[str] = Counter()
    for _, state, number in rows:
        by_state[state] += number
    return Received(
        read=by_state[DeliveryState.TRIAGED],
        dead=by_state[DeliveryState.DEAD],
        waiting=by_state[DeliveryState.ACCEPTED],
        waits=max(0.0, now - oldest) if oldest is not None else 0.0,
    )


def _deliveries(count: int) -> str:
    return "1 delivery" if count == 1 else f"{count:,} deliveries"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
