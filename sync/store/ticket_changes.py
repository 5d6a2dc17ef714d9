"""A ticket as triage reads and changes it, and the statements that write the changes.

A walk may change the ticket between the read and the write. Where triage only made the ticket due, both
changes stand: ``DUE`` counts on from what is there. Any other change is written only where the row still
is as it was read (``WHOLE``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Float,
    Row,
    String,
    bindparam,
    case,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlmodel import Session

from sync.store.claims import Claim, LeaseLost
from sync.store.journal import LONGEST_WORDS, Entry
from sync.store.subjects import Subject
from sync.store.tables import JournalRow, Json, TicketRow, TicketState

_TABLE = TicketRow.__table__  # type: ignore[attr-defined]
# The columns of a ticket that triage reads.
_NAMES = (
    "id",
    "key",
    "rule",
    "site",
    "project",
    "state",
    "jira_key",
    "created_at",
    "departed",
    "due_at",
    "due_reason",
    "wanted",
    "lease_owner",
    "lease_until",
    "parked_at",
    "aside",
    "merged",
)
COLUMNS = tuple(_TABLE.c[name] for name in _NAMES)


@dataclass(slots=True, eq=False)
class Ticket:
    """The columns of a ticket's row that triage reads or changes. ``id`` is None before a new ticket is
    written. Set what is public; the rest is for the slate."""

    key: str
    rule: str
    site: str
    created_at: float
    project: str = ""
    state: str = TicketState.NEW
    jira_key: str = ""
    departed: list[dict[str, Any]] = field(default_factory=list)
    due_at: float | None = None
    wanted: int = 0
    lease_owner: str | None = None
    lease_until: float | None = None
    parked_at: float | None = None
    aside: dict[str, Any] | None = None
    merged: dict[str, Any] | None = None
    id: int | None = None
    # Whether its failures are forgotten, unless it is parked; whether its park is taken off.
    afresh: bool = False
    lifted: bool = False
    due_reason: str = ""
    # The id in Jira of the ticket that it was given (see ``take``).
    taken: str = ""
    # The times for which it was made due, and how often that was.
    _at: float | None = None
    _times: int = 0
    _read: tuple[Any, ...] = ()

    def make_due(self, at: float, reason: str) -> None:
        """Let the ticket be walked at ``at``, or sooner if it is due sooner, as ``tickets.make_due``."""
        self.wanted += 1
        self._times += 1
        self.due_at = at if self.due_at is None else min(self.due_at, at)
        self._at = at if self._at is None else min(self._at, at)
        self.due_reason = reason[:200]

    def release(self, claim: Claim, now: float) -> None:
        """End the walk of this claim; the ticket is due only where it was made due during the walk.
        Raises LeaseLost where the claim has ended."""
        if (self.lease_owner, self.lease_until) != (claim.owner, claim.until):
            raise LeaseLost(f"the lease on ticket {self.id} was lost")
        self.lease_owner = self.lease_until = None
        self.due_at = now if self.wanted != claim.wanted else None

    def spare(self) -> None:
        """The ticket is not needed: not due, not parked, and no walk may put more on record."""
        self.state = TicketState.SPARED
        self.due_at = self.lease_owner = self.lease_until = self.parked_at = None
        self.afresh = self.lifted = True

    def take(self, jira_id: str, jira_key: str, project: str) -> None:
        """It is this ticket in Jira, which others made. No walk may put more on record."""
        self.state, self.taken = TicketState.LINKED, jira_id
        self.jira_key, self.project = jira_key, project
        self.lease_owner = self.lease_until = self.parked_at = None
        self.afresh = self.lifted = True

    def as_taken(self) -> dict[str, Any]:
        """What ``TAKEN`` takes."""
        return {"b_id": self.id, "b_jira_id": self.taken, "b_jira_key": self.jira_key}

    def depart(self, left: Subject) -> None:
        """Keep the state in which a subject left, instead of that of an earlier departure."""
        gone = left.columns()
        self.departed = [*(one for one in self.departed if one["ref"] != gone["ref"]), gone]

    def _standing(self) -> tuple[Any, ...]:
        """What changes only as a whole, and not beside what others do to the ticket."""
        return (
            self.state,
            self.rule,
            self.site,
            self.project,
            self.created_at,
            self.departed,
            self.lease_owner,
            self.lease_until,
            self.parked_at,
            self.aside,
            self.merged,
        )

    def counts(self, rule: str, start: float) -> bool:
        """Whether it is a ticket of a rule, recorded after ``start`` and not spared."""
        return self.rule == rule and self.created_at > start and self.state != TicketState.SPARED

    def counted(self, rule: str, start: float) -> bool:
        """The same, of the ticket as it was read."""
        if not self._read:
            return False
        state, named, _, _, created_at, *_ = self._read
        return bool(named == rule and created_at > start and state != TicketState.SPARED)

    @property
    def only_due(self) -> bool:
        """Whether the ticket was made due, and nothing else of it was changed."""
        return self._read[:11] == self._standing() and not self.lifted

    @property
    def changed(self) -> bool:
        """Whether anything of the ticket was changed since it was read."""
        return (
            bool(self._times) or self._read[11:] != (self.wanted, self.due_at) or not self.only_due
        )

    @classmethod
    def read(cls, row: Row[Any]) -> Ticket:
        """The ticket of a row of ``COLUMNS``."""
        found = cls(**{name: getattr(row, name) for name in _NAMES})
        found._read = (*found._standing(), found.wanted, found.due_at)
        return found

    def as_due(self) -> dict[str, Any]:
        """What ``DUE`` takes."""
        state, rule = self._read[:2]
        return {
            "b_id": self.id,
            "r_state": state,
            "r_rule": rule,
            "b_times": self._times,
            "b_at": self._at,
            "b_due_reason": self.due_reason,
            "b_afresh": self.afresh,
        }

    def as_whole(self) -> dict[str, Any]:
        """What ``WHOLE`` takes."""
        state, rule, _, _, _, _, owner, until, parked, _, _, wanted, due = self._read
        read = (state, rule, wanted, due, owner, until, parked)
        return {
            "b_id": self.id,
            **{f"r_{name}": value for name, value in zip(_GUARDS, read, strict=True)},
            **{f"b_{name}": getattr(self, name) for name in _VALUES},
            "b_afresh": self.afresh,
            "b_lifted": self.lifted,
        }

    def as_new(self) -> dict[str, Any]:
        """The columns of a new row. The others begin empty."""
        return {
            "key": self.key,
            "rule": self.rule,
            "site": self.site,
            "project": self.project,
            "state": str(self.state),
            "jira_key": self.jira_key,
            "due_at": self.due_at,
            "due_reason": self.due_reason,
            "wanted": self.wanted,
            "look": False,
            "attempts": 0,
            "error": "",
            "aside": self.aside,
            "created_at": self.created_at,
        }


_AFRESH = bindparam("b_afresh", type_=Boolean)
_LIFTED = bindparam("b_lifted", type_=Boolean)
_ATTEMPTS = case((_AFRESH & _TABLE.c.parked_at.is_(None), 0), else_=_TABLE.c.attempts)


def _as_read(name: str) -> Any:
    return _TABLE.c[name].is_not_distinct_from(bindparam(f"r_{name}", type_=_TABLE.c[name].type))


# Takes ``Ticket.as_due``. Beside what a walk does meanwhile: counted on, and due no later than asked.
DUE = (
    update(_TABLE)
    .where(
        _TABLE.c.id == bindparam("b_id"),
        _TABLE.c.state == bindparam("r_state"),
        _TABLE.c.rule == bindparam("r_rule"),
    )
    .values(
        wanted=_TABLE.c.wanted + bindparam("b_times"),
        due_at=case(
            (_TABLE.c.due_at < bindparam("b_at"), _TABLE.c.due_at), else_=bindparam("b_at")
        ),
        due_reason=bindparam("b_due_reason"),
        attempts=_ATTEMPTS,
    )
)
# Takes ``Ticket.as_whole``. Only where nothing was done to the ticket since it was read.
_GUARDS = ("state", "rule", "wanted", "due_at", "lease_owner", "lease_until", "parked_at")
_VALUES = (
    "state",
    "rule",
    "site",
    "project",
    "created_at",
    "departed",
    "wanted",
    "due_at",
    "due_reason",
    "lease_owner",
    "lease_until",
    "parked_at",
    "aside",
    "merged",
)
WHOLE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("b_id"), *map(_as_read, _GUARDS))
    .values(
        **{name: bindparam(f"b_{name}", type_=_TABLE.c[name].type) for name in _VALUES},
        parked=case((_LIFTED, null()), else_=_TABLE.c.parked),
        error=case((_LIFTED, ""), else_=_TABLE.c.error),
        attempts=case((_LIFTED, 0), else_=_ATTEMPTS),
    )
)


# Takes ``Ticket.as_taken``, after the rest was written. Without a base, the next walk agrees on what the
# ticket shows then.
TAKEN = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("b_id"))
    .values(
        jira_id=bindparam("b_jira_id"),
        jira_key=bindparam("b_jira_key"),
        base=literal({}, Json),
        intents=literal([], Json),
        seen="",
        look=True,
    )
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A ticket (by its row id) that is to be walked at ``at``, and why, in words for the journal."""

    ticket_id: int
    at: float
    words: str


def make_all_due(
    session: Session, wishes: Iterable[Wish], entry: Entry, reason: str, now: float
) -> int:
    """Make tickets due, each with a line in the journal: ``entry`` with the words of its wish; how many.
    No row is read before, so that none is written over what a walk did meanwhile."""
    ordered = sorted(wishes, key=lambda one: one.ticket_id)
    if not ordered:
        return 0
    connection = session.connection()
    due = [_due(one, reason, look=False) for one in ordered]
    lines = [{"b_id": one.ticket_id, "b_words": one.words[:LONGEST_WORDS]} for one in ordered]
    same = {"b_now": now, "b_action": entry.action, "b_result": entry.result}
    count = connection.execute(_DUE_ANYHOW, due).rowcount
    connection.execute(_LINE, [{**line, **same} for line in lines])
    return count


def make_due_to_look(connection: Connection, wishes: Iterable[Wish]) -> None:
    """Let the next walk of each ticket read it in Jira. The words of its wish are why it is due. No row
    is read before, as in ``make_all_due``."""
    # In the order of all who write several tickets: so no two wait for each other.
    ordered = sorted(wishes, key=lambda one: one.ticket_id)
    if ordered:
        connection.execute(_DUE_ANYHOW, [_due(one, one.words, look=True) for one in ordered])


def _due(wish: Wish, reason: str, *, look: bool) -> dict[str, Any]:
    return {"b_id": wish.ticket_id, "b_at": wish.at, "b_reason": reason[:200], "b_look": look}


_DUE_ANYHOW = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("b_id"))
    .values(
        wanted=_TABLE.c.wanted + 1,
        due_at=case(
            (_TABLE.c.due_at < bindparam("b_at"), _TABLE.c.due_at), else_=bindparam("b_at")
        ),
        due_reason=bindparam("b_reason"),
        look=or_(_TABLE.c.look, bindparam("b_look", type_=Boolean)),
    )
)
_LINE = insert(JournalRow).from_select(
    ["ticket_id", "at", "action", "rule", "result", "words", "detail"],
    select(
        _TABLE.c.id,
        bindparam("b_now", type_=Float),
        bindparam("b_action", type_=String),
        _TABLE.c.rule,
        bindparam("b_result", type_=String),
        bindparam("b_words", type_=String),
        literal({}, Json),
    ).where(_TABLE.c.id == bindparam("b_id")),
)
