"""The store as the settings want it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from sync.bootstrap.errors import CannotStart
from sync.bootstrap.stores import existing_store, ready_store, upgrade_store
from sync.settings import Settings
from sync.settings.sections import Store
from sync.store import migrations
from sync.store.errors import SchemaMismatch
from tests.postgres import Postgres


def with_store(url: str) -> Settings:
    return Settings(store=Store(url=SecretStr(url)))


def test_an_sqlite_file_is_made_and_upgraded_by_itself(tmp_path: Path) -> None:
    store = ready_store(with_store(f"sqlite:///{tmp_path}/new.db"))
    assert migrations.current(store) == migrations.head()
    store.close()


def test_looking_does_not_make_a_store(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"There is no store at .*new\.db yet; the first"):
        existing_store(with_store(f"sqlite:///{tmp_path}/new.db"))
    assert list(tmp_path.iterdir()) == []


def test_an_upgrade_says_what_it_did(tmp_path: Path) -> None:
    settings = with_store(f"sqlite:///{tmp_path}/new.db")
    assert (
        upgrade_store(settings) == f"The store at {tmp_path}/new.db was made ({migrations.head()})."
    )
    assert upgrade_store(settings).endswith(f"is up to date ({migrations.head()}).")


@pytest.mark.postgres
def test_postgresql_is_upgraded_by_hand_and_the_command_is_named(postgres: Postgres) -> None:
    name = postgres.create(migrated=False)
    settings = with_store(postgres.url(name))
    with pytest.raises(SchemaMismatch, match="ticket-sync db upgrade"):
        ready_store(settings)
    upgrade_store(settings)
    ready_store(settings).close()
    existing_store(settings).close()
    postgres.drop(name)
