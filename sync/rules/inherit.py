"""Inheritance: what a rule says, over its file's [defaults], over those of all files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.rules.errors import Place
from sync.rules.positions import Path, Positions

# Tables whose keys are inherited one by one.
BY_KEY = ("fields", "ownership", "comments", "leave_closed", "issues")
# Giving one of these replaces whatever way to the status was inherited.
TARGETS = ("status", "transition", "category", "leave")
_WAYS = (*TARGETS, "prefer", "via")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as read: its name, and where in it everything is."""

    file: str
    positions: Positions

    def place(self, path: Path) -> Place:
        return Place(self.file, self.positions.line(path))

    def text(self, path: Path) -> Place:
        return Place(self.file, self.positions.text(path))


@dataclass(frozen=True, slots=True)
class Given:
    """A value, where its key is written, and how people call that key."""

    value: Any
    source: Source
    path: Path
    key: str

    @property
    def place(self) -> Place:
        """Where the key is."""
        return self.source.place(self.path)

    @property
    def text(self) -> Place:
        """Where the first line of a text is."""
        return self.source.text(self.path)

    def child(self, step: str | int) -> Given:
        """The value under a key or number of this one."""
        called = f"{self.key}[{step + 1}]" if isinstance(step, int) else f"{self.key}.{step}"
        return Given(self.value[step], self.source, (*self.path, step), called)


@dataclass(frozen=True, slots=True)
class Layer:
    """One table that says what a rule asks for: a rule, or [defaults]."""

    data: Mapping[str, Any]
    source: Source
    path: Path
    called: str = ""

    def items(self) -> Iterator[tuple[str, Given]]:
        for name, value in self.data.items():
            key = f"{self.called}{name}"
            yield name, Given(value, self.source, (*self.path, name), key)


@dataclass(slots=True)
class Sheet:
    """Everything one rule asks for, with the place each part comes from."""

    plain: dict[str, Given] = field(default_factory=dict)
    tables: dict[str, dict[str, Given]] = field(
        default_factory=lambda: {name: {} for name in BY_KEY}
    )
    status: dict[str, dict[str, Given]] = field(default_factory=dict)

    def value(self, name: str, default: Any = None) -> Any:
        return self.plain[name].value if name in self.plain else default

    def listed(self, name: str) -> tuple[str, ...]:
        """A value that may be one text or several."""
        return as_list(self.value(name, []))


def as_list(value: Any) -> tuple[Any, ...]:
    """One or several, as several."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _status(entry: Given) -> dict[str, Given]:
    if isinstance(entry.value, str):
        return {"status": entry}
    return {name: entry.child(name) for name in entry.value}


def inherit(layers: Sequence[Layer]) -> Sheet:
    """The sum of the layers; the last word on each key counts."""
    sheet = Sheet()
    for layer in layers:
        for name, given in layer.items():
            if name in BY_KEY:
                for key in given.value:
                    sheet.tables[name][key] = given.child(key)
            elif name == "status":
                for word in given.value:
                    said = _status(given.child(word))
                    known = sheet.status.get(word, {})
                    if any(target in said for target in TARGETS):
                        known = {k: v for k, v in known.items() if k not in _WAYS}
                    sheet.status[word] = {**known, **said}
            else:
                sheet.plain[name] = given
    return sheet
