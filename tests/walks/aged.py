"""A store as the program left it before calls whose ends are not known had one form: ``intents``."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import command
from sqlmodel import SQLModel

from sync.store import migrations
from sync.store.engine import Store, open_store
from sync.store.tables import Json, OptionalJson

_TABLES = SQLModel.metadata.tables
# Columns that the old form does not have.
_NEW = (
    "intents",
    "settled_by",
    "admission",
    "admission_at",
    "untold",
    "aside",
    "edit",
    "edit_open",
    "undoes",
    "merged",
)
_SUBJECTS = sa.table(
    "subjects",
    *(sa.column(c.name, c.type) for c in _TABLES["subjects"].columns if c.name != "title_folded"),
)
_LINKS = sa.table(
    "links", *(sa.column(c.name, c.type) for c in _TABLES["links"].columns if c.name != "placed")
)
_OLD = sa.table(
    "tickets",
    *(sa.column(c.name, c.type) for c in _TABLES["tickets"].columns if c.name not in _NEW),
    sa.column("intent_at", sa.Float(53)),
    sa.column("searches", sa.Integer),
    sa.column("comment_intent", OptionalJson),
    sa.column("settled_at", sa.Float(53)),
    sa.column("base", Json),
)


def aged(store: Store, url: str, longest_call: float) -> Store:
    """A copy of what a store holds at ``url``, written in the old forms and then upgraded."""
    old = open_store(url)
    with store.read_connection() as source, old.write_connection() as target:
        command.upgrade(migrations._config(target), "r0004")
        for name in ("subjects", "tickets", "links", "memberships"):
            rows = source.execute(sa.select(_TABLES[name])).mappings()
            for row in rows:
                values = dict(row)
                if name == "tickets":
                    values = _old_form(values, longest_call)
                values.pop("title_folded", None)
                values.pop("placed", None)
                table = {"tickets": _OLD, "subjects": _SUBJECTS, "links": _LINKS}.get(
                    name, _TABLES[name]
                )
                target.execute(sa.insert(table), values)
    migrations.upgrade(old)
    return old


def _old_form(row: dict[str, Any], longest_call: float) -> dict[str, Any]:
    intents, *_ = (row.pop(name) for name in _NEW)
    base = {**row["base"], "untold": row["base"].get("unannounced", False)}
    base.pop("unannounced", None)
    row |= {"intent_at": None, "searches": 0, "comment_intent": None, "settled_at": None}
    for one in intents:
        until, payload = one["until"], one["payload"]
        if one["kind"] == "create":
            base = payload["base"]
            base["untold"] = base.pop("unannounced")
            row |= {"intent_at": one["begun"], "searches": one["looks"]}
        elif one["kind"] == "comment":
            begun = one["begun"] if until is None else until and until - longest_call
            row["comment_intent"] = {
                "marker": one["about"],
                "text": payload["text"],
                "edit": payload["edit"],
                "begun": "" if one["begun"] is None else str(begun),
                "tries": str(one["looks"]),
            }
        elif one["kind"] == "link":
            base["linking"] = [*base.get("linking", ()), one["about"]]
        else:
            base["open_until"] = one["begun"] + longest_call if until is None else until
            if one["kind"] == "update":
                base["updating"] = payload
            else:
                base |= {"moving": one["about"], "arriving": payload["arrives"]}
    return {**row, "base": base}
