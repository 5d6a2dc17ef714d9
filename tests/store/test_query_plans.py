"""No statement that the program sends reads the whole of a table that grows, on either database."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert
from sqlmodel import SQLModel

from benchmarks.filling import Filled, Size, ref_of
from benchmarks.million import WORK, Work
from sync.domain.admission import Admission
from sync.domain.notice import Notice
from sync.domain.pause import Pause, PauseKind
from sync.store import (
    admin_tables,
    admissions,
    api_tokens,
    claims,
    continuity,
    counts,
    deliveries,
    edit_progress,
    epics,
    expected,
    gathered,
    happenings,
    housekeeping,
    journal,
    leases,
    memberships,
    noise,
    notifications,
    parking,
    paused,
    placements,
    steps,
    subjects,
    tables,
    ticket_changes,
    ticket_search,
    tickets,
    told,
    upstreams,
    web_sessions,
)
from sync.store import log as acts_log
from sync.store.admin_tables import ApiTokenRow, LogRow, WebSessionRow
from sync.store.claims import Closed
from sync.store.engine import Store
from sync.store.notices import Notices
from sync.store.notifications import ChannelState
from sync.store.open_items import open_among, open_in_jira, open_on_tickets_of
from sync.store.placements import Merged
from sync.store.slate import Slate
from sync.store.tables import DeliveryState, TicketRow, table_of
from sync.store.temporary import copy_recent_tickets, copy_tickets, temporary_store
from sync.store.ticket_changes import Wish
from sync.store.ticket_search import Standing, Wanted

SIZE = Size(tickets=1200, open=40, journal=1200, deliveries=1200)
GROWING = {
    "deliveries",
    "delivery_subjects",
    "subjects",
    "links",
    "tickets",
    "journal",
    "memberships",
    "told",
    "log",
    "web_sessions",
    "api_tokens",
}
KINDS = ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")
# Indexes of a few rows: what waits, is due, parked, leased, dead or open.
OF_A_FEW = {
    *("ix_deliveries_accepted", "ix_deliveries_dead", "ix_tickets_due", "ix_tickets_site_due"),
    *("ix_tickets_parked", "ix_tickets_lease", "ix_tickets_creating", "ix_subjects_open"),
    *("ix_tickets_admission", "ix_tickets_aside", "ix_tickets_apart"),
}
# Part of a statement that may read a whole table or index, and why.
ALLOWED = {
    "FROM deliveries ORDER BY deliveries.seq DESC": "newest first; ends at the limit",
    "FROM log ORDER BY log.id DESC": "newest first; ends at the limit",
    "FROM api_tokens ORDER BY api_tokens.name": "all of them are shown",
    "FROM told ORDER BY told.at": "ends at the limit, which is how many acts may be told",
    "FROM journal ORDER BY journal.at\n LIMIT": "oldest first; ends at the limit",
    "FROM deliveries ORDER BY deliveries.received_at": "an index alone; ends at the limit",
    "FROM journal ORDER BY journal.id DESC": "newest first; ends at the limit",
    "ORDER BY subjects.event_time DESC": "newest first; ends at one that names a workspace",
    "FROM delivery_subjects JOIN deliveries": "PostgreSQL reads the window, or this table if smaller",
    "UPDATE tickets SET state=": "on the temporary store of a backtest alone",
    "tickets.created_at >= ": "on the temporary store of a backtest alone",
    "SELECT links.subject, links.ticket_id \nFROM links": "on the temporary store of a backtest alone",
    "FROM (SELECT tickets.id AS id \nFROM tickets\n LIMIT": "ends at the limit",
    "tickets.state NOT IN": "most tickets are settled, so it ends at the limit",
    "FROM deliveries GROUP BY deliveries.event_type": "the values to filter by, from an index alone",
    "FROM tickets GROUP BY tickets.": "the values to filter by, from an index alone where it can be",
    "subjects.title_folded LIKE": "a part of a title: the index alone is read, from end to end",
    "subjects.title_folded ILIKE": "as above",
    "tickets.jira_id IS NOT NULL": "once, where a survey has found tickets that are not known",
}


@dataclass(frozen=True, slots=True)
class Done:
    """Every statement that the work sent, with the parameters of one time, and the functions (each with
    its file) that were at work on one."""

    statements: dict[str, Any]
    senders: set[tuple[str, str]]


@pytest.fixture
def filled(store: Store) -> Filled:
    made = Filled(store, SIZE, 1_790_000_000.0)
    made.fill()
    return made


def do_everything(filled: Filled) -> None:
    store, now = filled.store, filled.now
    with Work(filled) as work:
        for piece in WORK.values():
            piece(work)
    this = ("main", "DATA", "0123")
    epics.begin(store, this, "Data quality", now)
    epics.said(store, this, now, "HTTP 500")
    epics.not_made(store, this, now)
    epics.made(store, this, "Data quality", "10001", "DATA-1", now)
    epics.gone(store, this, "10001")
    epics.used(store, this, now + 1)
    with store.write() as session:
        epics.prune(session, older_than=now + 2, batch=10)
    epics.get(store, this)
    with store.read() as session:
        epics.named(session, "DATA-1")
        epics.named(session, "DATA-1", "main")
    with store.read() as session:
        happenings.deliveries_after(session, 5)
        noise.oldest_entry(session)
        noise.begins(session, now - 600, 100)
        noise.stages(session, now - 600, now)
        list(noise.about(session, [3, 4]))
        deliveries.oldest(session)
        deliveries.begins(session, 100)
        happenings.actions_after(session, 5)
        happenings.sweeps_after(session, 0)
        open_in_jira(session, "main", after=3, limit=10)
        open_among(session, [3, 4])
        open_on_tickets_of(session, ["issues"], ("coalesce", "issue"), after=ref_of(3), limit=10)
        deliveries.heads(session)
        expected.of_ids(session, "coalesce", ["1", "2"])
        expected.all_of(session)
        Slate(session).in_jira("main", "10001")
        expected.of_name(session, "DATA-1")
        deliveries.by_hour(session, now)
        deliveries.last_by_source(session)
        deliveries.oldest_dead(session)
        counts.parked(session)
        edit_progress.since(session, now, now)
        edit_progress.followers(session, 3, after=4)
        journal.kept(session, [3, 4], 3)
        parking.oldest(session)
        parking.listed(session, limit=10)
        deliveries.known(session, ["d1"])
        tickets.made_since(session, "issues", now)
        list(tickets.keys_of_site(session, "main"))
        tickets.ids_of_keys(session, [ref_of(30)])
        tickets.subjects_on(session, 30)
        edit_progress.since(session, now, now)
        tickets.ids_named(session, ref_of(30))
        placements.of_ticket(session, 30)
        placements.counts(session, [30, 60])
        placements.names(session, [30])
        subjects.load(session, [ref_of(30)])
        subjects.latest_workspace(session, "coalesce")
        incident = ref_of(30).replace("issue", "incident")
        memberships.linked_of_issues(session, [incident])
        memberships.ticket_ids_of_issues(session, [incident])
        memberships.ticket_ids_of_incidents(session, [ref_of(30)])
    with store.write() as session:
        continuity.surveyed(session, "main", now, {})
        deliveries.replay(session, "d1")
        deliveries.replay_dead(session)
        deliveries.drop_heads_of_whole(session, deliveries.dead(session))
        housekeeping.expired_leases(now).lock(session, parking.parked(session))
        continuity.forget_stray(session, "main", ref_of(30))
        tickets.by_keys(session, [ref_of(30)])
        tickets.by_ids(session, [30])
        row = tickets.add(
            session, TicketRow(key="k", rule="r", site="main", project="", created_at=now)
        )
        tickets.link(session, ref_of(30), row.id or 0, now)
    with store.write_connection() as connection:
        tickets.ids_of_jira_ids(connection, "main", ["10000030"])
        ticket_changes.make_due_to_look(connection, [Wish(60, now, "why")])
    upstreams.note_standing(store, "coalesce", {"way": "the API"}, now)
    notifications.save(store, "ops", ChannelState(), now)
    notifications.forget_all_but(store, ["ops"])
    for number in (30, 60, 90):
        told.admit(store, number, ["a mark", "a comment"], now=now, window=600, most=4)
    with store.write() as session:
        for waiting in tickets.by_ids(session, range(30, 60)).values():
            waiting.admission, waiting.untold = Admission.WAITING, 1
        merged = tickets.by_ids(session, [30])[30]
        merged.merged = Merged(60, "somebody", now).to_json()
        gathered.gathered(session, [merged])
    with store.read() as session:
        upstreams.lately(session, now)
        upstreams.standings(session)
        notifications.load(session, "ops")
        notifications.all_of(session)
        admissions.grouped(session)
        admissions.any_waits(session)
        admissions.some(session, Admission.HELD, 10)
        ids = admissions.ids_of_rule(session, "issues")
    admissions.decide(store, Admission.ACCEPTED, now, rule="issues")
    admissions.decide(store, Admission.REJECTED, now)
    admissions.tell_older(store, ids, now)
    Notices(store, lambda: now).write([("main", Notice("10000031")), ("main", Notice("none"))])
    claims.next_due(store, now=now)
    (claim,) = claims.claim(store, owner="me", now=now, lease=60, limit=1)
    # So many lines that the row is read first.
    lines = [journal.Line(journal.Entry("update"), now, claim.ticket_id)] * 60
    steps.write(store, claim, claim.about.row, lambda row: None, lines)
    claims.give_back(store, "me", [claim.ticket_id])
    tickets.rename_rule(store, "issues", "others", limit=5)
    parking.retry_parked(store, now, "why", rule="r", site="main")
    leases.owners(store)
    leases.names_of(store, "me")
    with store.read() as session, temporary_store() as trial, trial.write() as target:
        copy_tickets(session, target, [ref_of(30)])
        copy_recent_tickets(session, target, "issues", now)
    pages_and_api(store, now)
    while_paused(store, now)
    act_and_sign_in(store, now)
    leases.set_(store, "process: me", "me", 60)
    leases.renew(store, "process: me", "me", 60)
    leases.going_on(store, "process: ")
    leases.named(store, "process: ")


def pages_and_api(store: Store, now: float) -> None:
    """What people look at."""
    with store.read() as session:
        counts.parked(session)
        edit_progress.since(session, now, now)
        edit_progress.pause(session, now, "paused")
        edit_progress.go_on(session, now)
        edit_progress.mark(session, [3, 4], 3, 2)
        deliveries.count_dead(session)
        deliveries.oldest_dead(session)
        deliveries.by_hour(session, now - 86400)
        parking.oldest(session)
        parking.listed(session, limit=10)
        for wanted in (
            Wanted(),
            Wanted(words="table 30"),
            Wanted(rule="others"),
            Wanted(site="main", project="DATA"),
            Wanted(since=now - 3600, until=now - 60),
            *(Wanted(standing=one) for one in Standing),
        ):
            ticket_search.page(session, wanted, now, after=900)
            ticket_search.count(session, wanted, now, most=5)
        of = {"type_": "", "refs": None, "limit": 5}
        for state in (None, *DeliveryState):
            deliveries.page(session, state=state, after=900, **of)
        deliveries.page(session, state=None, after=900, type_="issue_closed", refs=None, limit=5)
        deliveries.page(session, state=None, after=900, type_="", refs=[ref_of(30)], limit=5)
        deliveries.by_type(session)
        for row in deliveries.recent(session, 1):
            deliveries.subjects_of(session, row)
        tickets.ids_named(session, "NONE-1")
        ticket_search.rules(session)
        ticket_search.projects(session)
        ticket_search.titles(session, [30, 60])


def while_paused(store: Store, now: float) -> None:
    """What is done differently while something is paused, or was lately."""
    rule = Pause(PauseKind.RULE, "others", "", now + 60, "dana", "why", now)
    project = Pause(PauseKind.PROJECT, "OPS", "main", now + 60, "dana", "why", now, ("others",))
    over = Pause(PauseKind.PROJECT, "DATA", "main", now - 60, "dana", "why", now)
    site = Pause(PauseKind.SITE, "other", "other", now + 60, "dana", "why", now)
    with store.write() as session:
        for one in (rule, project, over, site):
            paused.put(session, one)
        paused.note_rules(session, project, ["others"])
        paused.end(session, site, now)
        paused.rename_rule(session, "others", "more")
    known = (rule, project)
    closed = Closed(among=frozenset({"main", "other"}), paused=known)
    claims.next_due(store, now=now, closed=closed)
    claims.claim(store, owner="me", now=now, lease=60, limit=1, closed=closed)
    counts.overall(store, now=now)
    with store.read() as session:
        paused.waiting(session, paused.load(session), now)
        paused.left(session, over, known)
        for standing in (Standing.DUE, Standing.PAUSED):
            ticket_search.page(session, Wanted(standing=standing, pauses=known), now)
        housekeeping.overdue(session, now - 900, sites_down=[], limit=5)
    with store.write() as session:
        paused.prune(session, now + 2 * paused.KEPT_SECONDS)


BLANK = {"about": "", "words": "", "refused": False}


def act_and_sign_in(store: Store, now: float) -> None:
    login = {"account": "dana", "role": "viewer", "how": "users", "form_token": "f"}
    token = {"role": "viewer", "made_by": "dana", "created_at": now}
    with store.write_connection() as connection:
        acts = [{"at": now + n, "account": f"a{n}", "act": f"b{n}"} for n in range(1200)]
        connection.execute(insert(table_of(LogRow)), [one | BLANK for one in acts])
        logins = [{**login, "hash": f"h{n}", "until": now + n} for n in range(1200)]
        connection.execute(
            insert(table_of(WebSessionRow)),
            [one | {"granted": "", "created_at": 0} for one in logins],
        )
    with store.write() as session:
        acts_log.add(session, "dana", ("retry", "DATA-1"), "due", now, refused=False)
        acts_log.prune(session, older_than=now, batch=10)
        row = WebSessionRow(hash="a", created_at=now, until=now + 1, **login)
        web_sessions.begin(session, row, instead_of="b")
        api_tokens.add(session, ApiTokenRow(name="ci", hash="c", **token))
        api_tokens.note_use(session, "c", now)
        api_tokens.revoke(session, "other")
    with store.read() as session:
        acts_log.get(session, 1)
        acts_log.last(session, ("retry", "DATA-1"))
        acts_log.page(session, account="dana", after=7)
        acts_log.page(session, act="retry")
        acts_log.page(session)
        acts_log.about(session, "DATA-1")
        web_sessions.find(session, "a", now)
        api_tokens.find(session, "c", now)
        api_tokens.all_(session)
    with store.write() as session:
        web_sessions.end(session, "a")


STORE = Path(tables.__file__).parent
# What sends a statement: methods of sessions and connections, and functions of the store.
METHODS = {"execute", "exec", "exec_driver_sql", "scalars"}
FUNCTIONS = {"change", "put"}


# Files whose statements read whole tables on purpose, for a person who waits for that.
WHOLE = {"checking.py"}
ON_POSTGRESQL_ALONE = {("continuity.py", "place_of"), ("told.py", "_alone")}


def senders() -> set[tuple[str, str]]:
    """The functions of the store, each with its file, that send statements about tables that grow."""
    growing = {
        name
        for name, one in {**vars(tables), **vars(admin_tables)}.items()
        if isinstance(one, type)
        and issubclass(one, SQLModel)
        and getattr(one, "__tablename__", "") in GROWING
    }
    found = set()
    for path in STORE.glob("*.py"):
        if path.name in WHOLE:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if named & growing:
            functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
            found |= {(path.name, one.name) for one in functions if _sends(one)}
    return found


def _sends(function: ast.FunctionDef) -> bool:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(
        (isinstance(called, ast.Attribute) and called.attr in METHODS)
        or (isinstance(called, ast.Name) and called.id in FUNCTIONS)
        for called in calls
    )


@pytest.fixture
def done(filled: Filled) -> Done:
    """What was seen while the work was done once."""
    found = Done({}, set())

    def note(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            found.senders.add((Path(frame.f_code.co_filename).name, frame.f_code.co_name))
            frame = frame.f_back
        # An INSERT of given values reads no table.
        reads = "SELECT" in statement or not statement.startswith("INSERT")
        ours = connection.engine is filled.store.engine
        if ours and reads and statement.split(None, 1)[0] in KINDS:
            found.statements.setdefault(statement, _of_one_time(parameters))

    # Of temporary stores as well.
    event.listen(Engine, "before_cursor_execute", note)
    try:
        do_everything(filled)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    if filled.store.dialect == "postgresql":
        # Plans must not depend on whether the server has looked at the rows by itself meanwhile.
        with filled.store.write_connection() as connection:
            connection.exec_driver_sql("ANALYZE")
    return found


def _of_one_time(parameters: Any) -> Any:
    """The parameters of one time, of a statement that the driver runs once or many times."""
    many = isinstance(parameters, list | tuple) and parameters
    # A list among the parameters is an array.
    return parameters[0] if many and isinstance(parameters[0], tuple | dict) else parameters


def scans(store: Store, statement: str, parameters: Any) -> list[str]:
    """The growing tables, or their indexes, that the statement reads from end to end."""
    with store.read_connection() as connection:
        # The driver's own cursor, because the parameters are as the driver was given them.
        cursor = connection.connection.cursor()
        if store.dialect == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return [row[3] for row in cursor.fetchall() if _scan_of_sqlite(row[3])]
        # On so few rows whole tables are the cheapest, unless that is out of the question.
        for way in ("seqscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        ((plan,),) = cursor.fetchall()
        return list(_scans_of_postgresql(plan[0]["Plan"], limited=False))


def _scan_of_sqlite(words: str) -> bool:
    first, _, rest = words.partition(" ")
    table = rest.partition(" ")[0]
    # A site may have all tickets.
    whole = first == "SCAN" or (first == "SEARCH" and table == "tickets" and "(site=?)" in rest)
    return whole and table in GROWING and not any(name in rest for name in OF_A_FEW)


def _scans_of_postgresql(node: dict[str, Any], *, limited: bool) -> Iterator[str]:
    limited = limited or node["Node Type"] == "Limit"
    table, index = node.get("Relation Name"), node.get("Index Name")
    whole = table in GROWING and index not in OF_A_FEW and "Index Cond" not in node
    # A page in the order of an index ends at its limit.
    if whole and (node["Node Type"] == "Seq Scan" or (index is not None and not limited)):
        yield f"{node['Node Type']} {table} {index or ''} {node.get('Filter', '')}"
    for child in node.get("Plans", ()):
        yield from _scans_of_postgresql(child, limited=limited)


def test_every_statement_of_every_function_finds_its_rows_by_an_index(
    store: Store, done: Done
) -> None:
    assert len(senders()) > 70
    missing = sorted(senders() - done.senders - ON_POSTGRESQL_ALONE)
    assert not missing, f"call these in do_everything: {missing}"
    assert len(done.statements) > 60
    wrong = {
        statement: found
        for statement, parameters in done.statements.items()
        if (found := scans(store, statement, parameters))
        and not any(part in statement for part in ALLOWED)
    }
    assert not wrong, "\n\n".join(f"{found}\n{statement}" for statement, found in wrong.items())
