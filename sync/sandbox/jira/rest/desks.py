"""The API of Jira Service Management (``/rest/servicedeskapi``): service desks, their request types and
organizations.

Cloud takes a project's id or key in place of a desk's id. Data Center opens what it calls experimental
to callers that say so alone. Refusals have a form of their own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sync.sandbox.jira.fields.apps import Organizations, RequestType
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.model import Option, Project
from sync.sandbox.jira.site.state import FieldType, Site


def _refusal(status: int, words: str) -> Problem:
    body = {"errorMessage": words, "i18nErrorMessage": {"i18nKey": "sd.error", "parameters": []}}
    return Problem(status, raw=json.dumps(body).encode())


def _page(call: Call, rows: Sequence[dict[str, Any]], most: int) -> Response:
    start = max(0, call.number("start", 0))
    size = min(most, max(1, call.number("limit", 50)))
    shown = list(rows[start : start + size])
    page = {
        "_expands": [],
        "size": len(shown),
        "start": start,
        "limit": size,
        "isLastPage": start + size >= len(rows),
        "_links": {"self": f"{call.base}{call.path}", "base": call.base, "context": ""},
        "values": shown,
    }
    return Response(200, page)


def _desks(site: Site, call: Call) -> dict[str, Project]:
    """The service projects that the caller can see, by the desk's id."""
    found = [one for one in site.visible_projects(call) if one.service]
    return {str(number): one for number, one in enumerate(found, 1)}


def _desk(site: Site, call: Call) -> tuple[str, Project]:
    name = call.params["desk"]
    for id_, one in _desks(site, call).items():
        if name == id_ or (site.cloud and name in (one.key, one.id)):
            return id_, one
    raise _refusal(404, "The service desk ID does not exist or you do not have access to it.")


def _shown(call: Call, id_: str, one: Project) -> dict[str, Any]:
    return {
        "id": id_,
        "projectId": one.id,
        "projectName": one.name,
        "projectKey": one.key,
        "_links": {"self": f"{call.base}/rest/servicedeskapi/servicedesk/{id_}"},
    }


def desks(site: Site, call: Call) -> Response:
    """All service desks that the caller can see, page by page."""
    rows = [_shown(call, id_, one) for id_, one in _desks(site, call).items()]
    return _page(call, rows, 50)


def desk(site: Site, call: Call) -> Response:
    """One service desk."""
    return Response(200, _shown(call, *_desk(site, call)))


def _options(site: Site, kind: type[FieldType]) -> tuple[Option, ...]:
    return next((one.options for one in site.fields.values() if isinstance(one.type, kind)), ())


def request_types(site: Site, call: Call) -> Response:
    """The request types of a desk: Data Center does not tell their keys, by which the field is set."""
    id_, _ = _desk(site, call)
    rows = [
        {
            "_expands": ["field"],
            "id": one.id,
            "name": one.value,
            "description": "",
            "helpText": "",
            "serviceDeskId": id_,
            "groupIds": ["1"],
            **({"portalId": id_} if site.cloud else {}),
        }
        for one in _options(site, RequestType)
    ]
    return _page(call, rows, 100)


def organizations(site: Site, call: Call) -> Response:
    """The organizations of a desk, for its agents alone."""
    _desk(site, call)
    if call.user is None or call.user.account_id in site.no_agents:
        raise _refusal(403, "You must be an agent of the service desk to do this.")
    if not site.cloud and "x-experimentalapi" not in {name.lower() for name in call.headers}:
        raise _refusal(412, "This resource is experimental; set the header X-ExperimentalApi.")
    at = f"{call.base}/rest/servicedeskapi/organization"
    rows = [
        {"id": one.id, "name": one.value, "_links": {"self": f"{at}/{one.id}"}}
        for one in _options(site, Organizations)
    ]
    return _page(call, rows, 50)
