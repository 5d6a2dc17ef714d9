"""The settings in force, for people and for machines, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from sync.domain import durations
from sync.settings.connection import shown_proxy
from sync.settings.root import Settings
from sync.settings.values import parse_duration, parse_size, size_text
from sync.store.url import without_password
from sync.toml import Path

_HIDDEN = "(secret)"


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
        return _HIDDEN if value.get_secret_value() else ""
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def as_toml(settings: Settings) -> str:
    """The settings in the form of the configuration file, each with the place it comes from."""
    return "\n".join(_lines(settings, settings, as_data(settings), ())).strip()


def _lines(
    settings: Settings, section: BaseModel, shown: dict[str, Any], path: Path
) -> Iterator[str]:
    tables: list[tuple[Path, BaseModel, dict[str, Any]]] = []
    if path and any(not _tables(getattr(section, name)) for name in shown):
        yield f"\n[{'.'.join(map(_key, path))}]"
    for name, field in type(section).model_fields.items():
        here = (*path, name)
        if inner := _tables(getattr(section, name)):
            for steps, table in inner.items():
                data = shown[name]
                for step in steps:
                    data = data[step]
                tables.append(((*here, *steps), table, data))
        elif shown[name] != {}:
            written = _written(field, shown[name], settings.written(here))
            yield _line(name, written, settings, here)
    for where, table, data in tables:
        yield from _lines(settings, table, data, where)


def _key(step: object) -> str:
    text = str(step)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text)


def _line(name: str, written: Any, settings: Settings, path: Path) -> str:
    line = f"# {name} is not set" if written is None else f"{name} = {_toml(written)}"
    origin = "default" if settings.written(path) is None else settings.position(path)
    return f"{line:<44}  # {origin}"


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
