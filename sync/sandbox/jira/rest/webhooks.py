"""Webhooks that administrators register: list, make, change, delete.

Cloud and Data Center 9 take flat fields. Data Center 10 has another path, keeps filters, secret and
``EXCLUDE_BODY`` as texts under ``configuration``, and passes over fields that it does not know. Cloud
takes a secret as ``secret``; Data Center 9 takes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sync.sandbox.jira.jql import parser
from sync.sandbox.jira.site.call import Call, Problem, Response
from sync.sandbox.jira.site.events import EVENTS, Webhook
from sync.sandbox.jira.site.state import Site

# The key of the filter that JQL stands under.
_ISSUES = "issue-related-events-section"
_OLD, _NEW = "/rest/webhooks/1.0/webhook", "/rest/jira-webhook/1.0/webhooks"


def has_configuration(site: Site) -> bool:
    """Whether the site is a Data Center 10 or later."""
    return not site.cloud and int(site.version.partition(".")[0]) >= 10


def root(site: Site) -> str:
    """The path at which this site has its webhooks."""
    return _NEW if has_configuration(site) else _OLD


def listing(site: Site, call: Call) -> Response:
    _administrator(site, call)
    shown = [_shown(site, call, one) for one in site.webhooks.values() if not one.form]
    return Response(200, shown)


def get(site: Site, call: Call) -> Response:
    _administrator(site, call)
    return Response(200, _shown(site, call, _one(site, call)))


def create(site: Site, call: Call) -> Response:
    _administrator(site, call)
    body = call.json()
    if not body.get("name") or not body.get("url"):
        raise Problem(400, "A webhook needs a name and a url.")
    made = Webhook(str(next(site.ids)), "", "", ())
    _take(site, call, made, body)
    site.webhooks[made.id] = made
    return Response(201, _shown(site, call, made))


def change(site: Site, call: Call) -> Response:
    _administrator(site, call)
    one = _one(site, call)
    _take(site, call, one, call.json())
    return Response(200, _shown(site, call, one))


def delete(site: Site, call: Call) -> Response:
    _administrator(site, call)
    del site.webhooks[_one(site, call).id]
    return Response(204)


def _administrator(site: Site, call: Call) -> None:
    """Raises Problem(401 or 403) for everybody else."""
    if call.user is None:
        raise Problem(401, "Client must be authenticated to access this resource.")
    if not site.administrates(call.user):
        raise Problem(403, "You are not authorized to perform this operation. Administrators only.")


def _one(site: Site, call: Call) -> Webhook:
    found = site.webhooks.get(call.params["webhook"])
    if found is None or found.form:
        raise Problem(404, f"There is no webhook with the id {call.params['webhook']}.")
    return found


def _take(site: Site, call: Call, one: Webhook, body: Mapping[str, Any]) -> None:
    """Give a webhook what a body says of it; what the body leaves out stays as it is.

    Raises Problem(400), and then changes nothing.
    """
    configured = has_configuration(site)
    within = body.get("configuration") if configured else body
    if within is None:
        within = {}
    if not isinstance(within, Mapping):
        raise Problem(400, "'configuration' must be an object.")
    events, jql = _events(body, one), _jql(within, one, configured=configured)
    one.events, one.jql = events, jql
    one.name, one.url = str(body.get("name", one.name)), str(body.get("url", one.url))
    one.description = str(body.get("description", one.description))
    one.enabled = _yes(body.get("active" if configured else "enabled", one.enabled))
    exclude = "EXCLUDE_BODY" if configured else "excludeBody"
    one.exclude_body = _yes(within.get(exclude, one.exclude_body))
    if site.cloud or configured:
        one.secret = str(within.get("SECRET" if configured else "secret", one.secret) or "")
    one.by, one.at = call.user.account_id if call.user else "", call.now


def _events(body: Mapping[str, Any], one: Webhook) -> tuple[str, ...]:
    events = body.get("events", list(one.events))
    if not isinstance(events, list) or not all(isinstance(name, str) for name in events):
        raise Problem(400, "'events' must be a list of the names of events.")
    unknown = [name for name in events if name not in EVENTS]
    if unknown:
        raise Problem(400, f"There is no event with the name {unknown[0]}.")
    return tuple(events)


def _jql(within: Mapping[str, Any], one: Webhook, *, configured: bool) -> str:
    filters = within.get("FILTERS" if configured else "filters", {_ISSUES: one.jql})
    if configured and isinstance(filters, str):
        try:
            filters = msgspec.json.decode(filters or "{}")
        except msgspec.DecodeError:
            raise Problem(400, "'FILTERS' is not JSON.") from None
    if not isinstance(filters, Mapping):
        raise Problem(400, "The filters must be an object.")
    jql = str(filters.get(_ISSUES) or "")
    parser.parse(jql)
    return jql


def _yes(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _shown(site: Site, call: Call, one: Webhook) -> dict[str, Any]:
    """A webhook as REST shows it, which never shows the secret."""
    address = f"{call.base}{root(site)}/{one.id}"
    common: dict[str, Any] = {"name": one.name, "url": one.url, "events": list(one.events)}
    filters = {_ISSUES: one.jql} if one.jql else {}
    if has_configuration(site):
        return {
            "id": int(one.id),
            **common,
            "description": one.description,
            "active": one.enabled,
            "scopeType": "global",
            "configuration": {
                "FILTERS": msgspec.json.encode(filters).decode(),
                "EXCLUDE_BODY": str(one.exclude_body).lower(),
            },
            "createdDate": round(one.at * 1000),
            "updatedDate": round(one.at * 1000),
            "self": address,
        }
    by = site.users.get(one.by)
    return {
        **common,
        "description": one.description,
        "filters": filters,
        "excludeBody": one.exclude_body,
        "enabled": one.enabled,
        **({"isSigned": bool(one.secret)} if site.cloud else {}),
        "lastUpdatedUser": "" if by is None else by.account_id if site.cloud else by.name,
        "lastUpdatedDisplayName": "" if by is None else by.display_name,
        "lastUpdated": round(one.at * 1000),
        "self": address,
    }
