"""Jira's webhooks as notices: which ticket changed. Nothing else in a body is believed.

The forms of a body: Jira's own webhooks (``webhookEvent``, ``issue``), events of comments on Data
Center (no ``issue``; the id stands in the comment's address), and Automation's "Send web request" in
Jira's format (``issue``) and in its own (``id`` at the top). Ids come as text and as numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from sync.adapters.jira.webhook.proof import Proof, WebhookSecrets
from sync.domain.errors import Unreadable
from sync.domain.notice import Notice
from sync.ports import Verifier

# The events after which a ticket of ours, or a comment on one, may not be as we left it. To Jira, a move
# to another project is an update. Links, attachments, worklogs and properties change nothing that rules
# ask for.
NEEDED = (
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
)

_NONE = msgspec.Raw()
# No id, event or time is longer. Whatever is longer is not looked into.
_LONGEST = 500
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_COMMENT = re.compile(r"/issue/([0-9]{1,18})/comment/", re.ASCII)
# Milliseconds until the year 5138.
_LATEST = 10**14


class _Message(msgspec.Struct):
    """The parts of a body that are read. ``Raw`` leaves all else unread, however large."""

    webhookEvent: msgspec.Raw = _NONE  # noqa: N815
    timestamp: msgspec.Raw = _NONE
    issue: msgspec.Raw = _NONE
    comment: msgspec.Raw = _NONE
    id: msgspec.Raw = _NONE


class _Part(msgspec.Struct):
    id: msgspec.Raw = _NONE
    self: msgspec.Raw = _NONE


# With older versions of msgspec, its errors are no ValueErrors.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_message, _part = msgspec.json.Decoder(_Message), msgspec.json.Decoder(_Part)


class JiraNotices:
    """The webhooks of one Jira site (implements ``ports.NoticeSource``)."""

    def __init__(self, site: str, secrets: WebhookSecrets) -> None:
        self.site = site
        self.path = f"/webhooks/jira/{site}"
        self._secrets = secrets

    def verifier(self, headers: Mapping[str, str], in_path: str) -> Verifier:
        """Begin to check where a webhook comes from."""
        return Proof(self._secrets, headers, in_path)

    def read(self, body: bytes) -> Notice:
        """The ticket that a body names. Raises Unreadable where the body is no JSON."""
        try:
            message = _message.decode(body)
        except msgspec.ValidationError:
            # JSON, but no object: a web request of Automation may hold any text.
            return Notice("")
        except _UNREADABLE as error:
            raise Unreadable(f"the body cannot be read as JSON ({type(error).__name__})") from error
        event, at = _plain(message.webhookEvent), _plain(message.timestamp)
        when = at / 1000 if isinstance(at, int) and 0 < at < _LATEST else 0.0
        if event is not None and event not in NEEDED:
            return Notice("", _shown(event), when)
        return Notice(_ticket(message), _shown(event), when)


def _ticket(message: _Message) -> str:
    """The id of the ticket, "" where the body names none."""
    issue = _opened(message.issue)
    if issue is not None:
        return _id(_plain(issue.id))
    comment = _opened(message.comment)
    if comment is not None:
        found = _COMMENT.search(str(_plain(comment.self)))
        return found[1] if found else ""
    return _id(_plain(message.id)) if _plain(message.webhookEvent) is None else ""


def _opened(raw: msgspec.Raw) -> _Part | None:
    """The object within a body, None for anything else."""
    if not bytes(raw):
        return None
    try:
        return _part.decode(raw)
    except _UNREADABLE:
        return None


def _plain(raw: msgspec.Raw) -> str | int | None:
    """A short text or a whole number, None for anything else."""
    data = memoryview(raw)
    if not 0 < len(data) <= _LONGEST:
        return None
    try:
        value = msgspec.json.decode(data)
    except _UNREADABLE:
        return None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def _id(value: str | int | None) -> str:
    text = str(value)
    return text if _ID.fullmatch(text) else ""


def _shown(event: str | int | None) -> str:
    return str(event)[:100] if event is not None else ""
