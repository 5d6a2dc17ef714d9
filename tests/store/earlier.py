"""Stores as each earlier version left them, row by row as that version wrote them.

``CHANGES`` says for each revision what its versions wrote differently from those before. A revision
that changes no column needs no entry; for any other, ``build`` fails and says what is missing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from alembic import command
from sqlalchemy import MetaData

from sync.store import migrations
from sync.store.engine import Store
from sync.store.migrations import REVISIONS

Rows = dict[str, list[dict[str, Any]]]

OPEN, ENDED, INCIDENT = "coalesce:issue:1", "coalesce:issue:2", "coalesce:incident:9"
DEAD_OWNER = "4711-0123456789ab"
RULES = {"rules.toml": '[[rule]]\nname = "issues"\n'}
RULES_BEFORE = {"rules.toml": '[[rule]]\nname = "all issues"\n'}
PARKED = {
    "reason": "the project DATA has no issue type 'Bug'",
    "remedy": "Name one that it has",
    "cause": "field",
    "field": "issuetype",
    "rule": "issues",
    "where": "rules.toml:1",
    "words": "the project DATA has no issue type 'Bug'. Name one that it has",
}
BASE = {
    "fields": {
        "summary": {"sent": "orders is stale", "shown": "orders is stale", "looked": True},
        "labels": {"sent": ["a", "b"], "shown": None, "looked": False},
    },
    "status": "open",
    "jira_status": "10001",
    "closed_by_us": False,
    "resolution": "",
    "commented": "open@1",
    "running": "30001",
    "remote_links": {"https://coalesce.example/1": "a3f5"},
    "ticket_links": ["Relates:INC-9"],
}


def _subject(ref: str, **columns: Any) -> dict[str, Any]:
    source, kind, id_ = ref.split(":")
    return {
        "ref": ref,
        "source": source,
        "kind": kind,
        "workspace": "acme",
        "status": "open",
        "event_type": "issue_updated" if kind == "issue" else "incident_open",
        "event_time": 1_790_000_000_123_456_789,
        "event_id": f"{id_}@1",
        "payload": {"title": "orders is stale", f"{kind}_id": id_, "tags": ["x", None]},
        "severity": "error",
        "issue_ids": [],
        "first_seen_at": 1_790_000_000.25,
        "ended_at": None,
        "occurrences": 1,
        **columns,
    }


def _ticket(id_: int, **columns: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "key": f"key-{id_}",
        "rule": "issues",
        "site": "main",
        "project": "DATA",
        "state": "linked",
        "jira_id": f"1000{id_}",
        "jira_key": f"DATA-{id_}",
        "base": BASE,
        "due_at": None,
        "due_reason": "issue_updated",
        "wanted": 3,
        "look": False,
        "attempts": 0,
        "lease_owner": None,
        "lease_until": None,
        "intent_at": None,
        "searches": 0,
        "comment_intent": None,
        "parked": None,
        "parked_at": None,
        "error": "",
        "created_at": 1_790_000_001.5,
        "settled_at": 1_790_000_002.5,
        **columns,
    }


def _delivery(seq: int, **columns: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "id": f"00000000-0000-5000-8000-00000000000{seq}",
        "source": "coalesce",
        "event_id": f"e{seq}",
        "event_type": "issue_updated",
        "received_at": 1_790_000_000.0 + seq,
        "body": b'{"title": "\xff"}',
        "state": "triaged",
        "subject": OPEN,
        "outcome": "newest",
        **columns,
    }


def _first() -> Rows:
    return {
        "deliveries": [
            _delivery(1),
            _delivery(2, state="dead", subject="", outcome="no JSON"),
            _delivery(3, state="accepted", subject="", outcome=""),
        ],
        "subjects": [
            _subject(OPEN),
            _subject(ENDED, status="closed", ended_at=1_790_000_000.5, occurrences=2),
            _subject(INCIDENT, severity="", issue_ids=["1", "2"]),
        ],
        "tickets": [
            _ticket(1),
            _ticket(
                2,
                state="creating",
                jira_id=None,
                jira_key="",
                base={},
                due_at=1_790_000_060.0,
                intent_at=1_790_000_003.5,
                searches=2,
                attempts=1,
                error="the call to create was not answered",
                settled_at=None,
            ),
            _ticket(
                3,
                due_at=1_790_000_003.0,
                lease_owner=DEAD_OWNER,
                lease_until=1_790_000_120.0,
                comment_intent={"marker": "open@2", "text": "again", "edit": "", "begun": "1790.5"},
            ),
            _ticket(4, parked=PARKED, parked_at=1_790_000_004.0, error="no", look=True),
        ],
        "links": [
            {"subject": OPEN, "ticket_id": 1, "created_at": 1_790_000_001.5},
            {"subject": ENDED, "ticket_id": 2, "created_at": 1_790_000_001.5},
            {"subject": INCIDENT, "ticket_id": 3, "created_at": 1_790_000_001.5},
        ],
        "journal": [
            {
                "id": 1,
                "ticket_id": 1,
                "at": 1_790_000_002.0,
                "action": "create",
                "rule": "issues",
                "result": "ok",
                "words": "create DATA Bug: DATA-1",
                "detail": {"key": "DATA-1"},
            },
            {
                "id": 2,
                "ticket_id": 1,
                "at": 1_790_000_002.5,
                "action": "hold",
                "rule": "issues",
                "result": "held",
                "words": "hold: a person closed it",
                "detail": {},
            },
        ],
        # The versions of this revision wrote no watermarks.
        "watermarks": [],
    }


def _sweeps(rows: Rows) -> None:
    """r0002: sweeps, their leases, rule sets and the write probe, all in ``watermarks``."""
    for row in rows["tickets"]:
        row["seen"] = "closed by a person" if row["id"] == 1 else ""
        if row["base"]:
            row["base"] |= {
                "moving": "10002",
                "way": "done",
                "walked": ["10001"],
                "arriving": True,
                "linking": ["Blocks:INC-9"],
                "updating": {"summary": {"wished": "new", "before": "old", "after": "new"}},
                "untold": False,
            }
        if row["comment_intent"]:
            row["comment_intent"]["tries"] = "1"

    def mark(name: str, value: dict[str, Any], owner: str | None = None) -> dict[str, Any]:
        until = 1_790_000_600.0 if owner else None
        return {
            "name": name,
            "value": value,
            "at": 1_790_000_000.0,
            "lease_owner": owner,
            "lease_until": until,
        }

    edition = {
        "digest": "d1",
        "texts": RULES,
        "how": "an edit",
        "at": 1_790_000_000.0,
        "previous": RULES_BEFORE,
        "reach": "new",
    }
    waiting = {"digest": "d2", "changed": 70, "made": 2, "looked_at": 90, "at": 1_790_000_000.0}
    rows["watermarks"] = [
        mark("sweep:own", {"until": 1_790_000_000.0, "cursor": {"after": 3}}, DEAD_OWNER),
        mark("sweep:deliveries", {"until": 5.0, "disabled_until": 9.0, "disabled": "no scope"}),
        mark("sweep:issues", {}),
        mark("sweep:rules", {}, DEAD_OWNER),
        mark("rules: in force", edition),
        mark("rules: waiting", waiting),
        mark("rules: problem", {"words": ["rules.toml:3: no such key"], "at": 1_790_000_000.0}),
        mark("probe", {}),
    ]
    rows["memberships"] = [{"incident": INCIDENT, "issue": OPEN}]
    run = {
        "sweep": "own",
        "started_at": 1_790_000_000.0,
        "window_from": 1_789_999_000.0,
        "window_to": 1_790_000_000.0,
        "looked": 9,
        "missing": 1,
        "stale": 2,
        "wrong": 3,
        "repaired": 4,
        "failed": 0,
        "calls": 5,
        "words": "",
        "detail": {"missed delivery": 1},
    }
    rows["sweep_runs"] = [
        {"id": 1, "owner": "me", "seconds": 2.5, "result": "ok", **run},
        {"id": 2, "owner": DEAD_OWNER, "seconds": None, "result": "running", **run},
    ]


def _departed(rows: Rows) -> None:
    """r0003: tickets keep the subjects that left them."""
    for row in rows["tickets"]:
        row["departed"] = [_subject("coalesce:issue:7")] if row["id"] == 1 else []


def _pauses(rows: Rows) -> None:
    """r0004: no new column; its versions shared the pauses of sites, and timed open calls."""
    rows["watermarks"].append(
        {
            "name": "pause: main",
            "value": {"until": 1_790_000_033.0},
            "at": 1_790_000_000.0,
            "lease_owner": None,
            "lease_until": None,
        }
    )
    for row in rows["tickets"]:
        if row["base"]:
            row["base"]["open_until"] = 1_790_000_090.0


def _intents(rows: Rows) -> None:
    """r0005: every call whose end is not known is an intent, in one column of the ticket."""
    nothing = {"until": None, "looks": 0, "payload": {}}
    in_base: list[dict[str, Any]] = [
        {**nothing, "kind": "link", "about": "Blocks:INC-9", "begun": 0.0, "until": 0.0},
        {
            **nothing,
            "kind": "update",
            "about": "",
            "begun": 1_790_000_090.0,
            "until": 1_790_000_090.0,
            "payload": {"summary": {"wished": "new", "before": "old", "after": "new"}},
        },
        {
            **nothing,
            "kind": "move",
            "about": "10002",
            "begun": 1_790_000_090.0,
            "until": 1_790_000_090.0,
            "payload": {"arrives": True},
        },
    ]
    create = {
        **nothing,
        "kind": "create",
        "about": "",
        "begun": 1_790_000_003.5,
        "looks": 2,
        "payload": {"base": {}},
    }
    comment = {
        **nothing,
        "kind": "comment",
        "about": "open@2",
        "begun": 1790.5,
        "looks": 1,
        "payload": {"text": "again", "edit": ""},
    }
    for row in rows["tickets"]:
        row["intents"] = copy.deepcopy(in_base) if row["base"] else []
        row["intents"] += [create] if row["state"] == "creating" else []
        row["intents"] += [comment] if row["comment_intent"] else []
        for column in ("intent_at", "searches", "comment_intent", "settled_at"):
            del row[column]
        for name in ("moving", "arriving", "linking", "updating", "open_until"):
            row["base"].pop(name, None)
        if "untold" in row["base"]:
            row["base"]["unannounced"] = row["base"].pop("untold")


def _own_tables(rows: Rows) -> None:
    """r0006: leases, rule sets, pauses and the write probe have tables of their own."""
    rows["watermarks"] = [
        {
            "sweep": "own",
            "value": {"until": 1_790_000_000.0, "cursor": {"after": 3}},
            "at": 1_790_000_000.0,
        },
        {
            "sweep": "deliveries",
            "value": {"until": 5.0, "disabled_until": 9.0, "disabled": "no scope"},
            "at": 1_790_000_000.0,
        },
    ]
    rows["leases"] = [
        {"name": name, "owner": DEAD_OWNER, "until": 1_790_000_600.0}
        for name in ("sweep:own", "rules")
    ]
    rows["site_pauses"] = [{"site": "main", "until": 1_790_000_033.0}]
    rows["write_probe"] = [{"id": 1, "at": 1_790_000_000.0}]
    blank = {
        "at": 1_790_000_000.0,
        "digest": "",
        "how": "",
        "texts": {},
        "previous": None,
        "reach": "all",
        "changed": 0,
        "made": 0,
        "looked_at": 0,
        "mistakes": [],
    }
    in_force = {"digest": "d1", "how": "an edit", "texts": RULES, "previous": RULES_BEFORE}
    rows["rule_sets"] = [
        {**blank, "state": "in_force", "reach": "new", **in_force},
        {**blank, "state": "waiting", "digest": "d2", "changed": 70, "made": 2, "looked_at": 90},
        {**blank, "state": "refused", "mistakes": ["rules.toml:3: no such key"]},
    ]


def _several_subjects(rows: Rows) -> None:
    """r0007: a delivery may be about several subjects; those after the first have rows of their own."""
    rows["delivery_subjects"] = [{"delivery": 1, "subject": ENDED}]


def _sites(rows: Rows) -> None:
    """r0008: since when the store holds every ticket of a site, and those that it lacks."""
    rows["sites"] = [
        {
            "site": "main",
            "address": "https://acme.atlassian.net",
            "place": "1/2",
            "since": 0.0,
            "whole_since": 1_790_000_000.0,
            "surveyed_at": 1_790_000_001.0,
            "older": True,
            "alive_at": 1_790_000_030.0,
        }
    ]
    rows["strays"] = [
        {"site": "main", "marker": "ticket-sync-1", "jira_id": "7", "jira_key": "DATA-7"}
    ]


def _shipped_rules(rows: Rows) -> None:
    """r0009: whether the rules in force are those that come with the program."""
    for number, row in enumerate(rows["rule_sets"]):
        row["shipped"] = (False, None, None)[number]


def _attempts(rows: Rows) -> None:
    """r0010: how many attempts to triage a delivery did not end."""
    for row in rows["deliveries"]:
        row["attempts"] = 0


def _paces(rows: Rows) -> None:
    """r0011: what daemons know of rate limits."""
    rows["paces"] = [
        {
            "owner": DEAD_OWNER,
            "site": "main",
            "endpoint": "POST issue",
            "rate": 10.0,
            "met_at": 1_790_000_000.0,
            "empty": True,
            "used": 4.5,
            "taken": 77,
            "waiting": True,
            "at": 1_790_000_001.0,
        }
    ]


def _turns(rows: Rows) -> None:
    """r0013: how often triage's lock was taken."""
    rows["triage"] = [{"id": 1, "turn": 7}]


def _settled_by(rows: Rows) -> None:
    """r0014: by which rule the last walk of a ticket found nothing left to do."""
    for row in rows["tickets"]:
        row["settled_by"] = "0123456789abcdef" if row["id"] == 1 else ""


def _former_keys(rows: Rows) -> None:
    """r0015: keys that tickets had before. The database itself writes how many tickets stand where."""
    rows["former_keys"] = [{"jira_key": "OPS-7", "ticket_id": 1}]
    rows["tallies"] = []


def _telling(rows: Rows) -> None:
    """r0016: since when each rule in force has told upstream what it tells now."""
    for row in rows["rule_sets"]:
        row["telling"] = {"both ways": "digest@1790000000.0"} if row["state"] == "in_force" else {}


def _admissions(rows: Rows) -> None:
    """r0017: which tickets wait before upstream is told of them, and what upstream was told lately."""
    for row in rows["tickets"]:
        row |= {"admission": None, "admission_at": None, "untold": 0}
    rows["tickets"][0] |= {"admission": "waiting", "admission_at": 1_790_000_000.0, "untold": 2}
    rows["told"] = [{"ticket_id": 2, "act": "a" * 32, "at": 1_790_000_000.0}]


def _pages(rows: Rows) -> None:
    """r0018: who did what on the pages, who is signed in, and what was edited there."""
    at = 1_790_000_000.0
    rows["log"] = [
        {
            "id": 1,
            "at": at,
            "account": "dana",
            "act": "retry",
            "about": "DATA-4",
            "words": "DATA-4 is due",
            "refused": False,
        }
    ]
    rows["web_sessions"] = [
        {
            "hash": "a" * 64,
            "account": "dana",
            "role": "editor",
            "how": "users",
            "granted": "b" * 64,
            "form_token": "c" * 43,
            "created_at": at,
            "until": at + 3600.0,
        }
    ]
    rows["api_tokens"] = [
        {
            "name": "ci",
            "hash": "d" * 64,
            "role": "viewer",
            "made_by": "dana",
            "created_at": at,
            "until": at + 86_400.0,
            "used_at": None,
        }
    ]
    rows["rule_drafts"] = [
        {
            "id": 1,
            "account": "dana",
            "texts": RULES,
            "removed": [],
            "began": {"rules.toml": "d1"},
            "began_texts": RULES_BEFORE,
            "created_at": at,
            "changed_at": at + 60.0,
        }
    ]
    rows["rule_versions"] = [
        {
            "id": 1,
            "digest": "d1",
            "at": at,
            "account": "dana",
            "how": "an edit",
            "changed": 3,
            "made": 0,
            "texts": RULES,
        }
    ]


def _titles(rows: Rows) -> None:
    """r0019: the titles of subjects, as searches compare them."""
    for row in rows["subjects"]:
        row["title_folded"] = str(row["payload"].get("title") or "").casefold()


def _asides(rows: Rows) -> None:
    """r0021: tickets that a person took out of our hands."""
    for row in rows["tickets"]:
        row["aside"] = None
    rows["tickets"][0]["aside"] = {"how": "let_go", "by": "dana", "at": 1_790_000_009.0}


def _forgotten(rows: Rows) -> None:
    """r0022: another word for tickets that are followed no more."""
    rows["tickets"][0]["aside"]["how"] = "forget"


def _expected(rows: Rows) -> None:
    """r0023: subjects that were recorded ahead of their first delivery."""
    rows["expected"] = [
        {
            "subject_id": "77",
            "source": "coalesce",
            "site": "main",
            "jira_id": "10777",
            "jira_key": "DATA-777",
            "project": "DATA",
            "at": 1_790_000_000.0,
            "by": "the command line",
            "words": "",
        }
    ]
    for row in rows["triage"]:
        row["expected"] = 1


def _edits(rows: Rows) -> None:
    """r0024: the edits that tickets have followed, and those that are undone."""
    for row in rows["tickets"]:
        row |= {"edit": None, "edit_open": False, "undoes": None}
    rows["tickets"][0] |= {"edit": 1, "edit_open": True, "undoes": 1}
    for row in rows["rule_sets"]:
        row["undoes"] = None


def _placements(rows: Rows) -> None:
    """r0025: where people, and not rules, have put subjects."""
    for row in rows["tickets"]:
        row["merged"] = None
    for row in rows["links"]:
        row["placed"] = None


def _paused(rows: Rows) -> None:
    """r0026: pauses that people ask for."""
    rows["pauses"] = [
        {
            "kind": "project",
            "site": "main",
            "name": "DATA",
            "until": 1_790_000_020.0,
            "by": "dana",
            "why": "the project is being moved",
            "at": 1_790_000_003.0,
            "rules": ["issues"],
        }
    ]


def _epics(rows: Rows) -> None:
    """r0027: epics that rules name."""
    rows["epics"] = [
        {
            "site": "main",
            "project": "DATA",
            "digest": "0123456789abcdef0123456789abcdef01234567",
            "name": "Data quality: orders",
            "at": 1_790_000_000.0,
            "jira_id": None,
            "jira_key": "",
            "begun": 1_790_000_001.5,
            "said": "",
            "failures": 0,
        }
    ]


CHANGES: dict[str, Callable[[Rows], None]] = {
    "r0002": _sweeps,
    "r0003": _departed,
    "r0004": _pauses,
    "r0005": _intents,
    "r0006": _own_tables,
    "r0007": _several_subjects,
    "r0008": _sites,
    "r0009": _shipped_rules,
    "r0010": _attempts,
    "r0011": _paces,
    "r0013": _turns,
    "r0014": _settled_by,
    "r0015": _former_keys,
    "r0016": _telling,
    "r0017": _admissions,
    "r0018": _pages,
    "r0019": _titles,
    "r0021": _asides,
    "r0022": _forgotten,
    "r0023": _expected,
    "r0024": _edits,
    "r0025": _placements,
    "r0026": _paused,
    "r0027": _epics,
}


def rows_at(revision: str) -> Rows:
    """What the versions of a revision left in the store, by table."""
    rows = copy.deepcopy(_first())
    for one in REVISIONS[: REVISIONS.index(revision) + 1]:
        CHANGES.get(one, lambda _rows: None)(rows)
    return rows


def build(store: Store, revision: str) -> None:
    """Bring an empty store to a revision, and fill every table as its versions did."""
    rows = rows_at(revision)
    with store.write_connection() as connection:
        command.upgrade(migrations._config(connection), revision)
        found = MetaData()
        found.reflect(connection)
        tables = {table.name: table for table in found.sorted_tables}
        del tables["alembic_version"]
        hint = f"say in CHANGES of {__name__} what the versions of {revision} write there"
        assert set(tables) == set(rows), f"{revision} has other tables: {hint}"
        for name, table in tables.items():
            for row in rows[name]:
                columns = {column.name for column in table.columns}
                assert columns == set(row), f"{revision} has other columns in {name}: {hint}"
                # None means SQL's NULL, for JSON columns too.
                written = {key: value for key, value in row.items() if value is not None}
                connection.execute(table.insert(), written)
