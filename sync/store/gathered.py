"""Gathered: the rows about tickets that walks need, read for any number of tickets at once.

Most tickets belong to no incident, and most stores have no strays. Whether a ticket is an exception is
read along with its subjects and its site, so that only the exceptions cost further statements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Row, bindparam, exists, select

from sync.domain.subject import Kind
from sync.store import continuity, journal, memberships, rulebook, subjects
from sync.store.engine import Session
from sync.store.memberships import IncidentOf
from sync.store.tables import (
    Record,
    SiteRow,
    StrayRow,
    SubjectRow,
    TicketRow,
    TicketState,
    table_of,
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows about one ticket: its own, and those of its subjects, oldest first.

    A subject that departed comes last, as it was then, unless it is back.
    """

    row: TicketRow | Record
    subjects: Sequence[SubjectRow | Record] = ()
    # Whether a subject of it is an issue of an incident or an incident with issues, or has left.
    related: bool = False
    # (site, Jira key) of the tickets of an incident's issues.
    issue_tickets: tuple[tuple[str, str], ...] = ()
    # By issue: the incidents it belongs to.
    incidents: Mapping[str, list[IncidentOf]] = field(default_factory=dict)
    # The site and the Jira key of the ticket that this one was merged into, "" where there is none.
    into: tuple[str, str] = ("", "")
    # Whether the store may lack tickets of the site. None where this was not read, and where Jira has a
    # ticket of this key that the store does not know.
    site: SiteRow | None = None
    # What was kept of it before the writes of the edit that is to be undone, oldest first.
    kept: Sequence[Mapping[str, Any]] = ()

    @property
    def refs(self) -> list[str]:
        return [one.ref for one in self.subjects]

    @property
    def incidents_here(self) -> list[str]:
        """Its subjects that are incidents."""
        return [one.ref for one in self.subjects if one.kind == Kind.INCIDENT]


def detached(values: Record | Mapping[str, Any]) -> TicketRow:
    """A ticket's row that belongs to no session: a copy to read, and to change without a database.

    A mapped object costs many times as much, and nothing here needs what it can do.
    """
    mapping = values._mapping if isinstance(values, Row) else values
    return cast("TicketRow", SimpleNamespace(**mapping))


def gathered(session: Session, rows: Sequence[TicketRow | Record]) -> list[Gathered]:
    """What the store holds about these tickets, in the same order, without ``site``."""
    known = subjects.of_tickets(session, [row.id for row in rows if row.id is not None])
    found = [_with_departed(row, known.get(row.id or 0, [])) for row in rows]
    return _with_exceptions(session, found, rows)


def _with_exceptions(
    session: Session, found: list[Gathered], rows: Sequence[TicketRow | Record]
) -> list[Gathered]:
    """What only few tickets have, read where there are any."""
    related = [one for one in found if one.related]
    found = _with_related(session, found, related) if related else found
    merged = [row for row in rows if row.merged]
    found = _with_merged(session, found, merged) if merged else found
    undoing = [one for one in rows if one.undoes is not None]
    return _with_kept(session, found, undoing) if undoing else found


def _with_kept(
    session: Session, found: list[Gathered], rows: Sequence[TicketRow | Record]
) -> list[Gathered]:
    kept: dict[int, Sequence[Mapping[str, Any]]] = {}
    in_force = rulebook.digest_in_force(session)
    for version in {row.undoes for row in rows if row.undoes is not None}:
        ids = [row.id for row in rows if row.undoes == version and row.id is not None]
        for id_, lines in journal.kept(session, ids, version).items():
            # Where the edit was made again after its undo, nothing of it is put back.
            kept[id_] = [line for line in lines if line.get("rules") != in_force]
    return [replace(one, kept=kept.get(one.row.id or 0, ())) for one in found]


def gathered_for_walks(session: Session, rows: Sequence[TicketRow]) -> list[Gathered]:
    """``gathered``, and whether the store may lack tickets, which only walks need."""
    found = gathered(session, rows)
    given = {"sites": sorted({one.row.site for one in found})}
    sites: dict[str, Any] = {row.site: row for row in session.connection().execute(_SITES, given)}
    return [replace(one, site=_site(session, one.row, sites.get(one.row.site))) for one in found]


def _site(session: Session, row: TicketRow | Record, site: Any) -> SiteRow | None:
    if site is None or not site.strays:
        return cast("SiteRow | None", site)
    known, stray = continuity.known(session, row.site, row.key)
    return None if stray else known


def _with_departed(row: TicketRow | Record, here: Sequence[Record]) -> Gathered:
    related = any(one.related for one in here)
    if not row.departed:
        return Gathered(row, here, related)
    # A subject that left the ticket speaks for it as it stood then, so that a ticket which all have left
    # is still closed.
    refs = {one.ref for one in here}
    left = [one for one in subjects.departed(row) if one.ref not in refs]
    return Gathered(row, [*here, *left], related or bool(left))


def _with_merged(
    session: Session, found: list[Gathered], merged: Sequence[TicketRow | Record]
) -> list[Gathered]:
    """Each ticket that was merged has ``into``."""
    wanted = {"ids": sorted({row.merged["into"] for row in merged if row.merged})}
    into = {row.id: (row.site, row.jira_key) for row in session.connection().execute(_INTO, wanted)}
    return [
        replace(one, into=into.get(one.row.merged["into"], ("", ""))) if one.row.merged else one
        for one in found
    ]


def _with_related(
    session: Session, found: list[Gathered], related: list[Gathered]
) -> list[Gathered]:
    """An incident's ticket has ``issue_tickets``, an issue's ``incidents``. An incident speaks for the
    issues on its own ticket."""
    hosts = [ref for one in related for ref in one.incidents_here]
    issues = [ref for one in related if not one.incidents_here for ref in one.refs]
    linked = memberships.linked_of_issues(session, hosts)
    incidents = memberships.incidents_with_tickets(session, issues)

    def filled(about: Gathered) -> Gathered:
        if own := about.incidents_here:
            theirs = sorted({one for ref in own for one in linked.get(ref, ())})
            others = tuple((site, key) for id_, site, key in theirs if id_ != about.row.id)
            return replace(about, issue_tickets=others)
        refs = sorted(incidents.keys() & set(about.refs))
        return replace(about, incidents={ref: incidents[ref] for ref in refs})

    return [filled(one) if one.related else one for one in found]


_TICKET = table_of(TicketRow)
_INTO = select(_TICKET.c.id, _TICKET.c.site, _TICKET.c.jira_key).where(
    _TICKET.c.id.in_(bindparam("ids", expanding=True)), _TICKET.c.state == TicketState.LINKED.value
)
_SITE, _STRAY = map(table_of, (SiteRow, StrayRow))
_SITES = select(_SITE, exists().where(_STRAY.c.site == _SITE.c.site).label("strays")).where(
    _SITE.c.site.in_(bindparam("sites", expanding=True))
)
