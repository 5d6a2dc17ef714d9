"""Whether the store surely holds every ticket of ours on a site, and which ones it does not know.

A store that is new, was restored from a backup, or was moved to another site may lack tickets that were
made in Jira before. Each site therefore has a row that says since when nothing can be missing. A daemon
asks at its start, and now and then, whether the store has gone on from where it was left:

- The row names the place of the store: the SQLite file, or the tables of the PostgreSQL database and the
  server's timeline. A restored copy has another place.
- A file beside the SQLite file (``progress``) says how far the journal had come
  when Jira was changed last. A copy put back in its place has not come that far.
- The row holds a sign of life. What happened since the last one is not known to a store that was put
  back together with its whole machine.

Where the answer is no, tickets of subjects that may be older are looked for in Jira before any is made
(``sync.worker.walk.past``). Those that Jira has and the store does not are kept as strays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import delete, func, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from sync.domain.subject import CLOCK_SKEW
from sync.domain.ticket import TicketRef, marker_label
from sync.store import tickets
from sync.store.engine import Store, change, dialect_of, put
from sync.store.tables import JournalRow, SiteRow, StrayRow

log = structlog.get_logger("store")

# Seconds between two signs of life, and how long none may be missing for a store to have gone on.
MARK_SECONDS = 30.0
GAP_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why tickets may be missing since ``since`` (0: since ever). ``older``: the store is known to be
    older than what Jira holds, so what Jira's index does not show yet may be missing too."""

    words: str
    since: float = 0.0
    older: bool = False


def check(store: Store, sites: Mapping[str, str], now: float) -> None:
    """Look whether the store has gone on, for sites with these addresses, and leave a sign of life.

    For the start of a daemon, and every ``MARK_SECONDS`` from then on: a database can be restored, or
    fail over, under a daemon that runs. Raises StoreUnavailable.
    """
    said: list[tuple[str, Doubt]] = []
    with store.write() as session:
        journal = session.exec(select(func.max(JournalRow.id))).one() or 0
        place, trace = place_of(session, store), _trace(store, journal)
        for site, address in sorted(sites.items()):
            row = session.get(SiteRow, site)
            doubt = _doubt(row, address, place, trace, now)
            if row is None:
                new = SiteRow(
                    site=site, address=address, place=place, whole_since=now, alive_at=now
                )
                put(session, new)
                row = session.get_one(SiteRow, site)
            if doubt is not None:
                row.since = min(row.since, doubt.since) if row.surveyed_at is None else doubt.since
                row.older = doubt.older or (row.older and row.surveyed_at is None)
                row.whole_since, row.surveyed_at = now, None
                said.append((site, doubt))
            row.address, row.place, row.alive_at = address, place, now
    # Deliveries wait for the transaction, and logging may be slow.
    for site, doubt in said:
        say = log.warning if doubt.older else log.info
        say("tickets are looked for before they are made", site=site, reason=doubt.words)
    if store.progress is not None:
        store.progress.put(journal)


def _trace(store: Store, journal: int) -> str:
    """What the file beside the store says against it; "" for nothing."""
    reached = store.progress.get() if store.progress is not None else None
    if reached is None or reached <= journal:
        return ""
    return (
        "the store is an older copy of what was here: things were done since that it does not know"
    )


def _doubt(row: SiteRow | None, address: str, place: str, trace: str, now: float) -> Doubt | None:
    if row is None:
        return Doubt(trace or "the store is new to the site", older=bool(trace))
    if trace:
        return Doubt(trace, row.alive_at, older=True)
    if row.place != place:
        words = "the store is at another place than it was: it was restored, copied or moved"
        return Doubt(words, row.alive_at, older=True)
    if row.address != address:
        return Doubt(f"the site's address was {row.address}")
    if now - row.alive_at > GAP_SECONDS:
        return Doubt(f"no daemon ran for {round(now - row.alive_at)} s", row.alive_at)
    return None


def place_of(session: Session, store: Store) -> str:
    """What identifies the store where it is. Another value does not prove that it was restored."""
    if store.progress is not None:
        return store.progress.place()
    if dialect_of(session) == "sqlite":
        return ""
    identity = "SELECT (SELECT oid FROM pg_database WHERE datname = current_database()), "
    found = session.execute(text(identity + "pg_relation_filenode('tickets')")).one()
    try:
        # Rises when a standby is promoted, or a backup is recovered to a point in time.
        with session.begin_nested():
            timeline = session.execute(
                text("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
            ).scalar_one()
    except SQLAlchemyError:
        timeline = ""
    return f"{found[0]}/{found[1]}/{timeline}"


def known(session: Session, site: str, key: str) -> tuple[SiteRow | None, TicketRef | None]:
    """What is known of a site, None before a daemon began; and the ticket of our ``key`` that Jira has
    and the store does not know, None where there is none."""
    row = session.get(SiteRow, site)
    stray = session.get(StrayRow, (site, marker_label(key)))
    if stray is None or tickets.by_jira_ids(session, site, [stray.jira_id]):
        return row, None
    return row, TicketRef(stray.jira_id, stray.jira_key)


def from_before(session: Session, began: Mapping[str, float | None]) -> tuple[set[str], float]:
    """Which of these subjects surely began before the store did, or before it was restored; and when
    that was. ``began`` and the answer are in seconds since the epoch; None where it is not known."""
    rows = [row for row in session.exec(select(SiteRow)) if not row.since or row.older]
    whole = max((row.whole_since for row in rows), default=0.0)
    # The sender's clock may be behind ours.
    surely = whole - CLOCK_SKEW
    return {ref for ref, at in began.items() if at is not None and at < surely}, whole


def forget_stray(session: Session, site: str, key: str) -> None:
    """The stray turned out to be gone, or none of ours."""
    marker = marker_label(key)
    change(session, delete(StrayRow).where(StrayRow.site == site, StrayRow.marker == marker))  # type: ignore[arg-type]


def surveyed(session: Session, site: str, at: float, found: Mapping[str, TicketRef]) -> int:
    """Jira was asked at ``at`` for all tickets of ours that may be missing; how many strays there are.

    ``found`` are those with the family label, by their markers.
    """
    ids = [ref.id for ref in found.values()]
    known = tickets.ids_of_jira_ids(session.connection(), site, ids)
    unknown = {marker: ref for marker, ref in found.items() if ref.id not in known}
    if unknown:
        # A clone carries the marker of a ticket that is there.
        for _, key, _ in tickets.keys_of_site(session, site):
            unknown.pop(marker_label(key), None)
    row = session.get(SiteRow, site)
    if row is not None:
        row.surveyed_at = at
        row.older = row.older or bool(unknown)
    for marker, ref in unknown.items():
        put(session, StrayRow(site=site, marker=marker, jira_id=ref.id, jira_key=ref.key))
    return len(unknown)
