"""The settings in force, for people and for machines, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from sync.domain import durations
from sync.settings.connection import shown_proxy
from sync.settings.root import Settings
from sync.settings.values import parse_duration, parse_size, size_text
from sync.store.url import without_password
from sync.toml import Path

# What stands in the place of a secret.
HIDDEN = "(secret)"


def as_data(settings: Settings) -> dict[str, Any]:
    """All settings as JSON-compatible data; durations in seconds, sizes in bytes."""
    data = settings.model_dump()
    data["store"]["url"] = without_password(settings.store.url.get_secret_value())
    if settings.store.direct_url:
        direct = settings.store.direct_url.get_secret_value()
        data["store"]["direct_url"] = without_password(direct)
    for site in data["sites"].values():
        site["proxy"] = shown_proxy(site["proxy"].get_secret_value())
    shown: dict[str, Any] = _shown(data)
    return shown


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shown(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_shown(part) for part in value]
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting: its table and name, its value as the file would give it, where the value comes from
    (file and line, environment variable, or "default"), and whether it is ``given`` at all."""

    table: Path
    name: str
    value: Any
    origin: str
    given: bool

    @property
    def text(self) -> str:
        """The value in the words of the file; a secret says where it comes from."""
        return "not set" if self.value is None else _toml(self.value)


def entries(settings: Settings) -> Iterator[Entry]:
    """All settings, table by table."""
    yield from _entries(settings, settings, as_data(settings), ())


def as_toml(settings: Settings) -> str:
    """The settings in the form of the configuration file, each with the place it comes from."""
    lines: list[str] = []
    table: Path = ()
    for entry in entries(settings):
        if entry.table != table:
            table = entry.table
            lines.append(f"\n[{'.'.join(map(_key, table))}]")
        lines.append(_line(entry))
    return "\n".join(lines).strip()


def secret_from(settings: Settings, path: Path) -> str:
    """Where a secret comes from, in words, without a part of it: "set, from JIRA_TOKEN"."""
    given = settings.written(path)
    if isinstance(given, dict) and "env" in given:
        return f"set, from {given['env']}"
    if isinstance(given, dict) and "file" in given:
        return f"set, from the file {given['file']}"
    if isinstance(given, dict) and "credential" in given:
        return f"set, from the credential {given['credential']}"
    return "set" if given else "not set"


def _entries(
    settings: Settings, section: BaseModel, shown: dict[str, Any], path: Path
) -> Iterator[Entry]:
    tables: list[tuple[Path, BaseModel, dict[str, Any]]] = []
    for name, field in type(section).model_fields.items():
        here = (*path, name)
        if inner := _tables(getattr(section, name)):
            for steps, table in inner.items():
                data = shown[name]
                for step in steps:
                    data = data[step]
                tables.append(((*here, *steps), table, data))
        elif shown[name] != {}:
            given = settings.written(here)
            origin = "default" if given is None else str(settings.position(here))
            written = _written(field, shown[name], given)
            yield Entry(path, name, written, origin, given is not None)
    for where, table, data in tables:
        yield from _entries(settings, table, data, where)


def _key(step: object) -> str:
    text = str(step)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text)


def _line(entry: Entry) -> str:
    value, name = entry.value, entry.name
    line = f"# {name} is not set" if value is None else f"{name} = {_toml(value)}"
    return f"{line:<44}  # {entry.origin}"


def _tables(value: Any) -> dict[tuple[str, ...], BaseModel]:
    """The tables that a setting is made of, by their keys below it. Empty for a plain value."""
    if isinstance(value, BaseModel):
        return {(): value}
    if isinstance(value, dict):
        return {(key,): part for key, part in value.items() if isinstance(part, BaseModel)}
    return {}


def _written(field: FieldInfo, value: Any, given: Any) -> Any:
    """A value in the words of the file: durations and sizes as they were written or, by default, with
    the largest units that fit."""
    readers = {getattr(one, "func", None) for one in field.metadata}
    if value is None or not readers & {parse_duration, parse_size}:
        return value
    if given is not None:
        return given
    return durations.written(value) if parse_duration in readers else size_text(value)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
