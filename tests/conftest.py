"""Stores for the tests: each test that asks for one runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy import event

from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.site.call import Call, Response
from sync.store.engine import Store, open_store
from sync.store.migrations import upgrade
from sync.store.sqlite_file import not_waiting_for_the_disk
from sync.telemetry import forget_secrets
from tests.contracts.parameters import unknown
from tests.postgres import Postgres

NewStore = Callable[[str], AbstractContextManager[str]]

# Examples are the same in every run and on every machine, and no pause of a machine fails one. Others
# are tried where TICKET_SYNC_EXAMPLES asks for more of them.
settings.register_profile(
    "ticket-sync",
    derandomize=not os.environ.get("TICKET_SYNC_EXAMPLES"),
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ticket-sync")

# Takes minutes on each store, most of them waiting.
_LONGEST = "test_matrix.py"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each of two workers begin with one of the longest tests, so that none is left for the end.

    Each gets one half of the tests at first.
    """
    longest = [one for one in items if one.path.name == _LONGEST]
    items[:] = [one for one in items if one not in longest]
    for number, one in enumerate(longest):
        items.insert(number * (len(items) // 2 + 1), one)


DIALECTS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(autouse=True)
def _no_thread_of_a_daemon_is_left() -> Iterator[None]:
    """Left behind, it looks for a store that is gone, and is heard in the logs of other tests."""
    yield
    left = [one.name for one in threading.enumerate() if one.name in ("dispatcher", "triage")]
    assert left == []


@pytest.fixture(autouse=True)
def _no_secrets_and_log_levels_of_other_tests() -> Iterator[None]:
    logs = structlog.get_config()
    yield
    forget_secrets()
    if structlog.get_config() == logs:
        return
    # A verb that ran in this process set its own level, and loggers that were used keep theirs.
    structlog.configure(**logs)
    for name, module in list(sys.modules.items()):
        if name.startswith("sync.") and hasattr(module, "log"):
            vars(module.log).pop("bind", None)


@pytest.fixture(autouse=True)
def _calls_that_jira_documents(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Every call that the program makes to a simulated Jira in this process, whichever verb makes it, is
    one of Atlassian's documents, with their query parameters. Tests of the simulated site make others.
    """
    breaches: set[str] = set()
    record = JiraSandbox._record

    def recorded(sandbox: JiraSandbox, call: Call, response: Response) -> None:
        record(sandbox, call, response)
        breaches.add(unknown(call.method, call.path, call.query))

    monkeypatch.setattr(JiraSandbox, "_record", recorded)
    yield
    if "sandbox" not in request.path.parts:
        assert breaches <= {""}, breaches


@pytest.fixture(scope="session")
def _postgres() -> Callable[[], Postgres]:
    servers: list[Postgres] = []

    def get() -> Postgres:
        if not servers:
            servers.append(Postgres())
        return servers[0]

    return get


@pytest.fixture(scope="session")
def postgres(_postgres: Callable[[], Postgres]) -> Postgres:
    """The PostgreSQL server of this run."""
    return _postgres()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables, to be copied: a copy costs far less than to make the tables."""
    file = tmp_path_factory.mktemp("template") / "template.db"
    store = open_store(f"sqlite:///{file}")
    upgrade(store)
    store.close()
    return file


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Each database in turn; what ``store`` and its kin run on."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_store(
    tmp_path_factory: pytest.TempPathFactory, _postgres: Callable[[], Postgres]
) -> NewStore:
    """Makes a store without tables on a database, and gives its URL for as long as it is there."""

    @contextmanager
    def new(dialect: str) -> Iterator[str]:
        if dialect == "sqlite":
            yield f"sqlite:///{tmp_path_factory.mktemp('bare') / 'bare.db'}"
            return
        server = _postgres()
        name = server.create(migrated=False)
        yield server.url(name)
        server.drop(name)

    return new


@pytest.fixture
def bare_store_url(dialect: str, new_store: NewStore) -> Iterator[str]:
    """The URL of a store without tables."""
    with new_store(dialect) as url:
        yield url


@pytest.fixture
def store_url(
    dialect: str, tmp_path: Path, sqlite_template: Path, _postgres: Callable[[], Postgres]
) -> Iterator[str]:
    """The URL of an empty store, for tests that let other processes open it."""
    if dialect == "sqlite":
        file = tmp_path / "store.db"
        shutil.copy(sqlite_template, file)
        yield f"sqlite:///{file}"
        return
    server = _postgres()
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store, on each database in turn."""
    opened = _opened(store_url)
    yield opened
    opened.close()


def _opened(url: str) -> Store:
    """A store whose commits do not wait for the disk, which only a loss of power would show."""
    opened = open_store(url)
    if opened.engine.dialect.name == "sqlite":
        event.listen(opened.engine, "checkout", not_waiting_for_the_disk)
    return opened


@pytest.fixture
def sqlite_store(tmp_path: Path, sqlite_template: Path) -> Iterator[Store]:
    """An empty store on SQLite, for tests that are about something else."""
    file = tmp_path / "sqlite.db"
    shutil.copy(sqlite_template, file)
    opened = _opened(f"sqlite:///{file}")
    yield opened
    opened.close()
