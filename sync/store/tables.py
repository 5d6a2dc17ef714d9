"""The tables. Times are UTC; on SQLite they come back naive, so durations and due times that take
part in comparisons are stored as seconds since the epoch (floats), event times as nanoseconds.

Constraints make bad states impossible: one delivery per event, one snapshot per subject, one ticket
per key, one subject per ticket link, one record per Jira ticket.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

BigId = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")
# Without this, None would be stored as JSON's null, which IS NOT NULL.
OptionalJson = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class DeliveryState(StrEnum):
    """Where a delivery stands. ``dead`` is a dead letter: signed, but not readable."""

    ACCEPTED = "accepted"
    TRIAGED = "triaged"
    DEAD = "dead"


class TicketState(StrEnum):
    """Where a ticket record stands.

    ``unplaced``: its rule fails to say which ticket its subject belongs on; the record stands in for
    that ticket and is never made itself. ``new``: no call made yet. ``creating``: the intent to create
    is on record and the outcome is not; only a search can tell. ``linked``: we know its Jira id.
    ``gone``: deleted in Jira, and the rule says to leave it so. ``spared``: no ticket is needed, because
    the subject ended before its hold was over or is on another ticket.
    """

    UNPLACED = "unplaced"
    NEW = "new"
    CREATING = "creating"
    LINKED = "linked"
    GONE = "gone"
    SPARED = "spared"


class DeliveryRow(SQLModel, table=True):
    """One webhook as received: its raw bytes, and how far we read them."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("id", name="uq_deliveries_id"),
        Index(
            "ix_deliveries_accepted",
            "seq",
            sqlite_where=text("state = 'accepted'"),
            postgresql_where=text("state = 'accepted'"),
        ),
        Index(
            "ix_deliveries_dead",
            "seq",
            sqlite_where=text("state = 'dead'"),
            postgresql_where=text("state = 'dead'"),
        ),
        Index("ix_deliveries_subject", "subject"),
        Index("ix_deliveries_received", "received_at"),
    )

    seq: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    # Derived from source and event id, so that the unique constraint stores a repeated event once.
    id: str = Field(sa_column=Column(String(36), nullable=False))
    source: str = Field(sa_column=Column(String(64), nullable=False))
    event_id: str = Field(default="", sa_column=Column(String(200), nullable=False))
    event_type: str = Field(default="", sa_column=Column(String(64), nullable=False))
    received_at: float = Field(sa_column=Column(Float(53), nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: str = Field(default=DeliveryState.ACCEPTED, sa_column=Column(String(16), nullable=False))
    subject: str = Field(default="", sa_column=Column(String(300), nullable=False))
    outcome: str = Field(default="", sa_column=Column(Text, nullable=False))


class SubjectRow(SQLModel, table=True):
    """The snapshot of a subject, and the ticket it belongs to (through links)."""

    __tablename__ = "subjects"
    __table_args__ = (Index("ix_subjects_event_time", "event_time"),)

    ref: str = Field(sa_column=Column(String(300), primary_key=True))
    source: str = Field(sa_column=Column(String(64), nullable=False))
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    workspace: str = Field(sa_column=Column(String(200), nullable=False))
    status: str = Field(sa_column=Column(String(32), nullable=False))
    event_type: str = Field(sa_column=Column(String(64), nullable=False))
    event_time: int = Field(sa_column=Column(BigInteger, nullable=False))
    event_id: str = Field(sa_column=Column(String(200), nullable=False))
    payload: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    severity: str = Field(default="", sa_column=Column(String(16), nullable=False))
    issue_ids: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    # Bookkeeping of the rule language: when first seen, when last ended, how often it came back.
    first_seen_at: float = Field(sa_column=Column(Float(53), nullable=False))
    ended_at: float | None = Field(default=None, sa_column=Column(Float(53)))
    occurrences: int = Field(default=1, sa_column=Column(Integer, nullable=False))


class TicketRow(SQLModel, table=True):
    """One ticket we keep: its key, where it is in Jira, its base, and when it next wants a walk."""

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("key", name="uq_tickets_key"),
        UniqueConstraint("site", "jira_id", name="uq_tickets_site_jira_id"),
        Index(
            "ix_tickets_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        # For claims on one site while another site, with any number of due tickets, is down. It holds
        # every column that a claim asks for: tickets of a project whose calls hang are skipped without
        # reading their rows.
        Index(
            "ix_tickets_site_due",
            "site",
            "due_at",
            "project",
            "lease_until",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_tickets_rule", "rule", "created_at"),
        # Counts are answered from this index, without reading the rows and their bases.
        Index("ix_tickets_standing", "state", "site", "parked_at", "due_at"),
        Index(
            "ix_tickets_parked",
            "id",
            sqlite_where=text("parked IS NOT NULL"),
            postgresql_where=text("parked IS NOT NULL"),
        ),
        Index(
            "ix_tickets_lease",
            "lease_until",
            sqlite_where=text("lease_until IS NOT NULL"),
            postgresql_where=text("lease_until IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    key: str = Field(sa_column=Column(String(400), nullable=False))
    rule: str = Field(sa_column=Column(String(200), nullable=False))
    site: str = Field(sa_column=Column(String(64), nullable=False))
    project: str = Field(sa_column=Column(String(255), nullable=False))
    state: str = Field(default=TicketState.NEW, sa_column=Column(String(16), nullable=False))
    jira_id: str | None = Field(default=None, sa_column=Column(String(64)))
    jira_key: str = Field(default="", sa_column=Column(String(255), nullable=False))
    base: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))

    # When the ticket next wants a walk (seconds since the epoch), None for "settled". ``wanted`` counts
    # how often the ticket was made due: a walk during which the count grew has not seen everything, and
    # does not settle the ticket.
    due_at: float | None = Field(default=None, sa_column=Column(Float(53)))
    due_reason: str = Field(default="", sa_column=Column(String(200), nullable=False))
    wanted: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    # The next walk reads Jira even where nothing of ours changed (asked for by sweeps and `retry`).
    look: bool = Field(default=False)
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    lease_owner: str | None = Field(default=None, sa_column=Column(String(100)))
    lease_until: float | None = Field(default=None, sa_column=Column(Float(53)))

    # Calls that were begun and whose ends are not known (sync/domain/intent.py). Written before each
    # call, in a commit of its own.
    intents: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(Json, nullable=False, server_default="[]")
    )

    parked: dict[str, Any] | None = Field(default=None, sa_column=Column(OptionalJson))
    parked_at: float | None = Field(default=None, sa_column=Column(Float(53)))
    error: str = Field(default="", sa_column=Column(Text, nullable=False))
    # What the last sweep found on the ticket in Jira, so that each finding is reported once
    # (worker/sweeps/drift.py).
    seen: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    # The subjects that left this ticket for its successor, as they stood when they left: with them the
    # ticket can still be closed. See store/subjects.departed.
    departed: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(Json, nullable=False, server_default="[]")
    )
    created_at: float = Field(sa_column=Column(Float(53), nullable=False))


class LinkRow(SQLModel, table=True):
    """Which ticket a subject belongs to. A subject belongs to one ticket at most."""

    __tablename__ = "links"
    __table_args__ = (Index("ix_links_ticket", "ticket_id"),)

    subject: str = Field(
        sa_column=Column(String(300), ForeignKey("subjects.ref"), primary_key=True)
    )
    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("tickets.id"), nullable=False))
    created_at: float = Field(sa_column=Column(Float(53), nullable=False))


class JournalRow(SQLModel, table=True):
    """What was done for a ticket, when, by which rule, with what result."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_ticket", "ticket_id", "id"), Index("ix_journal_at", "at"))

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    ticket_id: int | None = Field(default=None, sa_column=Column(BigId))
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    action: str = Field(sa_column=Column(String(32), nullable=False))
    rule: str = Field(default="", sa_column=Column(String(200), nullable=False))
    result: str = Field(default="ok", sa_column=Column(String(16), nullable=False))
    words: str = Field(default="", sa_column=Column(Text, nullable=False))
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))


class WatermarkRow(SQLModel, table=True):
    """How far something has come: sweeps, backfills, the rule set in force.

    The lease says who is at it now; its times are the database's, so that replicas whose clocks
    differ agree on when it ends.
    """

    __tablename__ = "watermarks"

    name: str = Field(sa_column=Column(String(200), primary_key=True))
    value: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    lease_owner: str | None = Field(default=None, sa_column=Column(String(100)))
    lease_until: float | None = Field(default=None, sa_column=Column(Float(53)))


class MembershipRow(SQLModel, table=True):
    """An issue that belongs to an incident, as the API told. Either may be unknown to us yet."""

    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_issue", "issue"),)

    incident: str = Field(sa_column=Column(String(300), primary_key=True))
    issue: str = Field(sa_column=Column(String(300), primary_key=True))


class RunResult(StrEnum):
    """How a run of a sweep stands. ``died``: its process was gone before it ended. ``lost``: it was
    taken for dead and another went on. ``disabled``: the credentials lack a permission."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    DISABLED = "disabled"
    LOST = "lost"
    DIED = "died"


class SweepRunRow(SQLModel, table=True):
    """One run of a sweep: what it looked at, what it found, what it did about it.

    The window is the time of the other side that it covered (seconds since the epoch); ``detail`` is
    counts by reason.
    """

    __tablename__ = "sweep_runs"
    __table_args__ = (
        Index("ix_sweep_runs_started", "started_at"),
        Index("ix_sweep_runs_sweep", "sweep", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    sweep: str = Field(sa_column=Column(String(100), nullable=False))
    owner: str = Field(sa_column=Column(String(100), nullable=False))
    started_at: float = Field(sa_column=Column(Float(53), nullable=False))
    seconds: float | None = Field(default=None, sa_column=Column(Float(53)))
    window_from: float = Field(sa_column=Column(Float(53), nullable=False))
    window_to: float = Field(sa_column=Column(Float(53), nullable=False))
    result: str = Field(default=RunResult.RUNNING, sa_column=Column(String(16), nullable=False))
    looked: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    missing: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    stale: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    wrong: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    repaired: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    failed: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    calls: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    words: str = Field(default="", sa_column=Column(Text, nullable=False))
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
