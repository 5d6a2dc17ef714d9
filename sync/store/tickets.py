"""Queries on tickets, and how one is made due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, String, bindparam, cast, func, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from sync.domain.subject import Status
from sync.store import subjects
from sync.store.engine import Store, change
from sync.store.tables import FormerKeyRow, LinkRow, Record, TicketRow, TicketState, table_of

# How many ids one statement asks for; databases limit the parameters of a statement.
BATCH = 500


def make_due(row: TicketRow, at: float, reason: str, *, look: bool = False) -> None:
    """Let a ticket be walked at ``at`` (seconds since the epoch), or sooner if it is due sooner. With
    ``look``, the walk reads the ticket in Jira in any case."""
    row.wanted += 1
    row.due_at = at if row.due_at is None else min(row.due_at, at)
    row.due_reason = reason[:200]
    row.look = row.look or look


def by_keys(session: Session, keys: Iterable[str]) -> dict[str, TicketRow]:
    """Tickets by our own key, locked."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    query = select(TicketRow).where(col(TicketRow.key).in_(wanted)).with_for_update()
    return {row.key: row for row in session.exec(query)}


def by_ids(session: Session, ids: Iterable[int], *, lock: bool = True) -> dict[int, TicketRow]:
    """Tickets by row id, in that order. With ``lock``, rows are locked against other writers, and rows
    that this session has read before are read again."""
    wanted = sorted(set(ids))
    query = select(TicketRow).order_by(col(TicketRow.id))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found: dict[int, TicketRow] = {}
    for start in range(0, len(wanted), BATCH):
        some = query.where(col(TicketRow.id).in_(wanted[start : start + BATCH]))
        found.update({row.id: row for row in session.exec(some) if row.id is not None})
    return found


def ids_of_keys(session: Session, keys: Iterable[str]) -> list[int]:
    """The row ids of the tickets of our keys, of which there may be any number."""
    wanted, found = sorted(set(keys)), list[int]()
    for start in range(0, len(wanted), BATCH):
        some = col(TicketRow.key).in_(wanted[start : start + BATCH])
        found += session.execute(columns(col(TicketRow.id)).where(some)).scalars()
    return found


def records(session: Session, ids: Iterable[int]) -> list[Record]:
    """Up to ``BATCH`` tickets by row id, in that order; not locked, for reading only."""
    table = TicketRow.__table__  # type: ignore[attr-defined]
    query = columns(*table.columns).where(table.c.id.in_(sorted(set(ids)))).order_by(table.c.id)
    return list(session.execute(query))


def by_jira_ids(
    session: Session, site: str, jira_ids: Iterable[str], *, lock: bool = False
) -> dict[str, TicketRow]:
    """Tickets of a site by their Jira id."""
    wanted = sorted(set(jira_ids))
    if not wanted:
        return {}
    query = select(TicketRow).where(TicketRow.site == site, col(TicketRow.jira_id).in_(wanted))
    if lock:
        query = query.order_by(col(TicketRow.id)).with_for_update()
    return {row.jira_id: row for row in session.exec(query) if row.jira_id}


def ids_of_jira_ids(connection: Connection, site: str, jira_ids: Iterable[str]) -> dict[str, int]:
    """The row ids of a site's tickets by their Jira ids, of which there may be any number. Ids that are
    of no ticket of ours are left out."""
    wanted, found = sorted(set(jira_ids)), dict[str, int]()
    for start in range(0, len(wanted), BATCH):
        given = {"site": site, "wanted": wanted[start : start + BATCH]}
        found.update((jira_id, id_) for jira_id, id_ in connection.execute(_BY_JIRA_IDS, given))
    return found


_TICKETS = table_of(TicketRow)
_BY_JIRA_IDS = columns(_TICKETS.c.jira_id, _TICKETS.c.id).where(
    _TICKETS.c.site == bindparam("site"),
    _TICKETS.c.jira_id.in_(bindparam("wanted", expanding=True)),
)


def keys_of_site(session: Session, site: str) -> Iterator[tuple[int, str, str]]:
    """(Row id, our key, Jira key) of all tickets that a site has, without loading all at once."""
    query = select(TicketRow.id, TicketRow.key, TicketRow.jira_key)
    made = query.where(TicketRow.site == site, col(TicketRow.jira_id).is_not(None))
    for id_, key, jira_key in session.exec(made.execution_options(yield_per=2000)):
        if id_ is not None:
            yield id_, key, jira_key


def due(session: Session, now: float) -> list[TicketRow]:
    """Tickets that are due at ``now``, whether or not they are claimed."""
    return list(session.exec(select(TicketRow).where(col(TicketRow.due_at) <= now)))


def recorded_since(session: Session, since: float) -> list[TicketRow]:
    """Tickets that were recorded at ``since`` (seconds since the epoch) or later."""
    return list(session.exec(select(TicketRow).where(col(TicketRow.created_at) >= since)))


def count_as_made(session: Session) -> None:
    """Let every ticket count as made, without a call, as in a store on which rules are tried."""
    id_ = cast(col(TicketRow.id), String)
    made = {"state": TicketState.LINKED.value, "jira_id": id_, "jira_key": id_, "due_at": None}
    session.flush()
    change(session, update(TicketRow).values(**made))


def rename_rule(store: Store, before: str, after: str, *, limit: int) -> int:
    """Give up to ``limit`` tickets of a renamed rule the new name; how many there were."""
    some = select(TicketRow.id).where(TicketRow.rule == before).limit(limit)
    with store.write() as session:
        return change(
            session, update(TicketRow).where(col(TicketRow.id).in_(some)).values(rule=after)
        )


def told_open(session: Session, ticket_id: int, ref: str) -> bool:
    """Whether upstream was last told of this subject of the ticket that it is open, or is being told
    so."""
    row = session.get(TicketRow, ticket_id)
    if row is None:
        return False
    agreement, opened = row.base.get("agreement") or {}, Status.OPEN.value
    told = ref in agreement.get("ours", {}) and agreement["marks"].get(ref) == opened
    return told or any(
        (one["kind"], one["about"], one["payload"].get("status")) == ("mark", ref, opened)
        for one in row.intents or ()
    )


def made_since(session: Session, rule: str, start: float) -> int:
    """How many tickets of a rule were recorded after ``start``, without those that were spared."""
    query = select(func.count(col(TicketRow.id))).where(
        TicketRow.rule == rule,
        TicketRow.state != TicketState.SPARED,
        col(TicketRow.created_at) > start,
    )
    return session.exec(query).one()


def add(session: Session, row: TicketRow) -> TicketRow:
    """Record a new ticket and give it its id. Raises IntegrityError where its key is taken."""
    session.add(row)
    session.flush()
    return row


def link(session: Session, subject: str, ticket_id: int, now: float) -> None:
    """Let a subject belong to this ticket, and no more to the ticket that it belonged to before."""
    known = session.get(LinkRow, subject)
    if known is None:
        session.add(LinkRow(subject=subject, ticket_id=ticket_id, created_at=now))
    else:
        known.ticket_id = ticket_id


def subjects_on(session: Session, ticket_id: int) -> list[str]:
    """The references of the subjects that belong to a ticket."""
    return list(session.exec(select(LinkRow.subject).where(LinkRow.ticket_id == ticket_id)))


def links(session: Session) -> dict[str, int]:
    """The row id of each subject's ticket, by the subject's reference."""
    return dict(session.exec(select(LinkRow.subject, LinkRow.ticket_id)).all())


def ids_named(session: Session, name: str) -> list[int]:
    """The row ids of all tickets with this name, see ``find``. Several sites may use the same key."""
    former = columns(col(FormerKeyRow.ticket_id)).where(col(FormerKeyRow.jira_key) == name)
    id_ = col(TicketRow.id)
    of_key = columns(id_).where(col(TicketRow.key) == name)
    for query in (
        columns(id_).where(col(TicketRow.jira_key) == name),
        of_key.where(col(TicketRow.merged).is_(None)),
        former,
    ):
        if found := list(session.execute(query).scalars()):
            return sorted(found)
    linked = subjects.ticket_ids(session, [row.ref for row in subjects.named(session, name)])
    # The key of a ticket that was merged into another may be the name of a subject, which is there now.
    return sorted(set(linked.values())) or list(session.execute(of_key).scalars())


def find(session: Session, name: str) -> TicketRow | None:
    """A ticket by its Jira key, our key, a Jira key that it had before, or one of its subjects: the
    whole reference or the id alone."""
    former = select(FormerKeyRow.ticket_id).where(FormerKeyRow.jira_key == name)
    # One query for each kind of name: for an OR of two columns a database may read the whole table.
    of_key = col(TicketRow.key) == name
    for known in (
        col(TicketRow.jira_key) == name,
        of_key & col(TicketRow.merged).is_(None),
        col(TicketRow.id).in_(former),
    ):
        query = select(TicketRow).where(known).order_by(col(TicketRow.id)).limit(1)
        if (found := session.exec(query).first()) is not None:
            return found
    linked = subjects.ticket_ids(session, [row.ref for row in subjects.named(session, name)])
    if linked:
        return session.get(TicketRow, min(linked.values()))
    return session.exec(select(TicketRow).where(of_key)).first()
