"""Upstream told by the callbacks that deliveries offer, where there are no credentials for the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sync.adapters.coalesce.message.fields import camel, child, get, snake
from sync.adapters.coalesce.message.names import NAME
from sync.adapters.coalesce.upstream import words
from sync.adapters.coalesce.upstream.caller import CallbackCaller
from sync.domain.acts import Ability, Actor
from sync.domain.errors import Cause, Rejected
from sync.domain.subject import Kind, Status, SubjectRef
from sync.ports import Clock, SystemClock

# The callbacks of the newest delivery about a subject, as ``Event.callbacks``.
CallbacksOf = Callable[[SubjectRef], Sequence[Mapping[str, Any]]]

_OFFERED = (Ability.MARK, Ability.COMMENT_ISSUE)
_WITH_API = "Give the credentials of the API in [coalesce.api]."


class CallbackUpstream:
    """Implements ``ports.Upstream`` over callbacks. Safe to share between threads.

    A callback is there as long as the delivery that offers it. Callbacks can mark issues and comment on
    them, and nothing else. ``actor_email`` stands in for the address of an actor without one.
    """

    name = NAME

    def __init__(
        self,
        caller: CallbackCaller,
        callbacks_of: CallbacksOf,
        actor_email: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._caller = caller
        self._callbacks_of = callbacks_of
        self._actor_email = actor_email
        self._clock = clock or SystemClock()
        self.way = "callbacks" if caller.hosts else ""

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
        if status not in words.MARKS:
            raise Rejected(f"no issue can be marked as {status.value}")
        more = {"require_no_existing_status": only_unmarked}
        self._tell(Ability.MARK, ref, f"mark_{status.value}", self._by(actor, at) | more)

    def clear(self, ref: SubjectRef, actor: Actor, at: float) -> None:
        """Callbacks cannot do this: raises Rejected."""
        raise self._cannot(Ability.CLEAR)

    def comment(self, ref: SubjectRef, text: str, actor: Actor, at: float) -> str:
        """Add a comment to an issue. Returns "": callbacks do not tell the comment's id."""
        if ref.kind is not Kind.ISSUE:
            raise self._cannot(Ability.COMMENT_INCIDENT)
        more = {"comment": text}
        self._tell(Ability.COMMENT_ISSUE, ref, "post_comment", self._by(actor, at) | more)
        return ""

    def move_incident(self, ref: SubjectRef, status: Status, actor: Actor, at: float) -> None:
        """Callbacks cannot do this: raises Rejected."""
        raise self._cannot(Ability.MOVE_INCIDENT)

    def called(self, actor: Actor) -> str:
        """The name by which upstream will show this actor."""
        return words.name(actor)

    def unable(self, what: Ability) -> str:
        """Why an ability is off; "" where it is on."""
        if not self.way:
            return (
                "upstream cannot be told: [coalesce.api] has no credentials, and [coalesce.callbacks] "
                "allows no hosts"
            )
        return "" if what in _OFFERED else f"callbacks cannot {what.value}"

    def probe(self) -> None:
        """Nothing can be found out before the first call."""

    def _cannot(self, what: Ability) -> Rejected:
        return Rejected(self.unable(what), cause=Cause.PERMISSION, remedy=_WITH_API)

    def _by(self, actor: Actor, at: float) -> dict[str, Any]:
        return {
            "actor": words.actor(actor, self._actor_email),
            "time": words.time(at, self._clock.time()),
        }

    def _tell(self, what: Ability, ref: SubjectRef, act: str, ours: Mapping[str, Any]) -> None:
        if self.unable(what):
            raise self._cannot(what)
        for callback in self._callbacks_of(ref):
            command = callback.get("issues_command")
            if isinstance(command, Mapping) and _is_about(command, act, ref):
                self._caller.call(str(callback.get("url") or ""), _with_ours(command, act, ours))
                return
        raise Rejected(
            f"no delivery that is kept offers a callback to {act.replace('_', ' ')} this issue",
            cause=Cause.PERMISSION,
            remedy=f"Callbacks are kept as long as deliveries ([retention]). {_WITH_API}",
        )


def _is_about(command: Mapping[str, Any], act: str, ref: SubjectRef) -> bool:
    """Whether a command is this act on this issue."""
    message = child(command, act)
    return message is not None and get(message, "issue_id") == ref.id


def _with_ours(command: Mapping[str, Any], act: str, ours: Mapping[str, Any]) -> dict[str, Any]:
    """The command, with who acts, when and what else is ours in place of its own, in the casing in which
    the command came."""
    key = act if isinstance(command.get(act), Mapping) else camel(act)
    own = {name: value for name, value in command[key].items() if snake(name) not in ours}
    return {**command, key: {**own, **_cased(ours, camels=key != act)}}


def _cased(message: Mapping[str, Any], *, camels: bool) -> dict[str, Any]:
    """The message with all names in camelCase or snake_case."""
    how = camel if camels else snake
    return {
        how(name): _cased(value, camels=camels) if isinstance(value, Mapping) else value
        for name, value in message.items()
    }
