"""The tables of the pages: the log of acts, sessions, tokens of the API, edits of the rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0018"
down_revision = "r0017"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_SECONDS = sa.Float(53)


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "log",
        sa.Column("id", _BIG_ID, primary_key=True),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("act", sa.String(64), nullable=False),
        sa.Column("about", sa.String(300), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False),
    )
    for column in ("act", "account", "about"):
        op.create_index(f"ix_log_{column}", "log", [column, "id"])
    op.create_index("ix_log_at", "log", ["at"])
    op.create_table(
        "web_sessions",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("granted", sa.String(64), nullable=False),
        sa.Column("form_token", sa.String(64), nullable=False),
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("until", _SECONDS, nullable=False),
    )
    op.create_index("ix_web_sessions_until", "web_sessions", ["until"])
    op.create_table(
        "api_tokens",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("until", _SECONDS),
        sa.Column("used_at", _SECONDS),
    )
    op.create_index("ix_api_tokens_hash", "api_tokens", ["hash"], unique=True)
    _rules()


def _rules() -> None:
    op.create_table(
        "rule_drafts",
        sa.Column("id", _BIG_ID, primary_key=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("texts", _JSON, nullable=False),
        sa.Column("removed", _JSON, nullable=False),
        sa.Column("began", _JSON, nullable=False),
        sa.Column("began_texts", _JSON, nullable=False),
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("changed_at", _SECONDS, nullable=False),
    )
    op.create_index("ix_rule_drafts_account", "rule_drafts", ["account"])
    op.create_table(
        "rule_versions",
        sa.Column("id", _BIG_ID, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("made", sa.Integer, nullable=False),
        sa.Column("texts", _JSON, nullable=False),
    )
    op.create_index("ix_rule_versions_digest", "rule_versions", ["digest", "id"])
