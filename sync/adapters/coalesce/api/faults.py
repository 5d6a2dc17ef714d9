"""The API's answers, sorted into values and faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from sync.adapters.coalesce.message.fields import get, text
from sync.domain.errors import (
    Already,
    Cause,
    Fault,
    Missing,
    Outage,
    Refused,
    Rejected,
    Scope,
    SiteDown,
    Unknown,
)
from sync.domain.text import one_line
from sync.telemetry import concealed

_WORDS = 300
_LONGEST_WAIT = 3600.0


class NotOffered(Rejected):
    """The API does not have the call."""

    def __init__(self, words: str) -> None:
        super().__init__(
            words,
            cause=Cause.PERMISSION,
            remedy="Ask Coalesce Quality whether this workspace has it.",
        )


def fault_of(
    reply: httpx2.Response, what: str, *, scope: str, safe: bool, now: float
) -> Fault | None:
    """The fault that an answer stands for; None for a 2xx.

    ``what`` names the call for people (``list issues``), ``scope`` the permission that the call needs.
    A ``safe`` call changes nothing upstream, so an error of the server leaves no doubt about its effect.
    Of any other call a 503 proves nothing, unless it says when to try again: a proxy also answers 503
    when the server ends the connection after it has read the call.
    """
    status = reply.status_code
    if 200 <= status < 300:
        return None
    words = f"the API of Coalesce Quality answered {status} to {what}{_detail(reply)}"
    if status == 401:
        return SiteDown(words, outage=Outage.AUTHENTICATION)
    if status == 403:
        return Rejected(
            f"the API credentials may not {what} (403{_detail(reply)})",
            cause=Cause.PERMISSION,
            remedy=f"Give the API client the scope to {scope}, in the settings of Coalesce Quality.",
        )
    if status == 404:
        return Missing(words)
    if status == 409 and not safe:
        return Already(words)
    if status in (405, 501):
        return NotOffered(f"the API of Coalesce Quality does not offer to {what} ({status})")
    if status == 429 or status >= 500:
        return _for_now(status, words, safe=safe, wait=retry_after(reply, now))
    if 300 <= status < 400:
        return Rejected(
            words, remedy="Set url in [coalesce.api] to the address that it redirects to."
        )
    return Rejected(words)


def _for_now(status: int, words: str, *, safe: bool, wait: float | None) -> Fault:
    """The fault of an answer that may be another one later. ``wait`` is what the API asks for."""
    if status == 429:
        return Refused(words, retry_after=wait, scope=Scope.SITE)
    if safe or (status == 503 and wait is not None):
        return Refused(words, retry_after=wait, scope=Scope.ENDPOINT)
    return Unknown(words)


def retry_after(reply: httpx2.Response, now: float) -> float | None:
    """The wait that the API asks for (seconds, at most an hour); None if it asks for none."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    wait = (at - datetime.fromtimestamp(now, tz=UTC)).total_seconds()
    return min(max(0.0, wait), _LONGEST_WAIT)


def content(reply: httpx2.Response, what: str) -> Mapping[str, Any]:
    """The object in an answer. Raises Refused for any other answer, such as an error page of a proxy."""
    try:
        value = json.loads(reply.content) if reply.content else {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, Mapping):
        raise Refused(f"the answer to {what} is not what the API of Coalesce Quality sends")
    return value


def _detail(reply: httpx2.Response) -> str:
    try:
        # The error may quote the request with its credentials.
        value = json.loads(concealed(reply.text))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, Mapping):
        return ""
    words = text(get(value, "message")) or text(get(value, "error_description"))
    words = one_line(words or text(get(value, "error")), _WORDS)
    return f": {words}" if words else ""
