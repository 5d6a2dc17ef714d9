"""The settings in force, for people and for machines, without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from sync.settings.connection import shown_proxy
from sync.settings.root import Settings
from sync.store.url import without_password

_HIDDEN = "(secret)"


def as_data(settings: Settings) -> dict[str, Any]:
    """All settings as JSON-compatible data; durations in seconds, sizes in bytes."""
    data = settings.model_dump()
    data["store"]["url"] = without_password(settings.store.url.get_secret_value())
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
    """The settings in the form of the configuration file."""
    return "\n".join(_lines(as_data(settings), ())).strip()


def _lines(table: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    plain = {k: v for k, v in table.items() if not isinstance(v, dict)}
    if path and plain:
        yield f"\n[{'.'.join(path)}]"
    for key, value in plain.items():
        if value is None:
            yield f"# {key} is not set"
        else:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _lines(value, (*path, key))
