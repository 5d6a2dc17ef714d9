"""Tables of their own for leases, rule sets, pauses of sites and the write probe, which all lay in
``watermarks``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_OPTIONAL_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_SECONDS = sa.Float(53)

_STATES = {"rules: in force": "in_force", "rules: waiting": "waiting", "rules: problem": "refused"}


def upgrade() -> None:
    """Add the tables, and move the rows of ``watermarks`` to where they belong."""
    old = op.get_bind().execute(sa.text("SELECT * FROM watermarks").columns(value=_JSON)).all()
    op.drop_table("watermarks")
    watermarks = op.create_table(
        "watermarks",
        sa.Column("sweep", sa.String(200), nullable=False),
        sa.Column("value", _JSON, nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("sweep"),
    )
    leases = op.create_table(
        "leases",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("until", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    pauses = op.create_table(
        "site_pauses",
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("until", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("site"),
    )
    op.create_table(
        "write_probe",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(watermarks, _watermarks(old))
    op.bulk_insert(leases, _leases(old))
    op.bulk_insert(pauses, _pauses(old))
    op.bulk_insert(_rule_sets(), [_rule_set(row) for row in old if row.name in _STATES])


def _watermarks(old: Sequence[Any]) -> list[dict[str, Any]]:
    """The watermarks of sweeps. The rules' lease was kept like a sweep's: its watermark says nothing."""
    return [
        {"sweep": row.name.removeprefix("sweep:"), "value": row.value, "at": row.at}
        for row in old
        if row.name.startswith("sweep:") and row.name != "sweep:rules" and row.value
    ]


def _leases(old: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": "rules" if row.name == "sweep:rules" else row.name,
            "owner": row.lease_owner,
            "until": row.lease_until or 0.0,
        }
        for row in old
        if row.lease_owner
    ]


def _pauses(old: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"site": row.name.removeprefix("pause: "), "until": row.value.get("until", 0.0)}
        for row in old
        if row.name.startswith("pause: ")
    ]


def _rule_sets() -> sa.Table:
    return op.create_table(
        "rule_sets",
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("texts", _JSON, nullable=False),
        sa.Column("previous", _OPTIONAL_JSON, nullable=True),
        sa.Column("reach", sa.String(16), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.Integer(), nullable=False),
        sa.Column("mistakes", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("state"),
    )


def _rule_set(row: Any) -> dict[str, Any]:
    value = row.value
    return {
        "state": _STATES[row.name],
        "at": row.at,
        "digest": value.get("digest", ""),
        "how": value.get("how", ""),
        "texts": value.get("texts", {}),
        "previous": value.get("previous"),
        "reach": value.get("reach", "all"),
        "changed": value.get("changed", 0),
        "made": value.get("made", 0),
        "looked_at": value.get("looked_at", 0),
        "mistakes": value.get("words", []),
    }
