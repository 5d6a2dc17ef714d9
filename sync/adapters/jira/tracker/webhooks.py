"""The webhooks that administrators have made on a site, as its REST API lists them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, records
from sync.domain.errors import Missing

_WHAT = "listing the site's webhooks"
# Cloud and Data Center up to 9, and Data Center from 10 on.
_LISTS = (
    Call.get("webhook", _WHAT, api="1.0", root="webhooks"),
    Call.get("webhooks", _WHAT, api="1.0", root="jira-webhook"),
)
_ISSUES = "issue-related-events-section"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook. ``url`` may hold a secret. ``jql`` is "" where the webhook is for all tickets.
    ``signed`` is None where Jira does not say."""

    name: str
    url: str
    events: frozenset[str]
    jql: str = ""
    enabled: bool = True
    sends_body: bool = True
    signed: bool | None = None


def webhooks(calls: Calls) -> list[Webhook]:
    """The webhooks of a site. Raises Rejected where our account is no administrator, Missing where the
    site has no such list, and the other faults of a read."""
    old, new = _LISTS
    try:
        raw = calls.make(old)
    except Missing:
        raw = calls.make(new)
    return [_webhook(one) for one in records(raw)]


def _webhook(raw: Mapping[str, Any]) -> Webhook:
    configuration = raw.get("configuration")
    # Data Center from 10 on keeps these as texts in a table of their own.
    within = configuration if isinstance(configuration, Mapping) else raw
    enabled = raw.get("enabled", raw.get("active", True))
    excluded = within.get("EXCLUDE_BODY", within.get("excludeBody", False))
    events = raw.get("events")
    signed = raw.get("isSigned")
    return Webhook(
        name=str(raw.get("name") or ""),
        url=str(raw.get("url") or ""),
        events=frozenset(map(str, events)) if isinstance(events, list) else frozenset(),
        jql=_jql(within.get("FILTERS", within.get("filters"))),
        enabled=_yes(enabled),
        sends_body=not _yes(excluded),
        signed=signed if isinstance(signed, bool) else None,
    )


def _jql(filters: Any) -> str:
    if isinstance(filters, str):
        try:
            filters = json.loads(filters or "{}")
        except (ValueError, RecursionError):
            return ""
    return str(filters.get(_ISSUES) or "").strip() if isinstance(filters, Mapping) else ""


def _yes(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
