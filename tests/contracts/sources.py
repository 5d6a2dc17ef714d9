"""The implementations of ``sync.ports.Source`` and ``SourceApi``, a line in a table for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sync.adapters.coalesce import CoalesceSource, signed_headers
from sync.domain.errors import Refused
from sync.domain.subject import Event, Status
from sync.ports import FailedDelivery, Source, SourceApi
from sync.sandbox.coalesce import FORMATS, SAMPLES, sample_body
from tests.adapters.coalesce.served import Upstream as Served
from tests.adapters.coalesce.served import serving
from tests.clock import START, SimulatedClock
from tests.worker.sweeps.build import MemoryApi, incident, issue

SECRET = "a secret of the tests"
# What cannot agree, by implementation and question: why.
CANNOT_AGREE: Mapping[tuple[str, str], str] = {
    (
        "memory api",
        "test_a_call_that_our_credentials_have_no_scope_for_is_rejected",
    ): "the API in memory knows no credentials"
}


def events_of(read: Event | Sequence[Event]) -> tuple[Event, ...]:
    """The events of one body, whether the source gives one or any number."""
    return (read,) if isinstance(read, Event) else tuple(read)


@dataclass(frozen=True)
class Sender:
    """A source and who sends to it: ``sign`` makes the headers of a body sent at a time, ``bodies`` are
    ones that can be read, ``garbled`` ones that cannot."""

    source: Source
    sign: Callable[[bytes, float], Mapping[str, str]]
    bodies: Sequence[bytes]
    garbled: Sequence[bytes]


def _coalesce() -> Sender:
    return Sender(
        CoalesceSource([SECRET]),
        lambda body, at: {k.lower(): v for k, v in signed_headers(SECRET, body, at=at).items()},
        [sample_body(name, now=START, form=form) for name in SAMPLES for form in FORMATS],
        [b"", b"{", b"[]", b"\xff", b'{"event_type":"EVENT_TYPE_ISSUE_CREATED"}'],
    )


SENDERS: Mapping[str, Callable[[], Sender]] = {"coalesce": _coalesce}


class Upstream(ABC):
    """A workspace: ``api`` is under test, the other methods are what happens there."""

    api: SourceApi
    clock: SimulatedClock

    @abstractmethod
    def open_issue(self) -> str:
        """The id of a new issue."""

    @abstractmethod
    def close_issue(self, id_: str) -> None: ...

    @abstractmethod
    def open_incident(self, issue_ids: Sequence[str]) -> str:
        """The id of a new incident with these issues."""

    @abstractmethod
    def fail_delivery(self) -> tuple[str, bytes]:
        """A delivery of a new issue's event fails for good with 401; the event's id and the body."""

    @abstractmethod
    def sent_again(self) -> set[str]:
        """The ids of the deliveries that were sent again."""

    @abstractmethod
    def fall_ill(self) -> None:
        """Calls fail from now on, as those to a server that is overloaded."""

    @abstractmethod
    def take_scopes(self) -> None:
        """Our credentials have no scope any more."""


class ServedUpstream(Upstream):
    """The adapter in front of the simulated REST API, over a socket."""

    def __init__(self, served: Served) -> None:
        self.api, self.clock, self._served = served.api, served.clock, served

    def open_issue(self) -> str:
        return self._served.sandbox.open_issue().id

    def close_issue(self, id_: str) -> None:
        self._served.sandbox.close_issue(id_)

    def open_incident(self, issue_ids: Sequence[str]) -> str:
        return self._served.sandbox.open_incident(issue_ids).id

    def fail_delivery(self) -> tuple[str, bytes]:
        served = self._served
        served.sender.pump()
        served.sandbox.open_issue()
        event = served.sandbox.events[-1]
        served.replies = [401]
        while served.sender.pump():
            self.clock.sleep(1)
        (sent,) = [s for s in served.outbox.sendings.values() if s.event is event]
        return event["event_id"], sent.body

    def sent_again(self) -> set[str]:
        return {s.redelivery_of for s in self._served.outbox.sendings.values()} - {""}

    def fall_ill(self) -> None:
        self._served.rest.failing = 100

    def take_scopes(self) -> None:
        self._served.rest.scopes.clear()


class MemoryUpstream(Upstream):
    """The API in memory that sweeps are tested with."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.api = self._memory = MemoryApi(page=7)

    def _at(self) -> float:
        return self.clock.time() - START

    def open_issue(self) -> str:
        made = issue(f"i{len(self._memory.known)}", at=self._at())
        self._memory.put(made)
        return made.ref.id

    def close_issue(self, id_: str) -> None:
        self._memory.put(issue(id_, at=self._at(), status=Status.CLOSED))

    def open_incident(self, issue_ids: Sequence[str]) -> str:
        made = incident(f"n{len(self._memory.known)}", issue_ids, at=self._at())
        self._memory.put(made)
        return made.ref.id

    def fail_delivery(self) -> tuple[str, bytes]:
        number, at = len(self._memory.failed), self.clock.time()
        failed = FailedDelivery(f"d{number}", f"e{number}", "issue_created", "i1", at, 401)
        self._memory.failed.append(failed)
        self._memory.kept[failed.id] = body = b"the body"
        return failed.event_id, body

    def sent_again(self) -> set[str]:
        return set(self._memory.asked_again)

    def fall_ill(self) -> None:
        def ill(_name: str) -> None:
            raise Refused("the service is unavailable")

        self._memory.on_call = ill

    def take_scopes(self) -> None:
        pass


@contextmanager
def _served() -> Iterator[Upstream]:
    with serving(page_size=7) as served:
        yield ServedUpstream(served)


@contextmanager
def _memory() -> Iterator[Upstream]:
    yield MemoryUpstream()


APIS: Mapping[str, Callable[[], AbstractContextManager[Upstream]]] = {
    "coalesce api": _served,
    "memory api": _memory,
}
