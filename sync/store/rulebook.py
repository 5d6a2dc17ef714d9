"""The rule set in force, shared by all processes: its sources, what waits to be accepted, what is wrong.

Kept in the watermarks table, as texts by file name, so that every replica and every verb of the
command line speaks of the same rules, whatever lies on its own disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlmodel import Session, col, select

from sync.store.tables import WatermarkRow

IN_FORCE = "rules: in force"
WAITING = "rules: waiting"
PROBLEM = "rules: problem"


@dataclass(frozen=True, slots=True)
class Edition:
    """A rule set in force. ``at`` is when it came into force (seconds since the epoch), ``how`` says by
    what, in words. ``previous`` holds the texts of the set before it while tickets have still to be
    made due; ``reach`` says which: ``all`` that it changes, or only ``new`` ones and parked ones."""

    digest: str
    texts: Mapping[str, str]
    how: str
    at: float
    previous: Mapping[str, str] | None = None
    reach: str = "all"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edit that waits for `rules accept`: the set's digest and how many tickets it would touch."""

    digest: str
    changed: int
    made: int
    looked_at: int
    at: float


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the rules on disk cannot be used: each mistake in words."""

    words: tuple[str, ...] = field(default=())
    at: float = 0.0


def changed_at(session: Session) -> float | None:
    """When the set in force was last written; a cheap question."""
    query = select(WatermarkRow.at).where(col(WatermarkRow.name) == IN_FORCE)
    return session.exec(query).first()


def in_force(session: Session, *, lock: bool = False) -> Edition | None:
    """The set in force, locked against other writers if asked; None before the first start."""
    found = _get(session, IN_FORCE, lock=lock)
    return Edition(**found) if found else None


def put_in_force(session: Session, edition: Edition) -> None:
    """Put a set in force; what waited waits no more."""
    _put(session, IN_FORCE, asdict(edition), edition.at)
    clear(session, WAITING)


def waiting(session: Session) -> Waiting | None:
    """The edit that waits to be accepted, if any."""
    found = _get(session, WAITING)
    return Waiting(**found) if found else None


def put_waiting(session: Session, edit: Waiting) -> None:
    """Say that an edit waits to be accepted."""
    _put(session, WAITING, asdict(edit), edit.at)


def problem(session: Session) -> Problem | None:
    """What keeps the rules on disk from being used, if anything."""
    found = _get(session, PROBLEM)
    return Problem(tuple(found["words"]), found["at"]) if found else None


def put_problem(session: Session, found: Problem) -> None:
    """Say what keeps the rules on disk from being used."""
    _put(session, PROBLEM, {"words": list(found.words), "at": found.at}, found.at)


def clear(session: Session, name: str) -> None:
    """Take back what is kept under ``WAITING`` or ``PROBLEM``."""
    row = session.get(WatermarkRow, name)
    if row is not None:
        session.delete(row)


def _get(session: Session, name: str, *, lock: bool = False) -> dict[str, Any] | None:
    row = session.get(WatermarkRow, name, with_for_update=lock or None)
    return dict(row.value) if row else None


def _put(session: Session, name: str, value: dict[str, Any], at: float) -> None:
    row = session.get(WatermarkRow, name)
    if row is None:
        session.add(WatermarkRow(name=name, value=value, at=at))
    else:
        row.value = value
        row.at = at
