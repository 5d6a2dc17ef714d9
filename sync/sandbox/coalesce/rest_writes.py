"""What the API lets its callers do: marks, comments, and moves of incidents, simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sync.sandbox.coalesce.api_request import (
    ApiError,
    Request,
    field_of,
    invalid,
    nanos_of,
    not_found,
    uuid_of,
)
from sync.sandbox.coalesce.callbacks import COMMANDS
from sync.sandbox.coalesce.inventory import WORKSPACE
from sync.sandbox.coalesce.subjects import NANOS, Incident, Issue
from sync.sandbox.coalesce.webhook_body import ISSUE_STATUSES, VIAS
from sync.sandbox.coalesce.workspace import CoalesceSandbox

_ADDRESSES = {"email": "user_email", "slack": "user_id", "pagerduty": "user_id"}
_EARLIEST = nanos_of("2022-01-01T00:00:00Z", "earliest")
_STATES = {"STATE_OPEN": "open", "STATE_CLOSED": "closed", "STATE_CANCELLED": "cancelled"}
_STATE_NUMBERS = {1: "STATE_OPEN", 2: "STATE_CLOSED", 3: "STATE_CANCELLED"}


def already(what: str) -> ApiError:
    """The error for a change to what is so already."""
    return ApiError(409, 6, f"{what} already")


class WritesApi:
    """Writes to the issues and incidents of a workspace.

    ``conflicts``: a mark that an issue has already answers 409 instead of 200.
    """

    def __init__(self, sandbox: CoalesceSandbox) -> None:
        self._sandbox = sandbox
        self.conflicts = False

    # Issues

    def mark(self, status: str, request: Request, issue_id: str) -> dict[str, Any]:
        """``PATCH /api/issues/v2/{id}/mark-…``."""
        self._mark(status, request.json(), self._issue(issue_id))
        return {}

    def clear_status(self, request: Request, issue_id: str) -> dict[str, Any]:
        """``PATCH …/clear-status``."""
        body = request.json()
        actor = actor_of(body)
        if body.get("time") is not None:
            self._time(body, "time")
        issue = self._issue(issue_id)
        if issue.status:
            self._sandbox.mark(issue_id, "", actor=actor)
        elif self.conflicts:
            raise already("the issue has no status")
        return {}

    def comment(self, request: Request, issue_id: str) -> dict[str, Any]:
        """``POST …/comment``."""
        return {"commentId": self._comment(request.json(), self._issue(issue_id))}

    def command(self, body: Mapping[str, Any], issue_id: str) -> None:
        """Carry out the command of a callback for an issue. Raises ApiError."""
        if body.get("workspace") != WORKSPACE:
            raise invalid("workspace is required")
        given = {name: inner for name in COMMANDS if (inner := field_of(body, name)) is not None}
        if len(given) != 1:
            raise invalid("a command holds exactly one action")
        [(name, inner)] = given.items()
        if not isinstance(inner, Mapping) or field_of(inner, "issue_id") != issue_id:
            raise ApiError(403, 7, "the address is for another issue")
        issue = self._issue(issue_id)
        if name == "post_comment":
            self._comment(inner, issue)
        else:
            self._mark(name.removeprefix("mark_"), inner, issue)

    def _mark(self, status: str, body: Mapping[str, Any], issue: Issue) -> None:
        assert status in ISSUE_STATUSES
        actor = actor_of(body)
        self._time(body, "time")
        if field_of(body, "require_no_existing_status") and issue.status:
            return
        if self.conflicts and issue.status == status:
            raise already(f"the issue is {status}")
        self._sandbox.mark(issue.id, status, actor=actor)

    def _comment(self, body: Mapping[str, Any], issue: Issue) -> str:
        actor, at = actor_of(body), self._time(body, "time")
        return self._sandbox.comment(issue.id, _text(body, "comment"), actor, at=at).id

    # Incidents

    def move(self, state: str, request: Request, incident_id: str) -> dict[str, Any]:
        """``PATCH /api/incidents/v1/{id}/close`` and ``…/cancel``."""
        self._move(request, incident_id, lambda _: state)
        return {}

    def set_state(self, request: Request, incident_id: str) -> dict[str, Any]:
        """``PATCH …/state``, which also opens an incident again."""
        return {"incident": self._move(request, incident_id, _state).api()}

    def rename(self, request: Request, incident_id: str) -> dict[str, Any]:
        """``PATCH …/rename``."""
        body, _ = self._about_incident(request)
        incident = self._incident(incident_id)
        self._sandbox.change_incident(incident.id, title=_text(body, "name"))
        return {}

    def assign_owner(self, request: Request, incident_id: str) -> dict[str, Any]:
        """``PATCH …/assign-owner``."""
        body = request.json()
        actor_of(body)
        incident = self._incident(incident_id)
        self._sandbox.change_incident(incident.id, owner=_text(body, "owner_email"))
        return {}

    def comment_incident(self, request: Request, incident_id: str) -> dict[str, Any]:
        """``POST …/comment``."""
        body, actor = self._about_incident(request)
        incident, text = self._incident(incident_id), _text(body, "comment")
        at = self._time(body, "at")
        return {"commentId": self._sandbox.comment_incident(incident.id, text, actor, at=at).id}

    def add_issues(self, request: Request, incident_id: str) -> dict[str, Any]:
        """``POST …/issues``."""
        body, _ = self._about_incident(request)
        incident = self._incident(incident_id)
        more = field_of(body, "issue_ids")
        if not isinstance(more, list) or not more:
            raise invalid("issueIds is required")
        ids = [*incident.issue_ids, *(uuid_of(one, "issueIds") for one in more)]
        self._sandbox.set_members(incident.id, list(dict.fromkeys(ids)))
        return {}

    def _move(
        self, request: Request, incident_id: str, state_in: Callable[[Mapping[str, Any]], str]
    ) -> Incident:
        body, actor = self._about_incident(request)
        incident, state = self._incident(incident_id), state_in(body)
        if incident.state == state:
            raise already(f"the incident is {state}")
        self._sandbox.move_incident(incident.id, state, actor=actor)
        return incident

    def _about_incident(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
        body = request.json()
        actor = actor_of(body)
        self._time(body, "at")
        return body, actor

    def _issue(self, issue_id: str) -> Issue:
        issue = self._sandbox.issues.get(uuid_of(issue_id, "issue_id"))
        if issue is None:
            raise not_found("issue")
        return issue

    def _incident(self, incident_id: str) -> Incident:
        incident = self._sandbox.incidents.get(uuid_of(incident_id, "incident_id"))
        if incident is None:
            raise not_found("incident")
        return incident

    def _time(self, body: Mapping[str, Any], name: str) -> int:
        """The time of an act (nanoseconds), which lies in the past and after 2022-01-01. Raises
        ApiError(400)."""
        if body.get(name) is None:
            raise invalid(f"{name} is required")
        at = nanos_of(body[name], name)
        if at <= _EARLIEST:
            raise invalid(f"{name} must lie after 2022-01-01")
        if at >= self._sandbox.clock.time() * NANOS:
            raise invalid(f"{name} must lie in the past")
        return at


def actor_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The actor that a body names, who needs a name and exactly one address. Raises ApiError(400)."""
    actor = body.get("actor")
    if not isinstance(actor, Mapping) or not isinstance(actor.get("name"), str):
        raise invalid("actor.name is required")
    if not actor["name"].strip():
        raise invalid("actor.name is required")
    found: dict[str, Any] = {"name": actor["name"], "via": _via(actor.get("via"))}
    for way, key in _ADDRESSES.items():
        if actor.get(way) is None:
            continue
        address = field_of(actor[way], key) if isinstance(actor[way], Mapping) else None
        if not isinstance(address, str) or not address or (way == "email" and "@" not in address):
            raise invalid(f"actor.{way} has no valid {key}")
        found[way] = {key: address}
    if len(found) != 3:
        raise invalid("actor needs exactly one of email, slack, pagerduty")
    return found


def _via(given: Any) -> str:
    """By which way the actor acts. Unless a caller says otherwise, by the API."""
    if given in (None, "", 0, "VIA_UNSPECIFIED"):
        return "api"
    for name, number in VIAS.items():
        if given in (number, f"VIA_{name.upper()}"):
            return name
    raise invalid("actor.via is unknown")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = field_of(body, name)
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"{name} is required")
    return value


def _state(body: Mapping[str, Any]) -> str:
    given = body.get("state")
    state = _STATES.get(_STATE_NUMBERS.get(given, "") if isinstance(given, int) else str(given))
    if state is None:
        raise invalid("state must be STATE_OPEN, STATE_CLOSED or STATE_CANCELLED")
    return state
