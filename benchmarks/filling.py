"""Large stores for benchmarks, filled by SQL: tickets in step with their rule, journal, deliveries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

from sync.adapters.coalesce import CoalesceSource
from sync.adapters.jira import JiraSite, JiraTracker
from sync.domain.plan import plan, remote_link_digest
from sync.domain.rule import RemoteLink
from sync.domain.subject import Snapshot, Status
from sync.domain.ticket import Base, FieldBase, marker_label, remembered, wish_digest
from sync.ports import SystemClock
from sync.rules import Defaults, RuleSet, parse
from sync.sandbox.coalesce.samples import sample_body
from sync.sandbox.jira import JiraSandbox, SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from sync.settings import shipped
from sync.store.engine import Store
from sync.worker.walk.facts import settled_by

URL = "http://jira.sandbox"
DAY = 86400.0
BATCH = 5_000
# Edits of the shipped rules, by what they change: texts, and what stands there after. Each but those of
# the condition and the status changes something of every open ticket.
EDITS = {
    "a field": [("[defaults.fields]\n", '[defaults.fields]\npriority = "High"\n')],
    "a short template": [("{{ subject.title | truncate(180) }}", "Data: {{ subject.title }}")],
    "a long template": [("- Started: {{", "- Began: {{")],
    "a condition": [('when = { kind = "issue" }', 'when = { kind = "issue", workspace = "*" }')],
    "a status": [("Open again in Coalesce Quality.", "Open again: {{ subject.title }}")],
}
EDITS["everything"] = [one for edit in EDITS.values() for one in edit]
# Ids of subjects end in twelve digits, counted from here.
FIRST = 100_000_000_000
FIRST_JIRA_ID = 10_000_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows a store gets. Each ticket has one subject; ``open`` of the tickets are open, spread
    evenly over all. Each eleventh subject belongs to an incident, each tenth delivery is about two
    subjects."""

    tickets: int
    open: int
    journal: int
    deliveries: int

    def __truediv__(self, by: int) -> Size:
        return Size(self.tickets // by, self.open // by, self.journal // by, self.deliveries // by)


FULL = Size(tickets=1_000_000, open=100_000, journal=5_000_000, deliveries=3_000_000)


def ref_of(number: int) -> str:
    """The subject of the ticket with a row id."""
    return f"coalesce:issue:{id_of(number)}"


def id_of(number: int) -> str:
    """The id of that subject."""
    return f"00000000-0000-4000-8000-{FIRST + number}"


@dataclass
class Filled:
    """A store, and the rules and the simulated Jira that its tickets are in step with."""

    store: Store
    size: Size
    now: float

    @cached_property
    def texts(self) -> dict[str, str]:
        return {file.name: file.read_text() for file in sorted(shipped("mappings").glob("*.toml"))}

    def rules(self, edit: str = "") -> RuleSet:
        """The shipped rules, or these after one of ``EDITS``."""
        texts = dict(self.texts)
        for before, after in EDITS.get(edit, ()):
            assert any(before in text for text in texts.values()), before
            texts = {name: text.replace(before, after, 1) for name, text in texts.items()}
        return parse(texts, Defaults({"main": "DATA"}, "main"))

    @cached_property
    def tracker(self) -> JiraTracker:
        clock = SystemClock()
        mount = SandboxTransport(JiraSandbox("cloud", clock))
        site = JiraSite("main", URL, BOT.secret, email=BOT.email, deployment="cloud")
        return JiraTracker(site, clock, lambda session: session.mount(URL, mount))

    def fill(self) -> None:
        """Put all rows in."""
        model = _Model.of(self)
        step = max(1, self.size.tickets // max(1, self.size.open))
        with self._indexed_afterwards():
            self._many("subjects", _SUBJECT, model.subjects(self.size.tickets, step))
            self._many("tickets", _TICKET, model.tickets(self.size.tickets, step))
            self._sql(
                "INSERT INTO links (subject, ticket_id, created_at) "
                f"SELECT {_ref('i')}, i, {self.now - 30 * DAY} FROM n",
                self.size.tickets,
            )
            # A tenth was moved in Jira.
            self._sql(
                "INSERT INTO former_keys (jira_key, ticket_id) "
                "SELECT 'OLD-' || CAST(10 * i AS VARCHAR(20)), 10 * i FROM n",
                self.size.tickets // 10,
            )
            self._sql(
                "INSERT INTO journal (ticket_id, at, action, rule, result, words, detail) SELECT "
                f"1 + i % {self.size.tickets}, {_spread(self.now, 170, self.size.journal)}, "
                "'update', 'issues', 'ok', "
                "'update DATA-' || CAST(i AS VARCHAR(20)) || ': Summary, Description', "
                "'{}' FROM n",
                self.size.journal,
            )
            self._sql(
                "INSERT INTO deliveries (id, source, event_id, event_type, received_at, body, "
                "state, subject, outcome) SELECT 'd' || CAST(i AS VARCHAR(20)), 'coalesce', "
                "'e' || CAST(i AS VARCHAR(20)), 'issue_updated', "
                f"{_spread(self.now, 85, self.size.deliveries)}, {model.body(self.store)}, "
                f"'triaged', {_ref(f'1 + i % {self.size.tickets}')}, 'newest' FROM n",
                self.size.deliveries,
            )
            self._sql(
                "INSERT INTO delivery_subjects (delivery, subject) SELECT "
                f"10 * i, {_ref(f'1 + (10 * i + 1) % {self.size.tickets}')} FROM n",
                self.size.deliveries // 10,
            )
            # Of incidents that have no ticket. Every tenth ticket is open, so that a step of ten would
            # have the issues of all open tickets, and none else, belong to incidents.
            incident = _ref(f"i / 10 * 10 + {FIRST}").replace(":issue:", ":incident:")
            self._sql(
                "INSERT INTO memberships (incident, issue) "
                f"SELECT {incident}, {_ref('11 * i')} FROM n",
                self.size.tickets // 11,
            )
        if self.store.dialect == "postgresql":
            # The row ids were given, and those to come begin after them.
            after = "SELECT setval(pg_get_serial_sequence('tickets', 'id'), max(id)) FROM tickets"
            # SQLite plans without statistics: the program gathers none there.
            for statement in (after, "ANALYZE"):
                self._run(statement)

    @contextmanager
    def _indexed_afterwards(self) -> Iterator[None]:
        """Drop the indexes, and make them again at the end: an index of rows that are there takes a
        fraction of the time of one that grows row by row."""
        listed = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            if self.store.dialect == "sqlite"
            # Those of constraints stay.
            else "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() "
            "AND substr(indexname, 1, 2) = 'ix'"
        )
        with self.store.read_connection() as connection:
            indexes = connection.exec_driver_sql(listed).all()
        for name, _ in indexes:
            self._run(f"DROP INDEX {name}")
        yield
        for _, made in indexes:
            self._run(made)

    def _run(self, statement: str) -> None:
        """One statement in a transaction of its own."""
        with self.store.write_connection() as connection:
            if self.store.dialect == "postgresql":
                # Links refer to rows that are surely there.
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
                connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
                statement = statement.replace("%", "%%")
            connection.exec_driver_sql(statement)

    def _many(self, table: str, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
        """Put in rows of Python, by the driver's quickest way."""
        marks = ", ".join("?" * (columns.count(",") + 1))
        while batch := list(islice(rows, BATCH)):
            with self.store.write_connection() as connection:
                driver: Any = connection.connection.driver_connection
                if self.store.dialect == "sqlite":
                    driver.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", batch)
                    continue
                with (
                    driver.cursor() as cursor,
                    cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
                ):
                    for row in batch:
                        copy.write_row(row)

    def _sql(self, statement: str, count: int) -> None:
        """Run an INSERT from the table ``n`` of numbers, in pieces."""
        head, _, tail = statement.partition(" SELECT ")
        for start in range(1, count + 1, 250_000):
            end = min(count, start + 249_999)
            numbers = (
                f"WITH RECURSIVE n(i) AS (SELECT {start} UNION ALL "
                f"SELECT i + 1 FROM n WHERE i < {end})"
            )
            self._run(f"{head} {numbers} SELECT {tail}")


_SUBJECT = (
    "ref, source, kind, workspace, status, event_type, event_time, event_id, payload, severity, "
    "issue_ids, first_seen_at, ended_at, occurrences, title_folded"
)
_TICKET = (
    "id, key, rule, site, project, state, jira_id, jira_key, base, due_reason, wanted, look, "
    "attempts, intents, error, seen, departed, created_at, settled_by"
)


def _ref(number: str) -> str:
    """SQL: the subject of the ticket with a row id."""
    return f"'{ref_of(0)[:-12]}' || CAST({FIRST} + {number} AS VARCHAR(20))"


def _spread(now: float, days: int, count: int) -> str:
    """SQL: times from so many days ago to now, in the order of the numbers."""
    return f"{now - days * DAY} + i * {days * DAY / max(1, count)}"


@dataclass(frozen=True)
class _Model:
    """The subject and the base of one ticket, of which all others are copies with another id."""

    snapshot: Snapshot
    payload: str
    base: Base
    summary: str
    description: str
    now: float
    settled_by: str

    @classmethod
    def of(cls, filled: Filled) -> _Model:
        source = CoalesceSource(["x"])
        event = source.read(sample_body("issue_created", subject=id_of(0), now=filled.now - DAY))[0]
        assert event.snapshot is not None
        snapshot = replace(event.snapshot, event_id="e")
        rules = filled.rules()
        rule = rules.match(snapshot)
        assert rule is not None
        desired = rule.project_ticket(str(snapshot.ref), [snapshot])
        draft = filled.tracker.draft(desired)
        names = {one.key.removeprefix("fields."): id_ for id_, one in draft.fields.items()}
        base = Base(
            fields={
                id_: FieldBase(remembered(one.value), remembered(one.value), looked=True)
                for id_, one in draft.fields.items()
            },
            status=desired.status,
            jira_status="10000",
            remote_links={
                link.global_id: remote_link_digest(link) for link in desired.remote_links
            },
            wishes={id_: draft.fields[id_].wish for id_ in names.values()},
        )
        assert not plan(draft, base, None), plan(draft, base, None)
        return cls(
            snapshot,
            json.dumps(dict(snapshot.payload)),
            base,
            str(desired.fields["summary"].value),
            str(desired.fields["description"].value),
            filled.now,
            settled_by(rule),
        )

    def subjects(self, count: int, step: int) -> Iterator[tuple[Any, ...]]:
        """Rows of subjects, every so many open."""
        one, at = self.snapshot, self.now - 30 * DAY
        for n in range(1, count + 1):
            going = n % step == 0
            yield (
                ref_of(n), one.ref.source, one.ref.kind.value, one.workspace,
                "open" if going else "closed", one.event_type.value, one.event_time, "e",
                self.payload.replace(id_of(0), id_of(n)), one.severity, "[]", at,
                None if going else at + DAY, 1, f"table {n} of the warehouse is stale",
            )  # fmt: skip

    def tickets(self, count: int, step: int) -> Iterator[tuple[Any, ...]]:
        """Rows of tickets, all in step with their rule."""
        closed = json.dumps(replace(self.base, status=Status.CLOSED).to_json())
        for n in range(1, count + 1):
            base = self._base(n) if n % step == 0 else closed
            yield (
                n, ref_of(n), "issues", "main", "DATA", "linked", str(FIRST_JIRA_ID + n), f"DATA-{n}",
                base, "issue_updated", 2, False, 0, "[]", "", "", "[]", self.now - 30 * DAY,
                self.settled_by,
            )  # fmt: skip

    def _base(self, n: int) -> str:
        text = json.dumps(self.base.to_json())
        data = json.loads(text.replace(id_of(0), id_of(n)))
        for known in data["fields"]["labels"].values():
            if isinstance(known, list):
                known[:] = sorted(
                    marker_label(ref_of(n)) if one == marker_label(ref_of(0)) else one
                    for one in known
                )
        summary, description = (
            one.replace(id_of(0), id_of(n)) for one in (self.summary, self.description)
        )
        data["wishes"]["summary"] = wish_digest("summary", summary)
        data["wishes"]["description"] = wish_digest("description", description)
        for global_id in data["remote_links"]:
            url = str(self.snapshot.payload["issue_url"]).replace(id_of(0), id_of(n))
            data["remote_links"][global_id] = remote_link_digest(RemoteLink("", url, ""))
        return json.dumps(data)

    def body(self, store: Store) -> str:
        """SQL: the body of a delivery, with the numbers of its subject in it."""
        text = sample_body("issue_created", subject="@", now=self.now - DAY).decode()
        quoted = text.replace("'", "''").replace("@", "' || @ || '")
        ref = f"CAST({FIRST} + i AS VARCHAR(20))"
        joined = "'" + quoted.replace("@", ref) + "'"
        if store.dialect == "sqlite":
            return f"CAST({joined} AS BLOB)"
        return f"convert_to({joined}, 'UTF8')"
