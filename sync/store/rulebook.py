"""Queries on rule sets: the one in force, the one that waits to be accepted, the one that is refused.

The store keeps the rule files' texts by file name. Every replica and every verb of the command line
thus uses the same rules, whatever its own disk holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import delete
from sqlmodel import Session, col, select

from sync.store.engine import change, put
from sync.store.tables import RuleSetRow, RuleSetState

IN_FORCE, WAITING, PROBLEM = RuleSetState.IN_FORCE, RuleSetState.WAITING, RuleSetState.REFUSED
SAVED = RuleSetState.SAVED


@dataclass(frozen=True, slots=True)
class Edition:
    """A rule set in force. ``at`` (seconds since the epoch) says when the set came into force, ``how``
    by what, in words. While tickets have still to be made due for the edit, ``previous`` holds the
    texts of the set before, and ``reach`` says which tickets: ``all`` that differ, or only ``new`` and
    parked ones. ``shipped``: the rules are those that come with the program, not those of a folder of
    the user; None where an older version did not record it. ``telling`` has, by rule that tells
    upstream, since when it has told what it tells now (``RuleSet.tellings``). ``undoes`` is the version
    of the rules whose writes are put back, None where no edit is undone."""

    digest: str
    texts: Mapping[str, str]
    how: str
    at: float
    previous: Mapping[str, str] | None = None
    reach: str = "all"
    shipped: bool | None = False
    telling: Mapping[str, str] = field(default_factory=dict)
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edit that waits for `rules accept`: the digest of the edited set, how many tickets the edit
    would change and make, how many subjects were looked at, and since when the edit waits. ``mistakes``
    says what Jira would not take."""

    digest: str
    changed: int
    made: int
    looked_at: int
    at: float
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """The rules that an account saved last: the digest of their texts (``texts_digest``), and when.
    ``undoes`` is as in ``Edition``."""

    digest: str
    account: str
    at: float
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the rules on disk cannot be used: each mistake in words."""

    words: tuple[str, ...] = ()
    at: float = 0.0


def changed_at(session: Session) -> float | None:
    """When the set in force was last written. Much cheaper than ``in_force``."""
    query = select(RuleSetRow.at).where(col(RuleSetRow.state) == IN_FORCE)
    return session.exec(query).first()


def digest_in_force(session: Session) -> str | None:
    """The digest of the set in force; None before the first start. Much cheaper than ``in_force``."""
    query = select(RuleSetRow.digest).where(col(RuleSetRow.state) == IN_FORCE)
    return session.exec(query).first()


def in_force(session: Session, *, lock: bool = False) -> Edition | None:
    """The set in force, locked against other writers if asked; None before the first start."""
    row = session.get(RuleSetRow, IN_FORCE, with_for_update=lock or None)
    if row is None:
        return None
    about = row.digest, row.texts, row.how, row.at, row.previous, row.reach, row.shipped
    return Edition(*about, row.telling, row.undoes)


def put_in_force(session: Session, edition: Edition) -> None:
    """Put a set in force, and remove the edit that waits, if any."""
    put(session, RuleSetRow(state=IN_FORCE, **asdict(edition)))
    clear(session, WAITING)


def waiting(session: Session) -> Waiting | None:
    """The edit that waits to be accepted, if any."""
    row = session.get(RuleSetRow, WAITING)
    if row is None:
        return None
    return Waiting(row.digest, row.changed, row.made, row.looked_at, row.at, tuple(row.mistakes))


def put_waiting(session: Session, edit: Waiting) -> None:
    """Record that an edit waits to be accepted."""
    put(session, RuleSetRow(state=WAITING, **{**asdict(edit), "mistakes": list(edit.mistakes)}))


def saved(session: Session) -> Saved | None:
    """Which rules were saved last by an account, if any were."""
    row = session.get(RuleSetRow, SAVED)
    return Saved(row.digest, row.how, row.at, row.undoes) if row else None


def put_saved(session: Session, one: Saved) -> None:
    """Record who saved the rules on disk."""
    row = RuleSetRow(state=SAVED, digest=one.digest, how=one.account, at=one.at)
    row.undoes = one.undoes
    put(session, row)


def saved_by(session: Session, texts: Mapping[str, str]) -> str:
    """The account that saved these texts, "" where they were edited on disk."""
    one = saved(session)
    return one.account if one is not None and one.digest == texts_digest(texts) else ""


def undone_by(session: Session, texts: Mapping[str, str]) -> int | None:
    """The version of the rules that whoever saved these texts wants undone, None for none."""
    one = saved(session)
    return one.undoes if one is not None and one.digest == texts_digest(texts) else None


def texts_digest(texts: Mapping[str, str]) -> str:
    """The digest of rule files by their texts, remarks included."""
    data = json.dumps(sorted(texts.items())).encode()
    return hashlib.sha256(data).hexdigest()


def problem(session: Session) -> Problem | None:
    """What keeps the rules on disk from being used, if anything."""
    row = session.get(RuleSetRow, PROBLEM)
    return Problem(tuple(row.mistakes), row.at) if row else None


def put_problem(session: Session, found: Problem) -> None:
    """Record what keeps the rules on disk from being used."""
    put(session, RuleSetRow(state=PROBLEM, mistakes=list(found.words), at=found.at))


def clear(session: Session, state: RuleSetState) -> None:
    """Remove the set that waits (``WAITING``) or is refused (``PROBLEM``)."""
    change(session, delete(RuleSetRow).where(col(RuleSetRow.state) == state))
