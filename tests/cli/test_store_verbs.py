"""The verbs that read configuration and store."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync import __version__
from sync.cli.main import app
from sync.settings import Secrets, load
from sync.store import deliveries, upstreams
from sync.store.engine import Store, open_store
from sync.store.inbox import Accepted, Cut
from sync.store.liveness import Liveness
from sync.store.tables import DeliveryRow, DeliveryState, SweepRunRow, TicketRow, TicketState
from tests.store.faults import overwrite

CONFIG = """
[coalesce]
signing_secrets = [{ env = "NOT_SET_HERE" }]
[sites.main]
url = "https://jira.example.com"
token = { env = "NOT_SET_HERE" }
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("TICKET_SYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(CONFIG)


def call(*args: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


def filled(store: Store) -> None:
    """A store in which something of everything is found."""
    now = time.time()

    def ticket(number: int, **columns: object) -> TicketRow:
        return TicketRow(
            **{
                "key": f"k{number}",
                "rule": "default",
                "site": "main",
                "project": "DATA",
                "state": TicketState.LINKED,
                "jira_id": str(number),
                "created_at": now,
                **columns,
            }
        )

    def delivery(number: int, state: DeliveryState) -> DeliveryRow:
        return DeliveryRow(
            id=f"d{number}",
            source="coalesce",
            received_at=now - 60 * number,
            body=b"{}",
            state=state,
        )

    with store.write() as session:
        session.add_all(
            [
                ticket(1),
                ticket(2, due_at=now - 600, attempts=3, error="Jira answers 503"),
                ticket(3, due_at=now - 5),
                ticket(4, due_at=now + 3600),
                ticket(5, parked={"reason": "no"}, parked_at=now),
                ticket(6, state=TicketState.CREATING, jira_id=None),
                ticket(7, site="eu", jira_id="1"),
                ticket(8, state=TicketState.SPARED, jira_id=None),
                delivery(1, DeliveryState.ACCEPTED),
                delivery(2, DeliveryState.DEAD),
                delivery(3, DeliveryState.TRIAGED),
            ]
        )


def test_a_store_is_made_then_found_up_to_date(tmp_path: Path) -> None:
    code, out, _ = call("db", "upgrade")
    assert code == 0
    assert out.startswith(f"The store at {tmp_path}/ticket-sync.db was made")
    assert "is up to date" in call("db", "upgrade")[1]


def test_status_without_a_store_says_so_and_makes_none(tmp_path: Path) -> None:
    code, out, err = call("status")
    assert (code, out) == (2, "")
    assert err.startswith(f"There is no store at {tmp_path}/ticket-sync.db yet;")
    assert not (tmp_path / "ticket-sync.db").exists()


def test_status_counts_what_is_due_held_parked_and_dead() -> None:
    call("db", "upgrade")
    store = open_store(load(secrets=Secrets.UNNEEDED).store.url.get_secret_value())
    filled(store)
    store.close()
    code, out, _ = call("status", "--json")
    assert code == 0
    data = json.loads(out)
    tickets = data["tickets"]
    assert 595 < tickets.pop("oldest_due_seconds") < 700
    standings = {
        "due": 2,
        "held": 1,
        "parked": 1,
        "fields_parked": 0,
        "unsure": 1,
        "linked": 6,
        "spared": 1,
        "paused": 0,
        "recorded_ahead": 0,
    }
    assert tickets == {**standings, "total": 8}
    assert data["deliveries"]["waiting"] == 1
    assert data["deliveries"]["dead"] == 1
    assert 55 < data["deliveries"]["last_received_seconds_ago"] < 160
    eu, main = data["sites"]
    assert (eu["site"], eu["tickets"], eu["trouble"]) == ("eu", 1, "")
    assert (main["due"], main["held"], main["parked"], main["unsure"]) == (2, 1, 1, 1)
    assert main["trouble"] == "Jira answers 503"


def test_status_tells_of_damage_that_no_query_meets() -> None:
    call("db", "upgrade")
    store = open_store(load(secrets=Secrets.UNNEEDED).store.url.get_secret_value())
    overwrite(store, "memberships")
    code, out, _ = call("status", "--json")
    assert code == 0
    assert "the file is damaged" in json.loads(out)["damage"]
    code, out, _ = call("status")
    assert code == 0
    assert "Put a backup of it in its place" in " ".join(out.split())


def test_heads_are_counted_told_and_not_read_again() -> None:
    call("db", "upgrade")
    store = open_store(load(secrets=Secrets.UNNEEDED).store.url.get_secret_value())
    words = "9000000 bytes came, of which the first 2 are kept"
    with store.write() as session:
        head = Accepted("coalesce", "e1", "issue_created", b'{"', 1.0, Cut("d", "", words))
        whole = Accepted("coalesce", "e2", "issue_created", b"{", 1.0)
        deliveries.recover(session, [head, whole])
        deliveries.mark_dead(session, deliveries.recent(session)[0], "the body is not JSON")
    store.close()
    found = json.loads(call("status", "--json")[1])["deliveries"]
    assert (found["dead"], found["heads"]) == (2, 1)
    assert "of them larger than max_body" in call("status")[1]
    _, listed, _ = call("dead", "list", "--json")
    [shown] = [one for one in json.loads(listed) if one["event_id"] == "e1"]
    assert shown["reason"] == f"larger than max_body: {words}"
    code, _, err = call("dead", "replay", shown["id"])
    assert code == 1
    assert words in " ".join(err.split())
    assert json.loads(call("dead", "replay", "--all", "--json")[1]) == {"replayed": 1}


def test_status_is_told_in_words() -> None:
    call("db", "upgrade")
    store = open_store(load(secrets=Secrets.UNNEEDED).store.url.get_secret_value())
    filled(store)
    store.close()
    code, out, _ = call("status")
    assert code == 0
    for words in ("oldest since 10 min ago", "Jira answers 503", "last delivery", "never made"):
        assert words in out
    assert re.search(r"\d+ (s|min) ago", out)


def test_an_example_configuration_needs_only_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = call("config", "example")
    assert code == 0
    Path("new.toml").write_text(out)
    monkeypatch.setenv("COALESCE_SIGNING_SECRET", "s")
    monkeypatch.setenv("JIRA_TOKEN", "t")
    code, shown, _ = call("config", "show", "--config", "new.toml")
    assert code == 0
    assert "port = 8080" in shown


def test_what_is_in_force_is_shown_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOT_SET_HERE", "hunter2")
    monkeypatch.setenv("TICKET_SYNC_SERVER__PORT", "9000")
    monkeypatch.setenv("TICKET_SYNC_STORE__URL", "postgresql://me:hunter2@db.example.com/x")
    code, shown, _ = call("config", "show")
    assert code == 0
    assert "port = 9000" in shown
    assert 'token = "(secret)"' in shown
    assert "postgresql+psycopg://me:***@db.example.com/x" in shown
    assert "hunter2" not in shown
    code, out, _ = call("config", "show", "--json")
    assert json.loads(out)["coalesce"]["signing_secrets"] == ["(secret)"]
    assert "hunter2" not in out


def a_daemon(name: str = "host-12-abc") -> tuple[Store, Liveness]:
    """The store, and a daemon that uses it."""
    call("db", "upgrade")
    store = open_store(load(secrets=Secrets.UNNEEDED).store.url.get_secret_value())
    daemon = Liveness(store, name)
    daemon.alone()
    return store, daemon


def test_status_has_a_row_for_each_daemon_and_each_last_sweep() -> None:
    store, daemon = a_daemon()
    with store.write() as session:
        run = {"owner": "me", "window_from": 0.0, "window_to": 1.0}
        for result in ("failed", "ok"):
            at = time.time() - 120
            row = SweepRunRow(sweep="issues", started_at=at, result=result, **run)
            session.add(row)
    code, out, _ = call("status", "--json")
    data = json.loads(out)
    (one,) = data["daemons"]
    assert code == 0
    assert (one["host"], one["pid"], one["version"], one["alive"]) == (
        "host",
        12,
        __version__,
        True,
    )
    assert abs(datetime.now(UTC) - datetime.fromisoformat(one["since"])) < timedelta(hours=1)
    assert [(run["name"], run["result"]) for run in data["sweeps"]] == [("issues", "ok")]
    out = call("status")[1]
    for words in (__version__, "Last sweeps", "issues", "2 min ago"):
        assert words in out
    daemon.end()
    store.close()
    assert json.loads(call("status", "--json")[1])["daemons"] == []


def test_a_check_of_the_status_says_by_its_exit_code_whether_all_is_well() -> None:
    store, daemon = a_daemon()
    assert call("status", "--check") == (0, "All is well\n", "")
    with store.write() as session:
        late = {"due_at": time.time() - 3600, "created_at": 1.0, "error": "Jira answers 503"}
        session.add(TicketRow(key="late", rule="r", site="main", project="P", **late))
    code, out, _ = call("status", "--check")
    assert code == 1
    assert out == (
        "Working, but one thing needs a person\n"
        "- 1 ticket is due, the oldest for 60 min. main: Jira answers 503\n"
    )
    with store.write() as session:
        accepted = Accepted("coalesce", "e1", "issue_created", b"{}", time.time() - 400)
        deliveries.recover(session, [accepted])
    code, out, _ = call("status", "--check", "--json")
    assert code == 2
    assert [one["words"] for one in json.loads(out)["needs"]] == [
        "1 delivery waits to be read, the oldest for 7 min",
        "1 ticket is due, the oldest for 60 min",
    ]
    daemon.end()
    code, out, _ = call("status", "--check")
    assert code == 2
    assert out.startswith("Nothing works: no daemon runs\n")
    store.close()


def test_a_failed_sweep_and_an_upstream_that_is_down_need_a_person() -> None:
    store, daemon = a_daemon()
    with store.write() as session:
        run = {"owner": "me", "window_from": 0.0, "window_to": 1.0, "words": "the API answered 500"}
        session.add(SweepRunRow(sweep="issues", started_at=1.0, result="failed", **run))
    way = {"way": "the API", "trouble": "nobody answers", "off": {}}
    upstreams.note_standing(store, "coalesce", way, time.time())
    code, out, _ = call("status", "--check")
    assert code == 1
    assert "- The last run of the sweep issues failed. the API answered 500\n" in out
    assert "- coalesce cannot be told: nobody answers\n" in out
    daemon.end()
    store.close()


def test_a_check_that_cannot_look_says_that_nothing_works() -> None:
    code, out, _ = call("status", "--check")
    assert code == 2
    assert "There is no store" in out
    code, out, _ = call("status", "--check", "--server", "http://127.0.0.1:9")
    assert code == 2
    assert "Nothing answers" in out
