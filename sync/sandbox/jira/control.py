"""The control API under ``/sandbox/``: tests and people inspect and change the site by HTTP."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from litestar import Router, delete, get, post, put
from litestar.connection import Request
from litestar.exceptions import ClientException, NotFoundException
from litestar.response import Response

from sync.sandbox.acts import Unknown, misfit, wanted
from sync.sandbox.jira.board.views import fragment
from sync.sandbox.jira.outbox import WebhookFaults
from sync.sandbox.jira.person import Refusal
from sync.sandbox.jira.ready_site import AUTOMATION
from sync.sandbox.jira.server import JiraSandbox
from sync.sandbox.jira.site.events import EVENTS
from sync.sandbox.jira.site.model import User
from sync.sandbox.jira.site.rate_limits import Limits

_ACTIONS = (
    "edit", "create", "transition", "bulk_transition", "resolve", "assign", "comment",
    "edit_comment", "delete_comment", "delete", "move", "add_labels", "remove_labels", "write_around",
)  # fmt: skip


def _act(sandbox: JiraSandbox, body: bytes) -> Any:
    """Have a person do something.

    ``body`` is ``{"do": "edit", "as": "data.owner", "args": ["DATA-1"], "with": {"summary": "…"}}``.

    Returns the new ticket's key, the new comment's id, or None. Raises ClientException.
    """
    try:
        one = wanted(body, _ACTIONS)
    except ValueError as why:
        raise ClientException(str(why)) from None
    act = getattr(sandbox.person(_user(sandbox, one.person or "data.owner")), one.do)
    if wrong := misfit(act, one.args, one.named):
        raise ClientException(wrong)
    try:
        return act(*one.args, **one.named)
    except (Refusal, Unknown) as why:
        raise ClientException(f"{one.do}: {why}") from None


def _user(sandbox: JiraSandbox, name: Any) -> User:
    people = {one.name: one for one in sandbox.site.users.values()}
    if not isinstance(name, str) or name not in people:
        raise ClientException(f"'as' must be one of {', '.join(people)}")
    return people[name]


def _webhooks(sandbox: JiraSandbox) -> Router:
    """Webhooks, rules of Jira Automation, and what goes wrong on the way of deliveries."""
    outbox = sandbox.outbox

    @get("/", sync_to_thread=True)
    def deliveries() -> dict[str, Any]:
        with outbox.changed:
            rows = [
                {
                    "url": one.url,
                    "event": one.event,
                    "issue": str(one.issue),
                    "outcome": one.outcome,
                    "statuses": [attempt.reply.status for attempt in one.attempts],
                }
                for one in outbox.sendings
            ]
            return {"pending": outbox.pending, "dropped": outbox.dropped, "deliveries": rows}

    @post("/")
    async def add(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        try:
            made = sandbox.add_webhook(**{**given, "events": tuple(given.get("events", EVENTS))})
        except TypeError as why:
            raise ClientException(f"not a webhook: {why}") from None
        return {"id": made.id}

    @delete("/", sync_to_thread=True)
    def clear() -> None:
        with sandbox.lock:
            sandbox.site.webhooks.clear()

    @put("/faults")
    async def faults(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        try:
            outbox.faults = WebhookFaults(**given)
        except TypeError as why:
            raise ClientException(f"not faults of deliveries: {why}") from None
        return asdict(outbox.faults)

    @post("/robots")
    async def robot(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        user = _user(sandbox, given.pop("as", AUTOMATION.name))
        do, args = given.pop("do", ""), given.pop("args", ())
        if do not in _ACTIONS:
            raise ClientException(f"'do' must be one of {', '.join(_ACTIONS)}")
        try:
            made = sandbox.add_robot(do, *args, user=user, **given)
        except TypeError as why:
            raise ClientException(f"not a rule: {why}") from None
        return {"do": made.do, "event": made.event, "status": made.status}

    return Router("/webhooks", route_handlers=[deliveries, add, clear, faults, robot])


def control(sandbox: JiraSandbox) -> Router:
    """The routes of one sandbox."""

    @get("/tickets", sync_to_thread=True)
    def tickets(request: Request[Any, Any, Any]) -> list[dict[str, Any]]:
        label = request.query_params.get("label", "")
        found = sandbox.tickets(deleted=request.query_params.get("deleted") == "true")
        return [asdict(one) for one in found if not label or label in one.labels]

    @get("/ticket", sync_to_thread=True)
    def ticket(request: Request[Any, Any, Any]) -> dict[str, Any]:
        try:
            return asdict(sandbox.ticket(request.query_params.get("key", "")))
        except KeyError:
            raise NotFoundException("no such ticket") from None

    @get("/board", sync_to_thread=True, media_type="text/html")
    def board(request: Request[Any, Any, Any]) -> str:
        return fragment(sandbox, request.query_params.get("project", ""))

    @get("/calls", sync_to_thread=True)
    def calls() -> dict[str, Any]:
        with sandbox.lock:
            counted = sorted(sandbox.calls.items())
        return {
            "total": sum(count for _, count in counted),
            "in_flight": sandbox.in_flight,
            "peak_in_flight": sandbox.peak_in_flight,
            "calls": [
                {"method": method, "path": path, "status": status, "count": count}
                for (method, path, status), count in counted
            ],
        }

    @get("/faults", sync_to_thread=True)
    def faults() -> list[dict[str, Any]]:
        return [asdict(one) for one in sandbox.faults.active]

    @post("/faults")
    async def add_fault(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        try:
            return asdict(sandbox.faults.add(**given))
        except (TypeError, ValueError) as why:
            raise ClientException(f"not a fault: {why}") from None

    @delete("/faults", sync_to_thread=True)
    def clear_faults() -> None:
        sandbox.faults.clear()

    @post("/act", status_code=200)
    async def do(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return {"result": _act(sandbox, await request.body())}

    @put("/lag")
    async def lag(request: Request[Any, Any, Any]) -> dict[str, Any]:
        sandbox.index_lag = float((await request.json())["seconds"])
        return {"seconds": sandbox.index_lag}

    @put("/limits")
    async def limits(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        site = sandbox.site
        with sandbox.lock:
            if site.limits is None:
                site.limits = Limits(cloud=site.cloud)
            site.limits.bursts = {name: float(most) for name, most in given["bursts"].items()}
            site.limits.silent = bool(given.get("silent"))
        return {"bursts": dict(site.limits.bursts), "silent": site.limits.silent}

    @post("/advance", status_code=200)
    async def advance(request: Request[Any, Any, Any]) -> dict[str, Any]:
        sandbox.advance(float((await request.json())["seconds"]))
        return {"now": sandbox.site.now()}

    @put("/permissions")
    async def permissions(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        sandbox.deny(given["project"], *given.get("deny", ()))
        if given.get("allow"):
            sandbox.allow(given["project"], *given["allow"])
        denied = sandbox.site.projects[given["project"]].denied
        return {"denied": {account: sorted(names) for account, names in denied.items()}}

    @put("/users")
    async def users(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        changes = {key: value for key, value in given.items() if key != "name"} or {"active": False}
        try:
            sandbox.change_user(given["name"], **changes)
        except (KeyError, TypeError):
            raise ClientException("'name' must be a user name, the rest attributes") from None
        return changes

    @put("/options")
    async def options(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        try:
            sandbox.rename_options(given["field"], given["names"])
        except (KeyError, AttributeError):
            raise ClientException("'field' must be a field's id, 'names' old and new") from None
        return {"options": [o.value for o in sandbox.site.fields[given["field"]].options]}

    @put("/version")
    async def version(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = str((await request.json())["version"])
        if not re.fullmatch(r"\d+\.\d+\.\d+", given):
            raise ClientException("'version' must be three numbers, such as 9.12.17")
        sandbox.site.version = given
        return {"version": given}

    @put("/projects")
    async def projects(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        try:
            project = sandbox.site.projects[given["key"]]
        except KeyError:
            raise ClientException("'key' must be the key of a project") from None
        project.assigns_lead = bool(given.get("assigns_lead"))
        return {"assigns_lead": project.assigns_lead}

    @put("/language")
    async def speak(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = await request.json()
        sandbox.translate(given["language"], given.get("names", {}))
        return {"language": given["language"]}

    @put("/database")
    async def database(request: Request[Any, Any, Any]) -> dict[str, Any]:
        sandbox.site.basic_plane_only = bool((await request.json())["basic_plane_only"])
        return {"basic_plane_only": sandbox.site.basic_plane_only}

    @put("/scopes")
    async def scopes(request: Request[Any, Any, Any]) -> dict[str, Any]:
        given = list((await request.json())["scopes"])
        sandbox.limit_scopes(*given)
        return {"scopes": given}

    @post("/reset", status_code=204, sync_to_thread=True)
    def reset() -> Response[None]:
        sandbox.reset()
        return Response(None, status_code=204)

    return Router(
        "/sandbox",
        route_handlers=[
            tickets, ticket, board, calls, faults, add_fault, clear_faults, do, lag, limits,
            advance, permissions, users, options, projects, version, database, speak, scopes, reset,
            _webhooks(sandbox),
        ],
    )  # fmt: skip
