"""``parked``, ``retry``, ``dead`` and ``why``: looking after tickets and deliveries by hand."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from sync.cli import list_tickets
from sync.cli.main import app
from sync.domain.errors import Refused, Rejected
from sync.sandbox.memory import MemoryTracker
from sync.store import epics
from sync.store.engine import Store
from sync.store.tables import DeliveryRow, TicketRow
from tests.walks.world import RULES, SimulatedClock, World, issue_event

CONFIG = """
[store]
url = "sqlite:///{place}"
[coalesce]
signing_secrets = [{{ env = "NOT_SET_HERE" }}]
[sites.main]
url = "https://jira.example.com"
project = "DATA"
token = {{ env = "NOT_SET_HERE" }}
"""


@pytest.fixture
def jira() -> MemoryTracker:
    return MemoryTracker(SimulatedClock())


@pytest.fixture
def world(
    sqlite_store: Store, jira: MemoryTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A world whose store the verbs are configured for."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(CONFIG.format(place=sqlite_store.place))
    return World(sqlite_store, jira, jira._clock, tmp_path / "mappings", RULES)


@pytest.fixture
def parked(world: World, jira: MemoryTracker) -> World:
    """One ticket is parked, one is settled."""
    jira.fail(
        "create",
        lambda: Rejected("'Hihg' is not a value", field="Priority", remedy="Did you mean 'High'?"),
    )
    for issue in ("aa", "bb"):
        world.deliver(issue_event("issue_created", issue, at=1))
        world.settle()
    return world


def call(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


def to_now(world: World) -> None:
    """The verbs go by the machine's clock: let the world's reach it."""
    world.clock.sleep(time.time() + 60 - world.clock.time())


def test_parked_shows_reason_rule_line_and_remedy(parked: World) -> None:
    code, out, _ = call("parked")
    assert code == 0
    for words in ("Priority: 'Hihg' is not a value", "rules.toml:2", "Did you mean 'High'?"):
        assert words in out
    assert "1 ticket is parked" in out


def test_parked_for_machines(parked: World) -> None:
    code, out, _ = call("parked", "--json")
    (one,) = json.loads(out)
    assert code == 0
    assert (one["key"], one["field"], one["where"]) == (
        "coalesce:issue:aa",
        "Priority",
        "rules.toml:2",
    )
    assert one["remedy"] == "Did you mean 'High'?"


def test_parked_may_be_asked_of_one_rule(parked: World) -> None:
    assert call("parked", "--rule", "another")[1] == "Nothing is parked.\n"


@pytest.mark.parametrize(
    "args", [["aa"], ["coalesce:issue:aa"], ["--all"], ["--rule", "everything"]]
)
def test_a_retry_makes_the_ticket(parked: World, jira: MemoryTracker, args: list[str]) -> None:
    code, out, err = call("retry", *args)
    assert code == 0, err
    assert "will be tried" in out
    to_now(parked)
    parked.settle()
    assert len(jira.alive) == 2
    assert parked.rows()[0].parked is None


def test_a_retry_of_what_is_settled_reads_the_ticket_and_repairs_it(
    parked: World, jira: MemoryTracker
) -> None:
    (ticket,) = jira.alive
    before = jira.calls["read"]
    assert call("retry", ticket.ref.key)[0] == 0
    to_now(parked)
    parked.step()
    assert jira.calls["read"] > before


def test_a_retry_wants_one_thing_named_that_is_there(parked: World) -> None:
    assert call("retry")[0] == 2
    assert call("retry", "aa", "--all")[0] == 2
    code, _, err = call("retry", "nowhere")
    assert code == 1
    assert "no ticket 'nowhere'" in err


def dead_letter(world: World, body: bytes = b'{"event_id": "\x1b[31m"') -> DeliveryRow:
    world.deliver(body)
    world.step()
    with world.store.read() as session:
        return session.exec(select(DeliveryRow).where(DeliveryRow.state == "dead")).one()


def test_dead_letters_are_listed_shown_and_replayed(world: World) -> None:
    row = dead_letter(world)
    code, out, _ = call("dead", "list")
    assert (code, row.id[:13] in out) == (0, True)
    code, out, _ = call("dead", "show", row.id[:8])
    assert code == 0
    assert row.outcome in out
    assert "\x1b" not in out
    assert call("dead", "replay", row.id[:8])[1] == "1 delivery will be read again.\n"
    assert call("dead", "list")[1] == "There are no dead letters.\n"
    world.step()
    assert json.loads(call("dead", "replay", "--all", "--json")[1]) == {"replayed": 1}


def test_a_dead_letter_for_machines_has_its_body(world: World) -> None:
    row = dead_letter(world, b"\xff not text")
    data = json.loads(call("dead", "show", row.id, "--json")[1])
    assert data["body"] == "\\xff not text"
    assert data["reason"] == row.outcome


def test_a_delivery_that_is_not_there_and_too_little_of_an_id(world: World) -> None:
    dead_letter(world, b"one")
    dead_letter_ids = [r.id for r in world.deliveries()]
    assert call("dead", "show", "nothing")[0] == 1
    assert call("dead", "replay")[0] == 2
    world.deliver(*(f"body {n}".encode() for n in range(40)))
    world.step()
    assert len(dead_letter_ids) == 1
    code, _, err = call("dead", "show", "")
    assert code == 2
    assert "Give more of the id" in err


def test_why_shows_deliveries_decisions_and_calls_in_order(
    world: World, jira: MemoryTracker
) -> None:
    world.deliver(issue_event("issue_created", "aa", at=1))
    world.settle()
    world.clock.sleep(60)
    world.deliver(issue_event("issue_closed", "aa", at=60))
    world.settle()
    data = json.loads(call("why", "DATA-1", "--offline", "--json")[1])
    happened = [line["what"] for line in data["story"]]
    assert happened[:3] == ["delivery", "intend", "create"]
    assert happened.index("transition") > happened.index("create")
    assert happened.count("delivery") == 2
    assert data["story"][0]["words"] == (
        "issue_created: rule 'everything': ticket coalesce:issue:aa is due; "
        "it began before this store did"
    )
    assert data["ticket"]["jira_key"] == "DATA-1"
    assert {field["id"] for field in data["fields"]} >= {"summary", "labels"}
    code, out, _ = call("why", "aa", "--offline")
    assert code == 0
    assert "settled" in out
    assert "Jira was not asked: --offline" in out


def test_why_tells_what_made_a_ticket_due_apart_from_how_its_last_try_ended(
    world: World, jira: MemoryTracker
) -> None:
    jira.fail("create", lambda: Refused("no connection"))
    world.deliver(issue_event("issue_created", "aa", at=1))
    world.step()
    code, out, _ = call("why", "aa", "--offline")
    assert code == 0
    assert out.splitlines()[1].endswith(" UTC: issue_created")
    assert out.splitlines()[2] == "the last try: no connection"


def test_why_of_a_subject_without_a_ticket_says_what_became_of_it(world: World) -> None:
    world.write_rules(
        RULES.replace('issue_type = "Bug"', 'issue_type = "Bug"\nwhen = { title = "x" }')
    )
    world.deliver(issue_event("issue_created", "aa", at=1))
    world.step()
    code, out, _ = call("why", "aa")
    assert code == 0
    assert "There is no ticket for it." in out
    assert "no rule matches" in out


def test_why_of_what_nobody_knows(world: World) -> None:
    code, _, err = call("why", "DATA-404")
    assert code == 1
    assert "Nothing is known of 'DATA-404'" in err


def test_why_of_an_epic_says_that_rules_name_it(world: World) -> None:
    epics.made(world.store, ("main", "DATA", "0123"), "Data quality", "10009", "DATA-9", 1.0)
    code, _, err = call("why", "data-9")
    assert code == 1
    assert "DATA-9 is the epic 'Data quality', under which rules put tickets of DATA" in err


def test_who_wrote_a_field_last_is_read_from_the_ticket_as_it_is(
    world: World, jira: MemoryTracker
) -> None:
    from sync.store.tickets import find
    from sync.worker.foresight.why import authors, shown_now
    from sync.worker.walk.facts import gather

    world.deliver(issue_event("issue_created", "aa", at=1))
    world.settle()
    jira.alive[0].fields["summary"] = "mine"
    jira.alive[0].fields["labels"] = [*jira.alive[0].fields["labels"], "theirs"]
    with world.store.read() as session:
        row = find(session, "DATA-1")
        assert isinstance(row, TicketRow)
        facts = gather(session, row)
    observed, draft = shown_now(facts, world.rules(), jira, world.clock.time())
    by = {
        field.id: field.by
        for field in authors(
            facts.base, observed, draft and {n: f.name for n, f in draft.fields.items()}
        )
    }
    assert by["summary"] == "a person"
    assert by["description"] == "ticket-sync"
    assert by["labels"] == "ticket-sync, and a person (+theirs)"


@pytest.mark.parametrize(
    "verb",
    ["parked", "retry", "why", "dead list", "dead show", "dead replay", "preview", "plan", "backtest",
     "check", "init", "rules show", "rules accept"],
)  # fmt: skip
def test_the_help_of_each_verb_names_its_exit_codes_and_an_example(verb: str) -> None:
    code, out, _ = call(*verb.split(), "--help")
    assert code == 0
    assert "Exit codes: 0" in out
    assert "Example:" in out


def test_deliveries_are_listed_and_previewed_by_the_beginning_of_an_id(world: World) -> None:
    assert call("deliveries")[1] == "No delivery has come yet.\n"
    world.deliver(issue_event("issue_created", "i-1", at=1), b"no event")
    world.settle()
    data = json.loads(call("deliveries", "--json")[1])
    assert [one["outcome"] for one in data] == ["dead", "read"]
    code, out, _ = call("deliveries", "--subject", "i-1")
    assert (code, data[1]["id"][:13] in out, data[0]["id"][:13] in out) == (0, True, False)
    assert call("deliveries", "--outcome", "odd")[0] == 2
    code, out, _ = call(
        "preview", "--delivery", data[1]["id"][:8], "--title", "late again", "--json"
    )
    assert (code, json.loads(out)["rule"]) == (0, "everything")
    assert "late again" in json.loads(out)["ticket"]["fields"]["summary"]["value"]
    code, _, err = call("preview", "--delivery", "99")
    assert (code, "There is no delivery '99'" in err) == (1, True)
    assert call("preview", "--delivery", "99", "--sample", "ping")[0] == 2


def listed(*args: str) -> list[str]:
    code, out, err = call("list", "--json", *args)
    assert code == 0, err
    return [one["ticket"] or one["key"] for one in json.loads(out)]


def test_tickets_are_listed_by_standing_rule_project_and_words(parked: World) -> None:
    both = ["DATA-1", "coalesce:issue:aa"]
    assert listed() == both
    assert listed("--oldest") == both[::-1]
    assert listed("--limit", "1") == both[:1]
    assert listed("--standing", "parked") == both[1:]
    assert listed("--rule", "everything", "--project", "DATA", "--site", "main") == both
    for args in (["--rule", "no"], ["--project", "NO"], ["--site", "no"], ["no such words"]):
        assert listed(*args) == []
        assert call("list", *args)[1] == "No ticket fits.\n"
    assert listed("DATA-1") == ["DATA-1"]
    code, out, _ = call("list")
    assert code == 0
    for words in ("DATA-1", "settled", "parked", "'Hihg' is not a value", "orders is stale"):
        assert words in out


def test_tickets_are_listed_by_their_age(world: World) -> None:
    now = time.time()
    with world.store.write() as session:
        for days in (9, 5, 3, 1, 0):
            row = TicketRow(key=f"{days} days", rule="r", site="main", project="DATA")
            row.created_at = now - days * 86400 - 60
            session.add(row)
    assert listed("--older-than", "3d") == ["3 days", "5 days", "9 days"]
    assert listed("--newer-than", "3d") == ["0 days", "1 days"]
    assert listed("--newer-than", "5d1h", "--older-than", "1d") == ["1 days", "3 days", "5 days"]
    assert listed("--older-than", "10d") == []
    assert len(listed("--newer-than", "10d")) == 5
    code, _, err = call("list", "--older-than", "soon")
    assert code == 2
    assert "'soon' is no age" in err
    assert call("list", "--standing", "odd")[0] == 2


def test_a_watched_list_is_shown_again_when_it_has_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = 0

    def pause(_seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 2:
            world.deliver(issue_event("issue_created", "aa", at=1))
            world.settle()
        if pauses == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(list_tickets, "_pause", pause)
    code, out, _ = call("list", "--watch", "--json")
    assert code == 0
    # The world that changes within the verb logs to the same output.
    first, second = [json.loads(line) for line in out.splitlines() if line.startswith(("[]", "[{"))]
    assert first == []
    assert [one["ticket"] for one in second] == ["DATA-1"]
