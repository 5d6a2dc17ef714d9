"""What has changed in the settings since they were read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sync.settings.load import called, load
from sync.settings.root import Settings
from sync.toml import Path


def changed(settings: Settings) -> list[str]:
    """The settings that read otherwise now, as ``[server] port``; of secrets, their names alone.

    None of them where the settings came through a pipe, which cannot be read again. Raises
    SettingsError where the settings have mistakes now.
    """
    if not settings.lasting:
        return []
    now = load(settings.file)
    return sorted(_different((), settings.model_dump(), now.model_dump()))


def _different(path: Path, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _different((*path, key), before.get(key), after.get(key))
    elif before != after:
        yield called(path)
