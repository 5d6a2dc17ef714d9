"""The tables of the store.

Times are seconds since the epoch (floats), because SQLite has no type for times with a zone; event
times are nanoseconds since the epoch. Constraints make bad states impossible: one delivery per event,
one snapshot per subject, one ticket per key, one ticket per subject, one row per Jira ticket.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Row
from sqlmodel import Field, SQLModel

BigId = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")
# Stores None as SQL's NULL. A plain JSON column stores None as JSON's null, which IS NOT NULL.
OptionalJson = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def table_of(row: Any) -> Table:
    """The table of a row class, for statements without row objects, which cost a fraction."""
    return cast("Table", row.__table__)


def _partial_index(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class DeliveryState(StrEnum):
    """``accepted``: waits for triage. ``dead``: a dead letter, whose signature is right and whose body
    cannot be read."""

    ACCEPTED = "accepted"
    TRIAGED = "triaged"
    DEAD = "dead"


class TicketState(StrEnum):
    """How far a ticket has come.

    ``unplaced``: the rule's template for the ticket's key fails; the row keeps the failure and is never
    made in Jira. ``new``: no call to create the ticket was made. ``creating``: the intent to create is
    on record and the outcome is not, so the ticket has to be searched for in Jira. ``linked``: the
    ticket's Jira id is known. ``gone``: deleted in Jira, and the rule makes no new one. ``spared``: not
    needed, because its subject ended during the rule's hold or is on another ticket.
    """

    UNPLACED = "unplaced"
    NEW = "new"
    CREATING = "creating"
    LINKED = "linked"
    GONE = "gone"
    SPARED = "spared"


class DeliveryRow(SQLModel, table=True):
    """One webhook as received: its raw bytes, and what became of it."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("id", name="uq_deliveries_id"),
        _partial_index("ix_deliveries_accepted", "seq", where="state = 'accepted'"),
        _partial_index("ix_deliveries_dead", "seq", where="state = 'dead'"),
        Index("ix_deliveries_subject", "subject"),
        Index("ix_deliveries_received", "received_at"),
        Index("ix_deliveries_type", "event_type", "seq"),
    )

    seq: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    # Derived from source and event id: the unique constraint stores a repeated event once.
    id: str = Field(sa_column=Column(String(36), nullable=False))
    source: str = Field(sa_column=Column(String(64), nullable=False))
    event_id: str = Field(default="", sa_column=Column(String(200), nullable=False))
    event_type: str = Field(default="", sa_column=Column(String(64), nullable=False))
    received_at: float = Field(sa_column=Column(Float(53), nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: str = Field(default=DeliveryState.ACCEPTED, sa_column=Column(String(16), nullable=False))
    subject: str = Field(default="", sa_column=Column(String(300), nullable=False))
    outcome: str = Field(default="", sa_column=Column(Text, nullable=False))
    # The counted attempts to triage it that are under way or did not end: see sync/store/attempts.py.
    attempts: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )


class DeliverySubjectRow(SQLModel, table=True):
    """A further subject of a delivery with several events. The first is in the delivery's own row."""

    __tablename__ = "delivery_subjects"
    __table_args__ = (Index("ix_delivery_subjects_subject", "subject"),)

    delivery: int = Field(
        sa_column=Column(BigId, ForeignKey("deliveries.seq", ondelete="CASCADE"), primary_key=True)
    )
    subject: str = Field(sa_column=Column(String(300), primary_key=True))


class TriageRow(SQLModel, table=True):
    """The one row by which triage knows whether it was overtaken: how often its lock was taken."""

    __tablename__ = "triage"

    id: int = Field(default=1, sa_column=Column(Integer, primary_key=True, autoincrement=False))
    turn: int = Field(sa_column=Column(BigInteger, nullable=False))
    # How many rows of ``expected`` wait for their subjects, so that triage asks that table only where
    # there are any.
    expected: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


class ExpectedRow(SQLModel, table=True):
    """A subject that was not known yet when a person said which ticket is to be its own: the id of the
    subject, and the ticket in Jira. It is gone once the subject has the ticket."""

    __tablename__ = "expected"

    subject_id: str = Field(sa_column=Column(String(200), primary_key=True))
    source: str = Field(sa_column=Column(String(64), primary_key=True))
    site: str = Field(sa_column=Column(String(64), nullable=False))
    jira_id: str = Field(sa_column=Column(String(64), nullable=False))
    jira_key: str = Field(sa_column=Column(String(255), nullable=False))
    project: str = Field(sa_column=Column(String(255), nullable=False))
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    by: str = Field(sa_column=Column(String(200), nullable=False))
    # Why the subject did not get the ticket when it was heard of; "" while it is not heard of.
    words: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))


class EpicRow(SQLModel, table=True):
    """An epic that a rule names, in one project. ``digest`` is that of its name and issue type, ``at``
    when a ticket last asked for it, to a day.

    ``jira_id`` is None while no ticket is known. ``begun`` is when the call began that makes it, None
    where none is open; ``said`` what Jira said when it failed on that call, ``failures`` how often it
    did so in a row, each time proven to have made nothing.
    """

    __tablename__ = "epics"

    site: str = Field(sa_column=Column(String(64), primary_key=True))
    project: str = Field(sa_column=Column(String(255), primary_key=True))
    digest: str = Field(sa_column=Column(String(64), primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    jira_id: str | None = Field(default=None, sa_column=Column(String(64)))
    jira_key: str = Field(
        default="", sa_column=Column(String(255), nullable=False, server_default="")
    )
    begun: float | None = Field(default=None, sa_column=Column(Float(53)))
    said: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


# SQL: the id in the reference of a subject. An index serves only an expression that is written like it.
SUBJECT_ID = "substr(ref, length(source) + length(kind) + 3)"


class SubjectRow(SQLModel, table=True):
    """The snapshot of a subject: the newest known state of an upstream issue or incident."""

    __tablename__ = "subjects"
    __table_args__ = (
        Index("ix_subjects_event_time", "event_time"),
        Index("ix_subjects_first_seen", "first_seen_at"),
        # Open subjects are found however many have ended.
        _partial_index("ix_subjects_open", "ref", where="ended_at IS NULL"),
        # People name a subject by its id alone, which is the end of its reference.
        Index("ix_subjects_id", text(SUBJECT_ID)),
        # People search for a part of a title. The index alone is read for that, not the rows.
        Index("ix_subjects_title", "title_folded", "ref"),
    )

    ref: str = Field(sa_column=Column(String(300), primary_key=True))
    source: str = Field(sa_column=Column(String(64), nullable=False))
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    workspace: str = Field(sa_column=Column(String(200), nullable=False))
    status: str = Field(sa_column=Column(String(32), nullable=False))
    event_type: str = Field(sa_column=Column(String(64), nullable=False))
    event_time: int = Field(sa_column=Column(BigInteger, nullable=False))
    event_id: str = Field(sa_column=Column(String(200), nullable=False))
    payload: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    # The title as searches compare it, see ``folded``.
    title_folded: str = Field(
        default="", sa_column=Column(String(300), nullable=False, server_default="")
    )
    severity: str = Field(default="", sa_column=Column(String(16), nullable=False))
    issue_ids: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    # For rules: when the subject was first seen, when it ended (None while it is open), how often it
    # was opened.
    first_seen_at: float = Field(sa_column=Column(Float(53), nullable=False))
    ended_at: float | None = Field(default=None, sa_column=Column(Float(53)))
    occurrences: int = Field(default=1, sa_column=Column(Integer, nullable=False))


# SQL: the states of tickets that are not kept. An index serves only a condition that is written like it.
APART = "state IN ('spared', 'gone', 'unplaced')"


class TicketRow(SQLModel, table=True):
    """One ticket we keep: its key, where it is in Jira, its base, and when it is next due."""

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("key", name="uq_tickets_key"),
        UniqueConstraint("site", "jira_id", name="uq_tickets_site_jira_id"),
        _partial_index("ix_tickets_due", "due_at", where="due_at IS NOT NULL"),
        # A claim asks each open site for its due tickets, because a site that is down may have any
        # number due. The index holds all columns that a claim or a count compares, so the rows of a
        # closed project or a paused rule are not read.
        _partial_index(
            "ix_tickets_site_due",
            "site",
            "due_at",
            "project",
            "lease_until",
            "parked_at",
            "rule",
            where="due_at IS NOT NULL",
        ),
        Index("ix_tickets_rule", "rule", "created_at"),
        _partial_index("ix_tickets_parked", "parked_at", "id", where="parked IS NOT NULL"),
        # Housekeeping looks for creates that nobody goes on with.
        _partial_index("ix_tickets_creating", "id", where="state = 'creating'"),
        Index("ix_tickets_jira_key", "jira_key"),
        # Lists show the newest first, of a rule, a project or a rare state.
        Index("ix_tickets_of_rule", "rule", "id"),
        Index("ix_tickets_of_project", "site", "project", "id"),
        _partial_index("ix_tickets_apart", "state", "id", where=APART),
        _partial_index("ix_tickets_aside", "id", where="aside IS NOT NULL"),
        _partial_index("ix_tickets_edit", "edit", "id", where="edit IS NOT NULL"),
        _partial_index("ix_tickets_lease", "lease_until", where="lease_until IS NOT NULL"),
        # What waits is counted by rule, however many tickets there are.
        _partial_index(
            "ix_tickets_admission",
            "admission",
            "rule",
            "id",
            "untold",
            where="admission IS NOT NULL",
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

    # When the ticket is next to be walked; None means settled. ``wanted`` counts how often the ticket
    # was made due: where the count rose during a walk, another walk follows.
    due_at: float | None = Field(default=None, sa_column=Column(Float(53)))
    due_reason: str = Field(default="", sa_column=Column(String(200), nullable=False))
    wanted: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    # The next walk reads the ticket in Jira even where the rule's fields did not change.
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
    # What the sweeps last saw of the ticket in Jira, so that each finding is reported once.
    seen: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    # The subjects that moved from this ticket to a following one, as they stood then: the fields and
    # the status of this ticket still come from them. See ``subjects.departed``.
    departed: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(Json, nullable=False, server_default="[]")
    )
    created_at: float = Field(sa_column=Column(Float(53), nullable=False))
    # A digest of the rule by which the last walk found nothing left to do, "" where that is not sure. A
    # forecast by the same rule leaves the ticket out while it is not due. See ``facts.settled_by``.
    settled_by: str = Field(
        default="", sa_column=Column(String(32), nullable=False, server_default="")
    )
    # What stands between the ticket's acts and upstream (``Admission``), since when, and how many acts
    # wait. None where nothing does.
    admission: str | None = Field(default=None, sa_column=Column(String(16)))
    admission_at: float | None = Field(default=None, sa_column=Column(Float(53)))
    untold: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    # A person took the ticket out of our hands (see ``sync/store/asides.py``): walks leave it alone.
    aside: dict[str, Any] | None = Field(default=None, sa_column=Column(OptionalJson))
    # A person merged the ticket into another (see ``sync/store/placements.py``): it has no subjects, and
    # those that its key leads to go onto the other.
    merged: dict[str, Any] | None = Field(default=None, sa_column=Column(OptionalJson))
    # The version of the rules (``RuleVersionRow``) that last made the ticket due by coming into force,
    # whether its walk is still to come, and the version whose writes that walk puts back. See
    # ``sync/store/edit_progress.py``.
    edit: int | None = Field(default=None, sa_column=Column(BigInteger))
    edit_open: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    undoes: int | None = Field(default=None, sa_column=Column(BigInteger))


class ToldRow(SQLModel, table=True):
    """An act that upstream was told within the last ten minutes, or was about to be. ``act`` is a digest
    of its name: an act whose call is tried again counts once."""

    __tablename__ = "told"
    __table_args__ = (Index("ix_told_at", "at"),)

    ticket_id: int = Field(sa_column=Column(BigId, primary_key=True, autoincrement=False))
    act: str = Field(sa_column=Column(String(64), primary_key=True))
    at: float = Field(sa_column=Column(Float(53), nullable=False))


class TallyRow(SQLModel, table=True):
    """How many tickets of a site are in a state: the sum over the lanes, of which one may be negative.

    ``parked`` is "ticket" of tickets that are parked, "fields" of those with parked fields, "" of the
    others. Triggers of the database keep the rows, in the statement that changes a ticket. Writers that
    run at once on PostgreSQL have a lane each; SQLite has one writer, and one lane.
    """

    __tablename__ = "tallies"

    site: str = Field(sa_column=Column(String(64), primary_key=True))
    state: str = Field(sa_column=Column(String(16), primary_key=True))
    parked: str = Field(sa_column=Column(String(16), primary_key=True))
    lane: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    tickets: int = Field(sa_column=Column(BigInteger, nullable=False))


class FormerKeyRow(SQLModel, table=True):
    """A Jira key that a ticket had before it was moved to another project, or before it was deleted and
    made anew. A trigger of the database adds the row, in the statement that changes the key."""

    __tablename__ = "former_keys"

    jira_key: str = Field(sa_column=Column(String(255), primary_key=True))
    ticket_id: int = Field(
        sa_column=Column(BigId, ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    )


# A ticket or a subject as one statement reads it: with the names of the columns, and tied to no session.
Record = Row[Any]


class LinkRow(SQLModel, table=True):
    """Which ticket a subject belongs to: at most one."""

    __tablename__ = "links"
    __table_args__ = (Index("ix_links_ticket", "ticket_id"),)

    subject: str = Field(
        sa_column=Column(String(300), ForeignKey("subjects.ref"), primary_key=True)
    )
    ticket_id: int = Field(sa_column=Column(BigId, ForeignKey("tickets.id"), nullable=False))
    created_at: float = Field(sa_column=Column(Float(53), nullable=False))
    # A person put the subject there (see ``sync/store/placements.py``): no rule takes it away. None
    # where a rule did.
    placed: dict[str, Any] | None = Field(default=None, sa_column=Column(OptionalJson))


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
    """How far a sweep has come; or how a source stands (``sync/store/upstreams.py``), or what a channel
    was told (``sync/store/notifications.py``).

    ``value`` holds ``until`` (the end of what was covered), the sweep's own ``cursor``, and, while the
    sweep is disabled for want of a permission, ``disabled_until`` and ``disabled`` (why).
    """

    __tablename__ = "watermarks"

    sweep: str = Field(sa_column=Column(String(200), primary_key=True))
    value: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    at: float = Field(sa_column=Column(Float(53), nullable=False))


class LeaseRow(SQLModel, table=True):
    """A lease by name, for what only one process at a time may do (run a sweep, apply an edit of the
    rules): its owner, and its end on the database's clock. Tickets have lease columns of their own."""

    __tablename__ = "leases"

    name: str = Field(sa_column=Column(String(200), primary_key=True))
    owner: str = Field(sa_column=Column(String(100), nullable=False))
    until: float = Field(sa_column=Column(Float(53), nullable=False))


class RuleSetState(StrEnum):
    """``in_force``: the rules that the daemons use. ``waiting``: an edit on disk that waits for `rules
    accept`. ``refused``: the rules on disk have mistakes. ``saved``: the rules that an account saved
    last, on the pages or by the API."""

    IN_FORCE = "in_force"
    WAITING = "waiting"
    REFUSED = "refused"
    SAVED = "saved"


class RuleSetRow(SQLModel, table=True):
    """A rule set: the one in force, or the one on disk while that waits or is refused.

    Each state uses the columns of its value in ``sync.store.rulebook``: ``Edition`` (in force),
    ``Waiting``, ``Problem`` (refused), ``Saved``.
    """

    __tablename__ = "rule_sets"

    state: str = Field(sa_column=Column(String(16), primary_key=True))
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    digest: str = Field(default="", sa_column=Column(String(64), nullable=False))
    how: str = Field(default="", sa_column=Column(Text, nullable=False))
    texts: dict[str, str] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    previous: dict[str, str] | None = Field(default=None, sa_column=Column(OptionalJson))
    reach: str = Field(default="all", sa_column=Column(String(16), nullable=False))
    shipped: bool | None = Field(default=None, sa_column=Column(Boolean))
    telling: dict[str, str] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default="{}")
    )
    changed: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    made: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    looked_at: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    mistakes: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    undoes: int | None = Field(default=None, sa_column=Column(BigInteger))


class SitePauseRow(SQLModel, table=True):
    """Until when a Jira site asked for no calls. All daemons on the store obey."""

    __tablename__ = "site_pauses"

    site: str = Field(sa_column=Column(String(64), primary_key=True))
    until: float = Field(sa_column=Column(Float(53), nullable=False))


class PauseRow(SQLModel, table=True):
    """A pause that a person asked for, or that was over within a day (``sync/store/paused.py``). Each
    column is as in ``Pause``."""

    __tablename__ = "pauses"

    kind: str = Field(sa_column=Column(String(16), primary_key=True))
    site: str = Field(sa_column=Column(String(64), primary_key=True))
    name: str = Field(sa_column=Column(String(255), primary_key=True))
    until: float = Field(sa_column=Column(Float(53), nullable=False))
    by: str = Field(sa_column=Column(String(200), nullable=False))
    why: str = Field(sa_column=Column(Text, nullable=False))
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    rules: list[str] = Field(
        default_factory=list, sa_column=Column(Json, nullable=False, server_default="[]")
    )


class PaceRow(SQLModel, table=True):
    """What a daemon knows of one rate limit of a Jira site. See ``Pace``: ``rate`` is its ``limit``,
    ``met_at`` is ``age`` seconds before ``at``, when the row was written."""

    __tablename__ = "paces"

    owner: str = Field(sa_column=Column(String(100), primary_key=True))
    site: str = Field(sa_column=Column(String(64), primary_key=True))
    endpoint: str = Field(sa_column=Column(String(300), primary_key=True))
    rate: float = Field(sa_column=Column(Float(53), nullable=False))
    met_at: float = Field(sa_column=Column(Float(53), nullable=False))
    empty: bool = Field(sa_column=Column(Boolean, nullable=False))
    used: float = Field(sa_column=Column(Float(53), nullable=False))
    taken: int = Field(sa_column=Column(BigInteger, nullable=False))
    waiting: bool = Field(sa_column=Column(Boolean, nullable=False))
    at: float = Field(sa_column=Column(Float(53), nullable=False))


class SiteRow(SQLModel, table=True):
    """Since when the store surely holds every ticket of ours on a Jira site. See ``continuity``.

    ``since``: tickets made after it (0: any) and before ``whole_since`` may be missing, until Jira was
    asked for them at ``surveyed_at``. ``older``: the store is known to be older than what Jira holds.
    ``alive_at`` is the last sign of life of a daemon.
    """

    __tablename__ = "sites"

    site: str = Field(sa_column=Column(String(64), primary_key=True))
    address: str = Field(sa_column=Column(Text, nullable=False))
    place: str = Field(sa_column=Column(String(200), nullable=False))
    since: float = Field(default=0.0, sa_column=Column(Float(53), nullable=False))
    whole_since: float = Field(sa_column=Column(Float(53), nullable=False))
    surveyed_at: float | None = Field(default=None, sa_column=Column(Float(53)))
    older: bool = Field(default=False)
    alive_at: float = Field(sa_column=Column(Float(53), nullable=False))


class StrayRow(SQLModel, table=True):
    """A ticket of ours that Jira has and the store does not know, by its marker label."""

    __tablename__ = "strays"

    site: str = Field(sa_column=Column(String(64), primary_key=True))
    marker: str = Field(sa_column=Column(String(64), primary_key=True))
    jira_id: str = Field(sa_column=Column(String(64), nullable=False))
    jira_key: str = Field(sa_column=Column(String(255), nullable=False))


class WriteProbeRow(SQLModel, table=True):
    """The one row that health checks write to find out whether the store takes writes."""

    __tablename__ = "write_probe"

    id: int = Field(default=1, sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: float = Field(sa_column=Column(Float(53), nullable=False))


class MembershipRow(SQLModel, table=True):
    """An issue that belongs to an incident, as the API says. Either may have no snapshot yet."""

    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_issue", "issue"),)

    incident: str = Field(sa_column=Column(String(300), primary_key=True))
    issue: str = Field(sa_column=Column(String(300), primary_key=True))


class RunResult(StrEnum):
    """How a run of a sweep ended, or ``running``. ``died``: its process ended before the run did.
    ``lost``: another process took the sweep's lease. ``disabled``: the credentials lack a permission.
    ``paused``: a person paused its site."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    DISABLED = "disabled"
    LOST = "lost"
    DIED = "died"
    PAUSED = "paused"


class SweepRunRow(SQLModel, table=True):
    """One run of a sweep: how many items it looked at, found amiss and repaired.

    The window is the span of time that the run covered, by the clock of Coalesce Quality or Jira.
    ``detail`` holds counts by reason.
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
