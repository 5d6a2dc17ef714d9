"""``db``: what a person sees who looks after the store."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.bootstrap.stores import upgrade_store
from sync.cli.main import app
from sync.settings import Secrets, load
from sync.store import continuity
from sync.store.engine import open_store
from sync.store.liveness import Liveness
from sync.store.migrations import head
from tests.store import earlier

CONFIG = """
[store]
url = "{url}"
[coalesce]
signing_secrets = [{{ env = "NOT_SET_HERE" }}]
[sites.main]
url = "https://jira.example.com"
project = "DATA"
token = {{ env = "NOT_SET_HERE" }}
"""


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(CONFIG.format(url="sqlite:///store.db"))


@pytest.fixture
def _store(tmp_path: Path, sqlite_template: Path) -> None:
    Path("store.db").write_bytes(sqlite_template.read_bytes())
    with closing(open_store("sqlite:///store.db")) as store:
        continuity.check(store, {"main": "https://jira.example.com"}, 1_790_000_000.0)


def call(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["db", *args])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("_store")
def test_a_backup_is_made_and_restored_and_the_log_says_so() -> None:
    code, out, err = call("backup", "saved.db")
    assert code == 0, err
    assert "saved.db" in out
    assert f"tables at {head()}" in out
    code, _, err = call("backup", "saved.db")
    assert code == 2
    assert "there already" in err
    code, out, _ = call("backup", "saved.db", "--force", "--json")
    assert (code, json.loads(out)["revision"]) == (0, head())
    code, out, err = call("restore", "saved.db")
    assert code == 0, err
    for words in ("is kept:", "looks in Jira", "token list"):
        assert words in out
    with closing(sqlite3.connect("store.db")) as raw:
        acts = raw.execute("SELECT act, words FROM log").fetchall()
    assert acts == [("db restore", "saved.db was put in the place of the store")]


@pytest.mark.usefixtures("_store")
def test_no_store_is_restored_or_vacuumed_under_a_daemon() -> None:
    assert call("backup", "saved.db")[0] == 0
    with closing(open_store("sqlite:///store.db")) as store:
        daemon = Liveness(store, "host-12-abc")
        daemon.alone()
        for args in (["restore", "saved.db"], ["vacuum"]):
            code, _, err = call(*args)
            assert code == 2
            assert "process 12 on host" in err
        assert call("backup", "again.db")[0] == 0
        assert call("check")[0] == 0
        daemon.end()
    assert call("vacuum")[0] == 0


@pytest.mark.usefixtures("_store")
def test_a_check_ends_badly_where_something_is_wrong() -> None:
    code, out, _ = call("check")
    assert (code, "BAD" in out) == (0, False)
    with closing(sqlite3.connect("store.db")) as raw:
        raw.execute("DROP INDEX ix_journal_at")
    code, out, _ = call("check")
    assert code == 1
    assert "BAD  indexes: missing: ix_journal_at" in out
    code, out, _ = call("check", "--json")
    assert (code, json.loads(out)["well"]) == (1, False)


def test_an_upgrade_keeps_a_copy_that_can_be_put_back() -> None:
    with closing(open_store("sqlite:///store.db")) as store:
        earlier.build(store, "r0014")
    assert json.loads(call("backup", "before.db", "--json")[1])["revision"] == "r0014"
    assert "from r0014" in upgrade_store(load(None, secrets=Secrets.UNNEEDED))
    (copy,) = Path().glob("store.db.at-r0014-*Z")
    code, out, err = call("restore", str(copy))
    assert code == 0, err
    assert "Its tables are at r0014" in out
    assert "from r0014" in call("upgrade")[1]


def test_no_copy_is_kept_where_the_settings_say_so() -> None:
    text = Path("config.toml").read_text()
    Path("config.toml").write_text(text.replace("[coalesce]", "upgrade_copies = 0\n[coalesce]"))
    with closing(open_store("sqlite:///store.db")) as store:
        earlier.build(store, "r0014")
    assert "from r0014" in call("upgrade")[1]
    assert not list(Path().glob("store.db.at-*"))


def test_postgresql_is_backed_up_by_its_own_programs_whose_commands_are_shown() -> None:
    url = "postgresql+psycopg://me:secret@db.example.com/name"
    Path("config.toml").write_text(CONFIG.format(url=url))
    code, _, err = call("backup", "my dump")
    assert code == 2
    command = "pg_dump --format=custom --file='my dump' postgresql://me@db.example.com/name"
    assert command in " ".join(err.split())
    code, _, err = call("restore", "my dump")
    assert code == 2
    assert "pg_restore" in err
    assert "secret" not in err


@pytest.mark.usefixtures("_store")
def test_a_store_is_copied_and_both_sides_are_told_to_be_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, out, err = call("copy", "--to", "sqlite:///other.db")
    assert code == 0, err
    assert "rows are there and equal" in out
    assert call("copy", "--to", "sqlite:///other.db")[0] == 2
    monkeypatch.setenv("TICKET_SYNC_COPY_TO", "sqlite:///third.db")
    code, out, _ = call("copy", "--json")
    assert code == 0
    assert json.loads(out)["tables"]["sites"]["rows"] == 1
    code, _, err = call("copy", "--to", "mysql://me:secret@host/name")
    assert code == 2
    assert "neither SQLite nor PostgreSQL" in err
    assert "secret" not in err
