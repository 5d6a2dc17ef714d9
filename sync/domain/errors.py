"""Faults: every outside error, sorted by what may be done about it.

Adapters translate; nothing outside an adapter ever sees an HTTP status or a library's exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Fault(Exception):
    """Something outside did not go as wished. ``str()`` is a sentence for people, without secrets."""


class Scope(StrEnum):
    """What a refusal or a rejection covers."""

    SITE = "site"
    PROJECT = "project"
    ENDPOINT = "endpoint"
    TICKET = "ticket"


class Refused(Fault):
    """Proven not done, and may be tried again later (rate limit, harmless 5xx, no connection).

    ``retry_after`` is in seconds, None where the other side did not say.
    """

    def __init__(
        self, words: str, *, retry_after: float | None = None, scope: Scope = Scope.TICKET
    ) -> None:
        super().__init__(words)
        self.retry_after = retry_after
        self.scope = scope


class Stalled(Refused):
    """Not tried, because calls like it hang. ``project`` is the project whose calls hang, so that its
    other tickets can wait as well; "" where the call is about no project."""

    def __init__(self, words: str, *, project: str, retry_after: float) -> None:
        super().__init__(words, retry_after=retry_after, scope=Scope.PROJECT)
        self.project = project


class Unknown(Fault):
    """May have been done: the reply was lost, unreadable, or a server error.

    ``over``: Jira itself has answered, so the call is done already or never will be. ``failed``: Jira
    failed on this call (HTTP 500), and may fail on it each time, because of what the call says.
    ``retry_after`` is in seconds, None where the other side did not say.
    """

    def __init__(
        self,
        words: str,
        *,
        retry_after: float | None = None,
        over: bool = False,
        failed: bool = False,
    ) -> None:
        super().__init__(words)
        self.retry_after = retry_after
        self.over = over
        self.failed = failed


class Cause(StrEnum):
    """What a rejection is about, so that one broken thing parks only its own tickets."""

    FIELD = "field"
    PROJECT = "project"
    ISSUE_TYPE = "issue_type"
    PERMISSION = "permission"
    TRANSITION = "transition"
    RULE = "rule"
    OTHER = "other"


class Rejected(Fault):
    """Permanent: trying the same again gives the same answer, until a person changes something.

    Where one value is refused, ``value`` holds it and ``reason`` the words without it. ``key`` is the
    rule's key that is at fault, as ``fields.priority``, and ``where`` the line at fault, where that is
    known.

    ``scope`` is PROJECT where every new ticket of that project and type would be rejected. ``refused``
    has the words about each field that was refused, by field id, where the other side named them.
    """

    def __init__(
        self,
        words: str,
        *,
        cause: Cause = Cause.OTHER,
        field: str = "",
        remedy: str = "",
        scope: Scope = Scope.TICKET,
        value: str = "",
    ) -> None:
        super().__init__(f"{value!r} {words}" if value else words)
        self.reason = words
        self.value = value
        self.key = ""
        self.where = ""
        self.refused: Mapping[str, str] = {}
        self.scope = scope
        self.cause = cause
        self.field = field
        self.remedy = remedy

    def again(self) -> Rejected:
        """The same refusal for another ticket, whose rule's key and line are filled in anew."""
        return Rejected(
            self.reason,
            value=self.value,
            cause=self.cause,
            field=self.field,
            remedy=self.remedy,
            scope=self.scope,
        )


class Missing(Fault):
    """What was asked for is not there, or not visible to us (Jira answers 404 for both)."""


class Already(Fault):
    """Not done, because everything stands as it was asked for."""


class TicketGone(Missing):
    """A ticket was read and is not there, although Jira knows us and its project is there."""


class Outage(StrEnum):
    """Why a whole site is down for us."""

    AUTHENTICATION = "authentication"
    CAPTCHA = "captcha"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"


class SiteDown(Fault):
    """Nothing on this site can work now: stop calling it, keep accepting, probe at intervals."""

    def __init__(self, words: str, *, outage: Outage, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.outage = outage
        self.retry_after = retry_after


class SitePaused(SiteDown):
    """A person has paused the site until a time: the call was not tried."""

    def __init__(self, words: str) -> None:
        super().__init__(words, outage=Outage.PAUSED)


class Unreadable(Fault):
    """A delivery's body cannot be read: it becomes a dead letter, with these words as the reason."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Why a ticket was set aside, in words, and what a person can do about it.

    ``value`` is the refused value. It is not part of ``reason``, so that tickets with other values can
    be counted under one reason. ``key`` is the rule's key at fault, ``where`` the file and line of that
    key, or of the rule."""

    reason: str
    remedy: str = ""
    cause: Cause = Cause.OTHER
    field: str = ""
    rule: str = ""
    where: str = ""
    value: str = ""
    key: str = ""

    @classmethod
    def of(cls, fault: Rejected, rule: str = "", where: str = "") -> Parked:
        """The park of a ticket after a rejection. ``where`` is used unless the fault names a place."""
        about = (fault.cause, fault.field, rule, fault.where or where, fault.value, fault.key)
        return cls(fault.reason, fault.remedy, *about)

    def again(self) -> Rejected:
        """The rejection that ``of`` was given."""
        about = {"cause": self.cause, "field": self.field, "remedy": self.remedy}
        fault = Rejected(self.reason, value=self.value, **about)  # type: ignore[arg-type]
        fault.key, fault.where = self.key, self.where
        return fault

    def to_json(self) -> dict[str, str]:
        """The form that a ticket's row keeps; ``words`` is the whole sentence."""
        data = {name: str(getattr(self, name)) for name in self.__slots__}
        return {**data, "words": str(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parked:
        """Read back what ``to_json`` wrote. Raises ValueError on an unknown cause."""
        known = {name: str(data[name]) for name in cls.__slots__ if name in data}
        return cls(**{**known, "cause": Cause(known.get("cause", Cause.OTHER))})  # type: ignore[arg-type]

    def __str__(self) -> str:
        place = f" (rule {self.rule!r}, {self.where})" if self.rule else ""
        said = self.reason.casefold()
        what = f"{self.field}: " if self.field and self.field.casefold() not in said else ""
        what += f"{self.value!r} " if self.value else ""
        then = f" {self.remedy}" if self.remedy else ""
        return f"{what}{self.reason}{place}.{then}".replace("..", ".")
