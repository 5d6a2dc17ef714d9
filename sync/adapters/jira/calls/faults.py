"""Every outside outcome, sorted: refused, rejected, unknown, site down, missing.

What proves that a call did nothing: it never got a connection, or Jira answered it with a 4xx. A
read timeout, a dropped connection, a 5xx, a redirect or an unreadable answer prove nothing.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from sync.adapters.jira.calls import error_body as jira_words
from sync.adapters.jira.calls.rate_limits import retry_after
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


class Conflict(Refused):
    """Somebody else changed the same thing at the same time (HTTP 409)."""


class Safety(Enum):
    """What doing a call twice would mean. ``LOOK_FIRST`` is idempotent too, but what somebody else did
    meanwhile must not be undone: it is repeated at once only where it is proven not done."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    LOOK_FIRST = "look first"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sorted outcome. ``doubt``: ask ``myself`` before believing it, because Jira answers like
    this too when it does not know us (``fresh``: a recent answer will not do). ``unanswered``: nothing
    but a gateway, if that, spoke."""

    fault: Fault
    doubt: bool = False
    fresh: bool = False
    unanswered: bool = False


_MAINTENANCE = re.compile(
    r"maintenance|being upgraded|re-?index(ing)? in progress|is starting up|startup is in progress"
    r"|temporarily unavailable|site is unavailable",
    re.IGNORECASE,
)
# What Jira also says, as a 400, to somebody it does not recognise or who may not.
_DOUBTFUL = re.compile(
    r"cannot be set|permission|logged in|log in|anonymous|not authori[sz]ed|project is required"
    r"|does not exist|not visible",
    re.IGNORECASE,
)
_PERMISSION = re.compile(r"permission|not authori[sz]ed|not allowed to", re.IGNORECASE)
# Whole sentences of Jira's about a project. The words alone prove nothing: validators have them too.
_NO_PROJECT = re.compile(
    r"\W*((an? )?(valid )?project( id or key)? is required|specify a valid project"
    r"|no project could be found"
    r"|(the |this )?project( with (id|key))?( ['\"\w-]{1,80})? (does not exist|is archived"
    r"|(could|was) not (be )?found|is not visible|is not available))",
    re.IGNORECASE,
)
_MAY_NOT_CREATE = re.compile(
    r"\W*(you|anonymous users|your account|the user)\b.{0,40}"
    r"(do(es)? not have|don't have|cannot|can't|not allowed|not permitted)\b.{0,40}"
    r"\bcreate (issues|work items)( in (this|the) project\b.*)?\W*",
    re.IGNORECASE,
)
_TLS_SET_UP = {
    "CERTIFICATE_VERIFY_FAILED",
    "WRONG_VERSION_NUMBER",
    "UNSUPPORTED_PROTOCOL",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception with all it wraps, the ways ``requests`` and ``urllib3`` wrap them."""
    seen: set[int] = set()
    open_: list[object] = [error]
    while open_:
        current = open_.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        open_ += [current.__cause__, getattr(current, "reason", None), *current.args]


def _never_sent(error: BaseException) -> bool:
    """Whether this proves that no byte of the request got through."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    for link in _chain(error):
        if isinstance(
            link,
            NewConnectionError | NameResolutionError | ConnectionRefusedError | socket.gaierror,
        ):
            return True
        if isinstance(link, ssl.SSLCertVerificationError):
            return True
        if isinstance(link, ssl.SSLError) and getattr(link, "reason", "") in _TLS_SET_UP:
            return True
    return False


def of_exception(error: requests.RequestException, what: str, safety: Safety) -> Verdict:
    """Sort a call that got no answer. ``what`` says what was being done, as in "creating a ticket"."""
    kind = type(error).__name__
    if isinstance(
        error,
        requests.exceptions.InvalidURL
        | requests.exceptions.MissingSchema
        | requests.exceptions.InvalidSchema
        | requests.exceptions.InvalidHeader,
    ):
        return Verdict(
            Rejected(
                f"{what}: the site's address or credentials cannot be used ({kind})",
                remedy="Correct `url`, `email` and `token` of the site in config.toml.",
            )
        )
    if _never_sent(error):
        words = f"{what}: no connection to the site ({kind})"
        return Verdict(Refused(words, scope=Scope.SITE), unanswered=True)
    words = f"{what}: the connection broke before an answer came ({kind})"
    if safety is Safety.READ:
        return Verdict(Refused(words), unanswered=True)
    return Verdict(Unknown(words), unanswered=True)


def _login_fault(status: int, headers: Mapping[str, str], said: str) -> SiteDown | None:
    reason = headers.get("X-Authentication-Denied-Reason") or ""
    seraph = headers.get("X-Seraph-LoginReason") or ""
    if "CAPTCHA" in reason.upper() or "AUTHENTICATION_DENIED" in seraph.upper():
        return SiteDown(
            "Jira asks our account for a CAPTCHA: log in once in a browser as that account",
            outage=Outage.CAPTCHA,
        )
    if reason or status == 401 or (status >= 400 and "AUTHENTICATED_FAILED" in seraph.upper()):
        tail = f": {said}" if said else ""
        return SiteDown(
            f"Jira does not accept our credentials (HTTP {status}){tail}; check the site's email and "
            "token, which may have expired",
            outage=Outage.AUTHENTICATION,
        )
    return None


def of_reply(
    status: int,
    headers: Mapping[str, str],
    body: str,
    *,
    what: str,
    safety: Safety,
    now: float,
    name_of: Callable[[str], str] = str,
) -> Verdict:
    """Sort an answer that is not the success hoped for. ``now`` is seconds since the epoch."""
    words = jira_words.read(body)
    said = words.sentence(name_of)
    told = f"{what}: HTTP {status}" + (f", {said}" if said else "")
    wait = retry_after(headers, now)
    # Something on the way may say 403 to one ticket's text: what is Jira's speaks of a permission.
    denied = _denied(told, said, Scope.PROJECT if _PERMISSION.search(words.text) else Scope.TICKET)
    if status == 401 and _PERMISSION.search(words.text):
        # Data Center says 401 for a missing permission to link.
        return Verdict(denied, doubt=True, fresh=True)
    if (login := _login_fault(status, headers, said)) is not None:
        return Verdict(login)
    if status == 403:
        return Verdict(denied, doubt=True)
    if status == 429:
        return Verdict(Refused(f"{what}: Jira's rate limit", retry_after=wait, scope=Scope.SITE))
    if 300 <= status < 400:
        told += " (a redirect: check the site's `url`)"
        return Verdict(Refused(told) if safety is Safety.READ else Unknown(told))
    if status >= 500:
        if status == 503 and _MAINTENANCE.search(body[:20_000]):
            if safety is Safety.ONCE:
                return Verdict(Unknown(told), unanswered=True)
            return Verdict(
                SiteDown(
                    f"Jira is under maintenance{': ' + said if said else ''}",
                    outage=Outage.MAINTENANCE,
                    retry_after=wait,
                )
            )
        gateway = status in (502, 503, 504)
        if safety is Safety.READ:
            return Verdict(Refused(told, retry_after=wait), unanswered=gateway)
        # What a gateway gave up may still be under way behind it.
        over = status not in (502, 504)
        return Verdict(Unknown(told, retry_after=wait, over=over), unanswered=gateway)
    return _of_4xx(status, words, told, said, wait, name_of)


def _denied(told: str, said: str, scope: Scope) -> Rejected:
    return Rejected(
        said or told,
        cause=Cause.PERMISSION,
        remedy="Give our account this permission in the project's permission scheme.",
        scope=scope,
    )


def _of_4xx(
    status: int,
    words: jira_words.Words,
    told: str,
    said: str,
    wait: float | None,
    name_of: Callable[[str], str],
) -> Verdict:
    if status == 409:
        return Verdict(Conflict(told, retry_after=wait))
    if status in (408, 423, 425):
        return Verdict(Refused(told, retry_after=wait))
    if status == 404:
        return Verdict(Missing(told), doubt=True, fresh=True)
    ids = list(words.errors)
    if any(_MAY_NOT_CREATE.fullmatch(text) for text in words.messages):
        return Verdict(_denied(told, said, Scope.PROJECT), doubt=True)
    cause, remedy, scope = Cause.OTHER, "", Scope.TICKET
    if {"project", "pid"} & set(ids) or any(_NO_PROJECT.match(text) for text in words.messages):
        cause, scope = Cause.PROJECT, Scope.PROJECT
        remedy = "Check the rule's `project`, and that our account may create issues in it."
    elif "issuetype" in ids:
        cause, scope = Cause.ISSUE_TYPE, Scope.PROJECT
        remedy = "Name an issue type the project has, as `issue_type` in the rule."
    elif ids:
        cause = Cause.FIELD
        remedy = "Correct the field in the rule, or put it on the project's screen."
    elif _PERMISSION.search(words.text):
        cause = Cause.PERMISSION
        remedy = "Give our account this permission in the project's permission scheme."
    fields = ", ".join(name_of(id_) for id_ in ids)
    fault = Rejected(said or told, cause=cause, field=fields, remedy=remedy, scope=scope)
    return Verdict(fault, doubt=bool(_DOUBTFUL.search(words.text)))
