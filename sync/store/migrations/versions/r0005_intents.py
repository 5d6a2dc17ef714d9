"""One column for all calls that were begun and whose ends are not known.

Before, a create had columns of its own, a comment had another, and updates, moves and links between
tickets stood among the fields of ``base``.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TICKETS = sa.table(
    "tickets",
    sa.column("id", sa.BigInteger),
    sa.column("state", sa.String),
    sa.column("intent_at", sa.Float(53)),
    sa.column("searches", sa.Integer),
    sa.column("comment_intent", _JSON),
    sa.column("base", _JSON),
    sa.column("intents", _JSON),
)
_BATCH = 1000
_OF_CALLS = ("moving", "arriving", "updating", "linking", "open_until")


def upgrade() -> None:
    """Add the column, convert what is open, and drop the old columns."""
    op.add_column("tickets", sa.Column("intents", _JSON, nullable=False, server_default="[]"))
    _convert(op.get_bind())
    for name in ("intent_at", "searches", "comment_intent", "settled_at"):
        op.drop_column("tickets", name)


def _convert(connection: sa.Connection) -> None:
    last = 0
    while True:
        some = sa.select(_TICKETS).where(_TICKETS.c.id > last).order_by(_TICKETS.c.id).limit(_BATCH)
        rows = connection.execute(some).mappings().all()
        if not rows:
            return
        last = rows[-1]["id"]
        for row in rows:
            base = row["base"] or {}
            found = [*_create(row), *_comment(row), *_in_base(base)]
            if found or base.get("untold"):
                connection.execute(
                    sa.update(_TICKETS)
                    .where(_TICKETS.c.id == row["id"])
                    .values(intents=found, base=_without_calls(base))
                )


def _intent(kind: str, about: str = "", **more: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"begun": None, "until": None, "looks": 0, "payload": {}}
    return {"kind": kind, "about": about, **nothing, **more}


def _create(row: sa.RowMapping) -> list[dict[str, Any]]:
    if row["state"] != "creating":
        return []
    # The base was put on record with the call: it is what the call sent.
    payload = {"base": _without_calls(row["base"] or {})}
    return [_intent("create", begun=row["intent_at"], looks=row["searches"], payload=payload)]


def _comment(row: sa.RowMapping) -> list[dict[str, Any]]:
    old = row["comment_intent"]
    if not old:
        return []
    begun = float(old["begun"]) if old.get("begun") else None
    return [
        _intent(
            "comment",
            old["marker"],
            begun=begun,
            # A call that had ended for good was written as begun at 0.
            until=0.0 if begun == 0.0 else None,
            looks=int(old.get("tries") or 0),
            # Once a call had been begun, the comment to rewrite was known to be gone.
            payload={"text": old["text"], "edit": "" if old.get("begun") else old.get("edit", "")},
        )
    ]


def _in_base(base: dict[str, Any]) -> list[dict[str, Any]]:
    until = float(base.get("open_until") or 0.0)
    found = [_intent("link", name, begun=0.0, until=0.0) for name in base.get("linking", ())]
    if base.get("updating"):
        found.append(_intent("update", begun=until, until=until, payload=base["updating"]))
    if base.get("moving"):
        arrives = {"arrives": bool(base.get("arriving"))}
        found.append(_intent("move", base["moving"], begun=until, until=until, payload=arrives))
    return found


def _without_calls(base: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in base.items() if name not in _OF_CALLS}
    if "untold" in kept:
        kept["unannounced"] = kept.pop("untold")
    return kept
