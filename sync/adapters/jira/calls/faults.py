"""Sorts the outcome of a call: the data of the answer, or a fault of ``sync.domain.errors``.

Two outcomes prove that a call did nothing: the request never left, or Jira answered with a 4xx. A read
timeout, a dropped connection, a 5xx, a redirect and an unreadable answer prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from sync.adapters.jira.calls import error_body, way
from sync.adapters.jira.calls.client import Unsendable
from sync.adapters.jira.calls.error_body import ErrorBody
from sync.adapters.jira.calls.rate_limits import retry_after
from sync.adapters.jira.calls.request import Call, Safety
from sync.adapters.jira.calls.rights import scope_of
from sync.domain.errors import (
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
from sync.telemetry import concealed


class Conflict(Refused):
    """Somebody else changed the same thing at the same time (HTTP 409)."""


class Doubt(Enum):
    """Whether a refusal must be confirmed by asking Jira who we are.

    Jira answers an unauthenticated caller as it answers a caller without permission. ``RECENT``: an
    answer of a moment ago confirms the refusal. ``FRESH``: only an answer after the refusal does.
    """

    NONE = "none"
    RECENT = "recent"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class SortedAnswer:
    """The JSON of an answer, or the fault that the call ends with.

    ``unanswered``: no answer came, or a gateway in front of Jira answered instead of Jira.
    """

    data: Any = None
    fault: Fault | None = None
    doubt: Doubt = Doubt.NONE
    unanswered: bool = False


# The one fault that only words tell. To know it only shortens the time until calls stop: calls to a
# site that is down in another language fail one by one, until the breaker asks ``myself``.
BY_WORDS_ALONE = "maintenance (HTTP 503)"
_MAINTENANCE = re.compile(
    r"maintenance|being upgraded|re-?index(ing)? in progress|is starting up|startup is in progress"
    r"|temporarily unavailable|site is unavailable",
    re.IGNORECASE,
)
PROJECT_REMEDY = "Check the rule's `project`, and that our account may create issues in it."
_PERMISSION_REMEDY = "Give our account this permission in the project's permission scheme."


def of_exception(call: Call, error: requests.RequestException) -> SortedAnswer:
    """Sort a call that got no answer."""
    if isinstance(error, Unsendable):
        return SortedAnswer(
            fault=Rejected(
                f"{call.what}: the site's address or credentials cannot be used ({error})",
                remedy="Correct `url`, and `email` and `token` or `user` and `password`, of the site in "
                "config.toml.",
            )
        )
    chain = list(_chain(error))
    kind = way.broken(chain) or type(chain[-1]).__name__
    if any(isinstance(link, NewConnectionError | ConnectTimeoutError) for link in chain):
        # ``urllib3`` raises these only while it connects, ``Transport`` only before the first byte. No
        # other exception proves anything: each may also come while the answer is awaited.
        fault: Fault = Refused(f"{call.what}: no connection to the site ({kind})", scope=Scope.SITE)
    else:
        words = f"{call.what}: the connection broke before an answer came ({kind})"
        fault = _may_have_been_done(call, words)
    return SortedAnswer(fault=fault, unanswered=True)


@dataclass(frozen=True, slots=True)
class _Error:
    """An answer other than 2xx. ``said`` has the messages of its body in one line, ``line`` the call,
    the HTTP status and ``said``, ``wait`` the seconds that Jira asks us to wait, None for no wait."""

    call: Call
    status: int
    headers: Mapping[str, str]
    body: str
    words: ErrorBody
    said: str
    line: str
    wait: float | None


def of_reply(
    call: Call, response: requests.Response, *, now: float, name_of: Callable[[str], str] = str
) -> SortedAnswer:
    """Sort an answer. ``now`` is seconds since the epoch, ``name_of`` gives a field's display name."""
    status, headers = response.status_code, response.headers
    if 200 <= status < 300:
        return _of_success(call, response)
    # Some gateways quote the request that they refuse, with its headers.
    body = concealed(response.text)
    words = error_body.parse(body)
    said = words.sentence(name_of)
    line = f"{call.what}: HTTP {status}" + (f", {said}" if said else "")
    error = _Error(call, status, headers, body, words, said, line, retry_after(headers, now))
    if status in (401, 403) and _scope_does_not_match(error):
        return SortedAnswer(fault=LacksScope(call, said))
    if status == 407:
        return SortedAnswer(fault=SiteDown(way.stranger(response), outage=Outage.AUTHENTICATION))
    if (login := _login_fault(error)) is not None:
        return SortedAnswer(fault=login)
    if status == 401:
        # Data Center answers a missing permission to link with 401. ``myself`` tells whether the log-in
        # was rejected.
        return SortedAnswer(fault=_forbidden(error), doubt=Doubt.FRESH)
    if 300 <= status < 400:
        line += f": {way.stranger(response)}"
        return SortedAnswer(fault=_may_have_been_done(call, line))
    if status >= 500:
        return _of_5xx(error)
    return _BY_STATUS[status](error) if status in _BY_STATUS else _of_400(error, name_of)


def _of_success(call: Call, response: requests.Response) -> SortedAnswer:
    if not response.content:
        return SortedAnswer()
    try:
        return SortedAnswer(response.json())
    except (ValueError, RecursionError):
        line = f"{call.what}: HTTP {response.status_code}, but the answer {way.stranger(response)}"
        return SortedAnswer(fault=_may_have_been_done(call, line))


def _may_have_been_done(call: Call, words: str) -> Refused | Unknown:
    return Refused(words) if call.safety is Safety.READ else Unknown(words)


class LacksScope(Rejected):
    """The token is known, and has scopes, but not ``needed``, that of this call. Other calls work."""

    def __init__(self, call: Call, said: str) -> None:
        self.needed = scope_of(call)
        super().__init__(
            f"{call.what}: the token lacks the scope {self.needed}; Jira says: {said}",
            cause=Cause.PERMISSION,
            remedy="Give the site a `token` with this scope; docs/permissions.md lists all.",
            scope=Scope.PROJECT,
        )


def _scope_does_not_match(error: _Error) -> bool:
    """Whether the gateway before Jira refused the call because of the token's scopes.

    RFC 6750 names the header. Atlassian's gateway sends a body, always in English, with ``code`` instead
    of the ``errorMessages`` of Jira, whose words may be a validator's.
    """
    if "insufficient_scope" in (error.headers.get("WWW-Authenticate") or ""):
        return True
    said = error.words.text.casefold()
    return "scope does not match" in said or (error.words.code == error.status and "scope" in said)


def _forbidden(error: _Error) -> Rejected:
    # That the account lacks the permission is asked of Jira, see ``Calls``: a 403 may also be a proxy's,
    # because of one ticket's text.
    remedy = _PERMISSION_REMEDY
    if error.status == 401:
        remedy = f"{remedy[:-1]}, or its token the scope {scope_of(error.call)}."
    return Rejected(error.said or error.line, cause=Cause.PERMISSION, remedy=remedy)


def _login_fault(error: _Error) -> SiteDown | None:
    reason = error.headers.get("X-Authentication-Denied-Reason") or ""
    seraph = (error.headers.get("X-Seraph-LoginReason") or "").upper()
    if "CAPTCHA" in reason.upper() or "AUTHENTICATION_DENIED" in seraph:
        return SiteDown(
            "Jira asks our account for a CAPTCHA: log in once in a browser as that account",
            outage=Outage.CAPTCHA,
        )
    failed = error.status >= 400 and "AUTHENTICATED_FAILED" in seraph
    if reason or failed or (error.status == 401 and error.call.path == "myself"):
        tail = f": {error.said.rstrip('.')}" if error.said else ""
        return SiteDown(
            f"Jira does not accept our credentials (HTTP {error.status}){tail}; check the site's email "
            "and token, or user and password: they may have expired, and an API token of Jira Cloud is "
            "taken only with the email of the account that made it",
            outage=Outage.AUTHENTICATION,
        )
    return None


def _of_5xx(error: _Error) -> SortedAnswer:
    call, status, wait = error.call, error.status, error.wait
    gateway = status in (502, 503, 504)
    if status == 503 and _MAINTENANCE.search(error.body[:20_000]):
        if call.safety is Safety.ONCE:
            return SortedAnswer(fault=Unknown(error.line), unanswered=True)
        words = f"Jira is under maintenance{': ' + error.said if error.said else ''}"
        return SortedAnswer(fault=SiteDown(words, outage=Outage.MAINTENANCE, retry_after=wait))
    if call.safety is Safety.READ:
        return SortedAnswer(fault=Refused(error.line, retry_after=wait), unanswered=gateway)
    # After a gateway's timeout (502, 504), Jira may still be carrying out the call.
    over = status not in (502, 504)
    fault = Unknown(error.line, retry_after=wait, over=over, failed=status == 500)
    return SortedAnswer(fault=fault, unanswered=gateway)


def _later(error: _Error) -> SortedAnswer:
    return SortedAnswer(fault=Refused(error.line, retry_after=error.wait))


def _rate_limited(error: _Error) -> SortedAnswer:
    line = f"{error.call.what}: Jira's rate limit"
    return SortedAnswer(fault=Refused(line, retry_after=error.wait, scope=Scope.SITE))


_BY_STATUS: Mapping[int, Callable[[_Error], SortedAnswer]] = {
    403: lambda error: SortedAnswer(fault=_forbidden(error), doubt=Doubt.RECENT),
    404: lambda error: SortedAnswer(fault=Missing(error.line), doubt=Doubt.FRESH),
    408: _later,
    409: lambda error: SortedAnswer(fault=Conflict(error.line, retry_after=error.wait)),
    423: _later,
    425: _later,
    429: _rate_limited,
}


def _of_400(error: _Error, name_of: Callable[[str], str]) -> SortedAnswer:
    """A call that Jira will refuse each time: the cause, the remedy, and which tickets are concerned."""
    ids = set(error.words.errors)
    cause, remedy, scope = Cause.OTHER, "", Scope.TICKET
    if {"project", "pid"} & ids:
        cause, remedy, scope = Cause.PROJECT, PROJECT_REMEDY, Scope.PROJECT
    elif "issuetype" in ids:
        cause, scope = Cause.ISSUE_TYPE, Scope.PROJECT
        remedy = "Name an issue type the project has, as `issue_type` in the rule."
    elif ids:
        cause = Cause.FIELD
        remedy = "Correct the field in the rule, or put it on the project's screen."
    fault = Rejected(
        error.said or error.line,
        cause=cause,
        field=", ".join(map(name_of, error.words.errors)),
        remedy=remedy,
        scope=scope,
    )
    fault.refused = error.words.errors
    # Whatever a 400 says, and in whatever language, Jira may say it to a caller that is not logged in.
    return SortedAnswer(fault=fault, doubt=Doubt.RECENT)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all exceptions that ``requests`` and ``urllib3`` wrapped in it."""
    seen: set[int] = set()
    open_: list[object] = [error]
    while open_:
        current = open_.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        open_ += [current.__cause__, getattr(current, "reason", None), *current.args]
