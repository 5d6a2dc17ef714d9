"""The migrations make what the tables say, safely, and refuse what they do not know."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from sync.store import migrations
from sync.store.engine import Store, open_store
from sync.store.errors import SchemaMismatch

_INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": (
        "SELECT indexname, indexdef FROM pg_indexes "
        "WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    ),
}


def _indexes(store: Store) -> dict[str, str]:
    with store.read_connection() as connection:
        rows = connection.execute(text(_INDEXES[store.dialect]))
        return {name: " ".join(sql.split()) for name, sql in rows}


def test_the_migrated_schema_is_the_one_the_tables_describe(store: Store) -> None:
    with store.read_connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_migrated_indexes_are_the_ones_the_tables_describe(
    store: Store, bare_store_url: str
) -> None:
    described = open_store(bare_store_url)
    with described.write_connection() as connection:
        SQLModel.metadata.create_all(connection)
    assert _indexes(store) == _indexes(described)
    described.close()


def test_the_names_of_the_files_say_the_revisions_in_their_order() -> None:
    scripts = ScriptDirectory.from_config(migrations._config()).walk_revisions()
    assert [script.revision for script in scripts] == migrations.REVISIONS[::-1]


def test_upgrading_a_new_store_brings_it_to_the_newest_revision(bare_store_url: str) -> None:
    store = open_store(bare_store_url)
    assert migrations.current(store) == ""
    with pytest.raises(SchemaMismatch, match="db upgrade"):
        migrations.check(store)
    assert migrations.upgrade(store) == ("", migrations.head())
    assert migrations.upgrade(store) == (migrations.head(), migrations.head())
    assert migrations.current(store) == migrations.head()
    migrations.check(store)
    store.close()


def test_several_may_upgrade_at_once(bare_store_url: str) -> None:
    stores = [open_store(bare_store_url) for _ in range(6)]
    with ThreadPoolExecutor(len(stores)) as pool:
        before = sorted(first for first, _ in pool.map(migrations.upgrade, stores))
    assert before == ["", *[migrations.head()] * 5]
    for store in stores:
        store.close()


def test_a_store_from_a_newer_program_is_refused_in_words(store: Store) -> None:
    with store.write_connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(SchemaMismatch, match=r"newer ticket-sync .*r9999"):
        migrations.upgrade(store)
    with pytest.raises(SchemaMismatch, match="newer ticket-sync"):
        migrations.check(store)


def test_a_store_at_several_revisions_is_refused_in_words(store: Store) -> None:
    with store.write_connection() as connection:
        connection.execute(text("INSERT INTO alembic_version VALUES ('r0001')"))
    for look in (migrations.upgrade, migrations.check):
        with pytest.raises(SchemaMismatch, match=r"several revisions .*r0001, .* restore a backup"):
            look(store)


def test_a_store_that_lost_a_table_is_refused_in_words(store: Store) -> None:
    with store.write_connection() as connection:
        connection.execute(text("DROP TABLE watermarks"))
    for look in (migrations.upgrade, migrations.check):
        with pytest.raises(
            SchemaMismatch, match=r"lost tables of its own \(watermarks\); restore a backup"
        ):
            look(store)


def test_a_database_of_another_program_is_left_alone(bare_store_url: str) -> None:
    store = open_store(bare_store_url)
    with store.write_connection() as connection:
        connection.execute(text("CREATE TABLE deliveries (x INTEGER)"))
    with pytest.raises(SchemaMismatch, match=r"another program: it has a table 'deliveries'"):
        migrations.upgrade(store)
    with store.read_connection() as connection:
        assert inspect(connection).get_table_names() == ["deliveries"]
    store.close()


def test_an_upgrade_that_fails_leaves_nothing_behind(
    bare_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(bare_store_url)
    with monkeypatch.context() as broken:
        broken.setattr("alembic.op.create_index", _fail)
        with pytest.raises(RuntimeError, match="half way"):
            migrations.upgrade(store)
    assert migrations.current(store) == ""
    migrations.upgrade(store)
    store.close()


def _fail(*_args: object, **_kwargs: object) -> None:
    raise RuntimeError("half way")


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_tickets_are_vacuumed_early(store: Store) -> None:
    with store.read_connection() as connection:
        options = connection.execute(
            text("SELECT reloptions FROM pg_class WHERE relname = 'tickets'")
        ).scalar_one()
    assert "autovacuum_vacuum_scale_factor=0.01" in options
