"""Upstream told by its REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sync.adapters.coalesce.api.calls import Ask
from sync.adapters.coalesce.api.client import CoalesceApi
from sync.adapters.coalesce.api.faults import NotOffered
from sync.adapters.coalesce.message.fields import get, text
from sync.adapters.coalesce.message.names import NAME
from sync.adapters.coalesce.upstream import words
from sync.adapters.coalesce.upstream.abilities import Abilities
from sync.domain.acts import Ability, Actor
from sync.domain.errors import Already, Cause, Missing, Refused, Rejected, Unknown
from sync.domain.subject import Kind, Status, SubjectRef
from sync.ports import Clock, SystemClock

_PATHS = {Kind.ISSUE: "/api/issues/v2", Kind.INCIDENT: "/api/incidents/v1"}
_SCOPES = {
    Ability.MARK: "edit issues (ISSUES_EDIT)",
    Ability.CLEAR: "edit issues (ISSUES_EDIT)",
    Ability.COMMENT_ISSUE: "edit issues (ISSUES_EDIT), or MCP_WRITE",
    Ability.MOVE_INCIDENT: "edit incidents (INCIDENTS_EDIT)",
    Ability.COMMENT_INCIDENT: "edit incidents (INCIDENTS_EDIT), or MCP_WRITE",
}
_KINDS = {what: Kind.INCIDENT if "incident" in what else Kind.ISSUE for what in Ability}
# One call of each ability, for the probe, and the id of a subject that there is not.
_PROBES = {
    Ability.MARK: ("PATCH", "mark-investigating"),
    Ability.CLEAR: ("PATCH", "clear-status"),
    Ability.COMMENT_ISSUE: ("POST", "comment"),
    Ability.MOVE_INCIDENT: ("PATCH", "close"),
    Ability.COMMENT_INCIDENT: ("POST", "comment"),
}
_NOBODY = "00000000-0000-0000-0000-000000000000"


class ApiUpstream:
    """Implements ``ports.Upstream`` over the API. Safe to share between threads. Building it makes no
    call.

    ``actor_email`` stands in for the address of an actor without one.
    """

    name = NAME
    way = "the API"

    def __init__(self, api: CoalesceApi, actor_email: str = "", clock: Clock | None = None) -> None:
        self._api = api
        self._actor_email = actor_email
        self._clock = clock or SystemClock()
        self._abilities = Abilities(self._clock)

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
        body = self._by(actor, "time", at)
        if only_unmarked:
            body["requireNoExistingStatus"] = True
        self._tell(Ability.MARK, ref, f"mark-{status.value.replace('_', '-')}", body)

    def clear(self, ref: SubjectRef, actor: Actor, at: float) -> None:
        """Take the status of an issue away."""
        self._tell(Ability.CLEAR, ref, "clear-status", self._by(actor, "time", at))

    def comment(self, ref: SubjectRef, text_: str, actor: Actor, at: float) -> str:
        """Add a comment; returns its id."""
        issue = ref.kind is Kind.ISSUE
        body = {**self._by(actor, "time" if issue else "at", at), "comment": text_}
        what = Ability.COMMENT_ISSUE if issue else Ability.COMMENT_INCIDENT
        return text(get(self._tell(what, ref, "comment", body), "comment_id"))

    def move_incident(self, ref: SubjectRef, status: Status, actor: Actor, at: float) -> None:
        """Close or cancel an incident, or open it again."""
        body, step = self._by(actor, "at", at), {Status.CLOSED: "close", Status.CANCELLED: "cancel"}
        if status not in words.STATES:
            raise Rejected(f"no incident can be {status.value}")
        if status not in step:
            body["state"] = words.STATES[status]
        self._tell(Ability.MOVE_INCIDENT, ref, step.get(status, "state"), body)

    def called(self, actor: Actor) -> str:
        """The name by which upstream will show this actor."""
        return words.name(actor)

    def unable(self, what: Ability) -> str:
        """Why an ability is off; "" where it is on."""
        return self._abilities.unable(what)

    def probe(self) -> None:
        """Find out which scopes are missing, by calls about a subject that there is not, without an
        actor. Whether a call is offered at all shows only where the API answers 405 or 501."""
        for what, (method, step) in _PROBES.items():
            path = f"{_PATHS[_KINDS[what]]}/{_NOBODY}/{step}"
            # Safe, because there is nothing that the call could change.
            ask = Ask(method, path, what.value, _SCOPES[what], body={})
            try:
                self._asked(what, ask)
            except (Missing, Rejected, Already):
                continue
            except Unknown as fault:
                raise Refused(str(fault)) from None

    def _by(self, actor: Actor, name: str, at: float) -> dict[str, Any]:
        """Who acted and when: every act says so. ``name`` is that of the time."""
        return {
            "actor": words.actor(actor, self._actor_email),
            name: words.time(at, self._clock.time()),
        }

    def _tell(
        self, what: Ability, ref: SubjectRef, step: str, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The answer to one call about a subject."""
        if ref.kind is not _KINDS[what]:
            raise Rejected(f"to {what.value} is nothing that can be done to an {ref.kind.value}")
        if why := self.unable(what):
            raise Rejected(why, cause=Cause.PERMISSION)
        path = f"{_PATHS[ref.kind]}/{quote(ref.id, safe='')}/{step}"
        ask = Ask(_PROBES[what][0], path, what.value, _SCOPES[what], body=body, safe=False)
        try:
            return self._asked(what, ask)
        except Missing:
            if not self._is_there(ref):
                raise
        fault = NotOffered(f"the API of Coalesce Quality does not offer to {what.value} (404)")
        self._abilities.off(what, str(fault))
        raise fault

    def _asked(self, what: Ability, ask: Ask) -> Mapping[str, Any]:
        try:
            answer = self._api.calls.ask(ask)
        except Rejected as fault:
            if fault.cause is Cause.PERMISSION:
                self._abilities.off(what, str(fault), fault.remedy)
            else:
                self._abilities.works(what)
            raise
        self._abilities.works(what)
        return answer

    def _is_there(self, ref: SubjectRef) -> bool:
        """Whether a subject is there. Where we may not read it, it counts as gone: a call to an address
        that is not there and one about such a subject are answered alike."""
        read = self._api.issues if ref.kind is Kind.ISSUE else self._api.incidents
        try:
            return bool(read([ref.id]))
        except Rejected:
            return False
