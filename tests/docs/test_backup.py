"""The commands of docs/backup.md do what the page says, on stores of both kinds."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.cli.main import app
from sync.store import continuity, migrations
from sync.store.engine import Store, open_store
from sync.store.tables import TicketRow
from sync.store.url import for_libpq
from tests.postgres import Postgres
from tests.store import earlier

pytestmark = [pytest.mark.proof, pytest.mark.postgres]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backup.md").read_text("utf-8")
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
SITES = {"main": "https://jira.example.com"}


def commands(title: str) -> list[str]:
    """The commands of a section, each in one line."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)
    assert found, f"docs/backup.md has no section {title!r}"
    text = found[1].replace("\\\n", " ")
    return [line.strip() for line in re.findall(r"^    (\S.*)$", text, re.M)]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("backups").mkdir()


def use(url: str) -> None:
    Path("config.toml").write_text(CONFIG.format(url=url))


def add_ticket(url: str, key: str) -> None:
    with closing(open_store(url)) as store, store.write() as session:
        row = TicketRow(key=key, rule="r", site="main", project="DATA", created_at=1.0)
        session.add(row)


def keys(url: str) -> list[str]:
    with closing(open_store(url)) as store, store.read() as session:
        return sorted(row.key for row in session.query(TicketRow).all())


def verb(command: str) -> str:
    """Run a command of ticket-sync; what it printed."""
    name, *args = shlex.split(command, comments=True)
    assert name == "ticket-sync"
    done = CliRunner().invoke(app, [one.replace("/backups/", "backups/") for one in args])
    assert done.exit_code == 0, done.output
    return done.stdout


def shell(command: str, server: Postgres) -> None:
    """Run a command of PostgreSQL's own programs, those that came with the server of the tests."""
    path = f"{server.programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def sqlite(sqlite_template: Path) -> str:
    """The store that the configuration names, of a daemon that has run; its address."""
    use("sqlite:///ticket-sync.db")
    Path("ticket-sync.db").write_bytes(sqlite_template.read_bytes())
    url = "sqlite:///ticket-sync.db"
    with closing(open_store(url)) as store:
        continuity.check(store, SITES, 1_790_000_000.0)
    add_ticket(url, "first")
    return url


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """A PostgreSQL database without tables; its address."""
    name = postgres.create(migrated=False)
    yield postgres.url(name)
    postgres.drop(name)


def test_sqlite_is_backed_up_and_restored(sqlite: str) -> None:
    plain, nightly = commands("Back up SQLite")
    verb(plain)
    schedule, command = re.fullmatch(r"((?:\S+ ){5}) *(.*)", nightly).groups()  # type: ignore[union-attr]
    assert schedule == "0 3 * * * "
    # As cron runs it, with the page's path of the configuration.
    once = command.replace("\\%", "%").replace("/etc/ticket-sync/", "")
    inner = re.search(r"\$\((.*?)\)", once)
    assert inner
    for _ in range(2):
        day = subprocess.check_output(["bash", "-c", inner[1]], text=True).strip()
        verb(once.replace(inner[0], day))
    assert len(list(Path("backups").iterdir())) == 2
    add_ticket(sqlite, "second")
    (restore,) = commands("Restore SQLite")
    assert "is kept" in verb(restore)
    assert keys(sqlite) == ["first"]


def test_postgresql_is_dumped_and_restored_and_notices(database: str, postgres: Postgres) -> None:
    use(database)
    (made,) = commands("Back up and restore PostgreSQL")[:1]
    verb("ticket-sync db upgrade")
    with closing(open_store(database)) as store:
        continuity.check(store, SITES, 1_790_000_000.0)
    add_ticket(database, "first")
    dump, restore = (as_shown(one, database) for one in commands("Back up and restore PostgreSQL"))
    assert made.startswith("pg_dump ")
    # The verbs show these commands for the database of the configuration.
    for act, command in (("backup", dump), ("restore", restore)):
        done = CliRunner().invoke(app, ["db", act, "backup.dump"])
        assert shlex.split(command) == shlex.split(re.search(r"pg_.*", done.stderr)[0])  # type: ignore[index]
    shell(dump, postgres)
    add_ticket(database, "second")
    shell(restore, postgres)
    assert keys(database) == ["first"]
    assert "BAD" not in verb("ticket-sync db check")
    with closing(open_store(database)) as store:
        assert doubted(store), "it is known to be older than what Jira may hold"


def doubted(store: Store) -> bool:
    """Whether the next daemon looks in Jira before it makes a ticket."""
    continuity.check(store, SITES, 1_790_000_010.0)
    with store.read() as session:
        row, _ = continuity.known(session, "main", "any")
    return row is not None and row.older


def as_shown(command: str, database: str) -> str:
    """A command of the page for the database of the test."""
    page = "postgresql://ticket_sync@db.example.com/ticket_sync"
    assert page in command
    return " ".join(command.replace(page, shlex.quote(for_libpq(database))).split())


def test_a_store_moves_to_postgresql(sqlite: str, database: str) -> None:
    copy, check = commands("Move to PostgreSQL, or back")
    page = "postgresql+psycopg://ticket_sync@db.example.com/ticket_sync"
    assert "rows are there and equal" in verb(copy.replace(page, shlex.quote(database)))
    use(database)
    assert "BAD" not in verb(check)
    assert keys(database) == keys(sqlite) == ["first"]


def test_an_upgrade_is_undone_by_restoring_the_copy() -> None:
    use("sqlite:///ticket-sync.db")
    with closing(open_store("sqlite:///ticket-sync.db")) as store:
        earlier.build(store, "r0020")
    verb("ticket-sync db upgrade")
    (copy,) = Path().glob("ticket-sync.db.at-*")
    (restore,) = commands("Before an upgrade")
    pattern = r"ticket-sync\.db\.at-r0020-\d{8}T\d{6}Z"
    assert re.search(pattern, restore)
    verb(re.sub(pattern, copy.name, restore))
    with closing(open_store("sqlite:///ticket-sync.db")) as store:
        assert migrations.current(store) == "r0020"


def test_a_store_is_checked_and_made_smaller(sqlite: str) -> None:
    assert keys(sqlite) == ["first"]
    (check,) = commands("Check")
    assert "BAD" not in verb(check)
    verb("ticket-sync db vacuum")
