"""What messages about config.toml know besides pydantic's findings: where keys belong, and remedies."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from sync.settings.root import Settings
from sync.toml import Path, Wrong
from sync.toml.findings import Language, keys_of, table_in


def _tables(annotation: Any, path: tuple[str, ...] = ()) -> dict[str, str]:
    """For every key, the table that it belongs in; the first table where several have the key."""
    if get_origin(annotation) is dict:
        return _tables(table_in(get_args(annotation)[1]), (*path, "NAME"))
    if annotation is None:
        return {}
    table = f"[{'.'.join(path)}]" if path else "the top of the file, before all tables"
    found: dict[str, str] = {}
    for name, inner in keys_of(annotation).items():
        found = {name: table} | _tables(table_in(inner), (*path, name)) | found
    return found


def _unquoted(kind: str, path: Path, given: object) -> Wrong | None:
    """Text in the place of a whole table may hold a secret, such as the address of a database in
    TICKET_SYNC_STORE; so it is not quoted."""
    if kind not in ("dict_type", "model_type", "model_attributes_type") or not isinstance(
        given, str
    ):
        return None
    table = ".".join(str(step) for step in path)
    return Wrong("must be a table, not text", f"Write its keys under [{table}].")


LANGUAGE = Language(
    model=Settings,
    noun="setting",
    tables=_tables(Settings),
    special=_unquoted,
    remedies={
        (
            "url",
            "missing",
        ): 'Set it to the address of the site: url = "https://your-team.atlassian.net".',
        (
            "url",
            "string_too_short",
        ): 'Set it to the address: url = "https://your-team.atlassian.net".',
    },
)
