"""Gathered: the rows about tickets that walks need, read for any number of tickets at once.

Most tickets belong to no incident, and most stores have no strays. Whether a ticket is an exception is
read along with its subjects and its site, so that only the exceptions cost further statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Row, bindparam, exists, select

from sync.domain.subject import Kind
from sync.store import continuity, memberships, subjects
from sync.store.engine import Session
from sync.store.memberships import IncidentOf
from sync.store.tables import (
    LinkRow,
    MembershipRow,
    SiteRow,
    StrayRow,
    SubjectRow,
    TicketRow,
    TicketState,
    table_of,
)

# How many tickets one statement asks for; databases limit the parameters of a statement.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows about one ticket: its own, and those of its subjects, oldest first.

    ``departed`` subjects are left out of ``subjects`` where they are back.
    """

    row: TicketRow
    subjects: Sequence[SubjectRow] = ()
    # Whether a subject of it is an issue of an incident, or an incident with issues.
    related: bool = False
    # (site, Jira key) of the tickets of an incident's issues.
    issue_tickets: tuple[tuple[str, str], ...] = ()
    # By issue: the incidents it belongs to.
    incidents: Mapping[str, list[IncidentOf]] = field(default_factory=dict)
    # Whether the store may lack tickets of the site. None where this was not read, and where Jira has a
    # ticket of this key that the store does not know.
    site: SiteRow | None = None


def detached(values: Row[Any] | Mapping[str, Any]) -> TicketRow:
    """A ticket's row that belongs to no session: a copy to read, and to change without a database.

    A mapped object costs twenty times as much, and nothing here needs what it can do.
    """
    mapping = values._mapping if isinstance(values, Row) else values
    return cast("TicketRow", SimpleNamespace(**mapping))


def gathered(session: Session, rows: Iterable[TicketRow]) -> list[Gathered]:
    """What the store holds about these tickets, in the same order, without ``site``."""
    rows = list(rows)
    by_ticket: dict[int, list[Any]] = {row.id: [] for row in rows if row.id is not None}
    ids = list(by_ticket)
    for start in range(0, len(ids), BATCH):
        given = {"ids": ids[start : start + BATCH]}
        for one in session.connection().execute(_SUBJECTS, given):
            by_ticket[one.ticket_id].append(one)
    return [_about(session, row, by_ticket[cast("int", row.id)]) for row in rows]


def gathered_for_walks(session: Session, rows: Iterable[TicketRow]) -> list[Gathered]:
    """``gathered``, and whether the store may lack tickets, which only walks need."""
    found = gathered(session, rows)
    given = {"sites": sorted({one.row.site for one in found})}
    sites: dict[str, Any] = {row.site: row for row in session.connection().execute(_SITES, given)}
    return [replace(one, site=_site(session, one.row, sites.get(one.row.site))) for one in found]


def _site(session: Session, row: TicketRow, site: Any) -> SiteRow | None:
    if site is None or not site.strays:
        return cast("SiteRow | None", site)
    known, stray = continuity.known(session, row.site, row.key)
    return None if stray else known


def _about(session: Session, row: TicketRow, found: list[Any]) -> Gathered:
    related = any(one.related for one in found)
    here = {one.ref for one in found}
    # A subject that left the ticket speaks for it as it stood then, so that a ticket which all have left
    # is still closed.
    left = [one for one in subjects.departed(row) if one.ref not in here] if row.departed else []
    about = Gathered(row, [*found, *left], related)
    if not related and not left:
        return about
    own = [one.ref for one in about.subjects if one.kind == Kind.INCIDENT]
    if not own:
        issues = [one.ref for one in about.subjects]
        return replace(about, incidents=memberships.incidents_with_tickets(session, issues))
    members = memberships.tickets_of_issues(session, own)
    linked = (t for t in members if t.state == TicketState.LINKED and t.id != row.id)
    return replace(about, issue_tickets=tuple((t.site, t.jira_key) for t in linked))


_S, _L, _M, _SITE, _STRAY = map(table_of, (SubjectRow, LinkRow, MembershipRow, SiteRow, StrayRow))
_SUBJECTS = (
    select(
        _S,
        _L.c.ticket_id,
        (exists().where(_M.c.issue == _S.c.ref) | exists().where(_M.c.incident == _S.c.ref)).label(
            "related"
        ),
    )
    .join(_L, _L.c.subject == _S.c.ref)
    .where(_L.c.ticket_id.in_(bindparam("ids", expanding=True)))
    .order_by(_S.c.first_seen_at, _S.c.ref)
)
_SITES = select(_SITE, exists().where(_STRAY.c.site == _SITE.c.site).label("strays")).where(
    _SITE.c.site.in_(bindparam("sites", expanding=True))
)
