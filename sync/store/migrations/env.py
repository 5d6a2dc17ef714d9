"""Alembic runs this file: it applies the revisions on the connection of ``migrations.upgrade``."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import sync.store.admin_tables  # noqa: F401  (fills the metadata, with sync.store.tables)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    compare_type=True,
)
context.run_migrations()
