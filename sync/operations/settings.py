"""What is set, and by whom: the file, the environment, or nobody."""

from __future__ import annotations

from dataclasses import dataclass

from sync.settings import Settings
from sync.settings.show import HIDDEN, Entry, entries, secret_from


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting in force. ``origin`` is file and line, an environment variable, or "default"; ``given``:
    it is set somewhere. Secrets only say where they come from."""

    table: str
    name: str
    value: str
    origin: str
    given: bool
    secret: bool


@dataclass(frozen=True, slots=True)
class SettingsInForce:
    """All settings: those that are given, then those at their defaults."""

    given: list[SettingLine]
    defaults: list[SettingLine]


def settings_in_force(settings: Settings) -> SettingsInForce:
    """The settings of the daemon that answers, as it read them at its start."""
    lines = [_line(settings, entry) for entry in entries(settings)]
    return SettingsInForce(
        given=[one for one in lines if one.given], defaults=[one for one in lines if not one.given]
    )


def sentence(found: SettingsInForce) -> str:
    """The answer in words."""
    number = len(found.given)
    noun = "setting is" if number == 1 else "settings are"
    return f"{number} {noun} given, {len(found.defaults)} are at their defaults"


def _line(settings: Settings, entry: Entry) -> SettingLine:
    secret = HIDDEN in (entry.value if isinstance(entry.value, list) else [entry.value])
    path = (*entry.table, entry.name)
    value = (
        secret_from(settings, path) if secret and not isinstance(entry.value, list) else entry.text
    )
    if secret and isinstance(entry.value, list):
        value = f"{len(entry.value)} set"
    return SettingLine(
        table=".".join(map(str, entry.table)),
        name=entry.name,
        value=value,
        origin=entry.origin,
        given=entry.given,
        secret=secret,
    )
