"""A way to upstream that is watched: whether it works, and when an act was last told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sync.domain.acts import Ability, Actor
from sync.domain.errors import Already, Fault, Missing, Rejected
from sync.domain.subject import Snapshot, Status, SubjectRef
from sync.ports import Clock, SourceApi, Upstream
from sync.telemetry import LAST_TOLD, UPSTREAM_DOWN


class WatchedUpstream:
    """Implements ``ports.Upstream`` over another one. Safe to share between threads."""

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock
        self._trouble = ""
        self.name = upstream.name
        self.way = upstream.way

    @property
    def trouble(self) -> str:
        """Why the last call did not get through, in words; "" where it did, or none was made."""
        return self._trouble

    def off(self) -> Mapping[str, str]:
        """The abilities that are off, each with the reason."""
        return {what.value: why for what in Ability if (why := self.unable(what))}

    def mark(
        self,
        ref: SubjectRef,
        status: Status,
        actor: Actor,
        at: float,
        *,
        only_unmarked: bool = False,
    ) -> None:
        """Set the status of an issue."""
        with self.watched():
            self._upstream.mark(ref, status, actor, at, only_unmarked=only_unmarked)

    def clear(self, ref: SubjectRef, actor: Actor, at: float) -> None:
        """Take the status of an issue away."""
        with self.watched():
            self._upstream.clear(ref, actor, at)

    def comment(self, ref: SubjectRef, text: str, actor: Actor, at: float) -> str:
        """Add a comment; returns its id."""
        with self.watched():
            return self._upstream.comment(ref, text, actor, at)

    def move_incident(self, ref: SubjectRef, status: Status, actor: Actor, at: float) -> None:
        """Close or cancel an incident, or open it again."""
        with self.watched():
            self._upstream.move_incident(ref, status, actor, at)

    def called(self, actor: Actor) -> str:
        """The name by which upstream will show this actor."""
        return self._upstream.called(actor)

    def unable(self, what: Ability) -> str:
        """Why an ability is off; "" where it is on."""
        return self._upstream.unable(what)

    def probe(self) -> None:
        """Find out which abilities are off."""
        self._upstream.probe()

    @contextmanager
    def watched(self, *, told: bool = True) -> Iterator[None]:
        """A call to upstream is made inside. ``told``: upstream is told an act by it."""
        try:
            yield
        except (Already, Missing, Rejected):
            # Upstream has answered, or was not asked because the ability is off.
            self._works("")
            raise
        except Fault as fault:
            self._works(str(fault))
            raise
        self._works("")
        if told:
            LAST_TOLD.labels(self.name).set(self._clock.time())

    def _works(self, trouble: str) -> None:
        self._trouble = trouble
        UPSTREAM_DOWN.labels(self.name).set(bool(trouble))


class WatchedReads:
    """The reads of a source's API for those who tell. They are watched with the ``way``, because before
    most acts upstream is read."""

    def __init__(self, api: SourceApi, way: WatchedUpstream) -> None:
        self._api = api
        self._way = way

    def issues(self, ids: Sequence[str]) -> list[Snapshot]:
        """Issues by id."""
        with self._way.watched(told=False):
            return self._api.issues(ids)

    def incidents(self, ids: Sequence[str]) -> list[Snapshot]:
        """Incidents by id."""
        with self._way.watched(told=False):
            return self._api.incidents(ids)
