"""Inheritance: a rule's values over the [defaults] of its file, over those of all files, over the
built-in ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.rules.vocabulary import STATUSES
from sync.toml import Document, Mistakes, Path, Position, meant

# Tables whose keys are inherited one by one, with their known keys (None: the keys are free).
BY_KEY: dict[str, tuple[str, ...] | None] = {
    "fields": None,
    "ownership": None,
    "comments": ("updated", "on", "running", "public"),
    "leave_closed": ("resolutions", "statuses"),
    "issues": ("link", "direction", "on_ticket", "close"),
    "upstream": (
        *("status", "comments", "copy_comments", "announce", "acknowledge", "ignore", "wins"),
    ),
}
# Keys whose last value counts as a whole.
PLAIN = (
    *("name", "when", "site", "project", "issue_type", "group_by", "storm", "hold"),
    *("reopen_within", "close_after", "on_deleted", "create_when_ended"),
)
# Keys that say which tickets are made, or how what differs is done: none asks anything of a ticket that
# is in Jira, and as its rule asks.
_NOT_OF_TICKETS = (
    *("name", "when", "group_by", "storm", "hold", "reopen_within"),
    *("on_deleted", "create_when_ended"),
)
# Tables that are like these keys, or that ``Sheet.written`` takes apart.
_IN_PARTS = ("fields", "ownership", "comments", "leave_closed")
# A rule that gives one of these keys inherits no target and nothing about the way there.
TARGETS = ("status", "transition", "category", "leave")
_WAYS = (*TARGETS, "prefer", "via")
STATUS_KEYS = (*_WAYS, "resolution", "fields", "comment")
# The name of the built-in defaults in messages.
BUILTIN = "built-in"


@dataclass(frozen=True, slots=True)
class Given:
    """A value, the line of its key, and the name that messages use for the key."""

    value: Any
    source: Document
    path: Path
    key: str

    @property
    def position(self) -> Position:
        """The line of the key."""
        return self.source.position(self.path)

    @property
    def text_position(self) -> Position:
        """The line where the text begins."""
        return self.source.text_position(self.path)

    @property
    def by_a_person(self) -> bool:
        """Whether a rule file gives the value; otherwise it is built in."""
        return self.source.file != BUILTIN

    def child(self, step: str | int) -> Given:
        """The value under a key, or at a number, of this value."""
        called = f"{self.key}[{step + 1}]" if isinstance(step, int) else f"{self.key}.{step}"
        return Given(self.value[step], self.source, (*self.path, step), called)


@dataclass(frozen=True, slots=True)
class Layer:
    """One table that a rule takes values from: the rule itself, or a [defaults]."""

    data: Mapping[str, Any]
    source: Document
    path: Path
    called: str = ""

    def items(self) -> Iterator[tuple[str, Given]]:
        for name, value in self.data.items():
            key = f"{self.called}{name}"
            yield name, Given(value, self.source, (*self.path, name), key)


@dataclass(slots=True)
class Sheet:
    """Everything that one rule asks for, each part with the place that it comes from."""

    plain: dict[str, Given] = field(default_factory=dict)
    tables: dict[str, dict[str, Given]] = field(
        default_factory=lambda: {name: {} for name in BY_KEY}
    )
    status: dict[str, dict[str, Given]] = field(default_factory=dict)

    def value(self, name: str, default: Any = None) -> Any:
        return self.plain[name].value if name in self.plain else default

    def places(self) -> dict[str, str]:
        """File and line of each key that a person wrote; of a status, of its table."""
        found = dict(self.plain)
        for table, keys in self.tables.items():
            found |= {f"{table}.{key}": given for key, given in keys.items()}
        for status, entry in self.status.items():
            for name, given in entry.items():
                found |= {f"status.{status}.{name}": given}
        places = {key: str(one.position) for key, one in found.items() if one.by_a_person}
        for key, place in list(places.items()):
            if key.startswith("status."):
                places.setdefault(key.rpartition(".")[0], place)
        return places

    def written(self) -> dict[str, str]:
        """What stands in the files of each part of a ticket, by ``fields.NAME``, ``status.STATUS``,
        ``updated`` and, for all else that a ticket in Jira depends on, ``others``. Parts that are
        written alike give the same for the same subjects and tables."""
        fields, owners = self.tables["fields"], self.tables["ownership"]
        parts = {f"fields.{name}": [one, owners.get(name)] for name, one in fields.items()}
        parts |= {f"status.{word}": list(entry.values()) for word, entry in self.status.items()}
        parts["updated"] = [self.tables["comments"].get("updated")]
        parts["others"] = [
            *(one for name, one in self.plain.items() if name not in _NOT_OF_TICKETS),
            *(
                one
                for name, table in self.tables.items()
                if name not in _IN_PARTS
                for one in table.values()
            ),
        ]
        # A message that a template fails has the key in it.
        return {
            name: json.dumps([(one.key, one.value) for one in some if one], default=str)
            for name, some in parts.items()
        }

    def listed(self, name: str) -> tuple[str, ...]:
        """A value that may be one text or several, as texts."""
        return as_list(self.value(name, []))


def as_list(value: Any) -> tuple[Any, ...]:
    """One value or several, as a list."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _children(given: Given, known: Sequence[str] | None, mistakes: Mistakes) -> dict[str, Given]:
    """The values of a table by key. Unknown keys are recorded as mistakes and left out."""
    found = {}
    for key in given.value:
        child = given.child(key)
        if known is None or key in known:
            found[key] = child
        else:
            _unknown(child, key, known, mistakes)
    return found


def _unknown(given: Given, key: str, known: Sequence[str], mistakes: Mistakes) -> None:
    mistakes.add(given.position, given.key, "is not a key here", meant(key, known))


def _status(entry: Given, inherited: Mapping[str, Given], mistakes: Mistakes) -> dict[str, Given]:
    """One entry of a status map over the inherited entry. A new target replaces the inherited target
    and everything about the way there."""
    by_name = isinstance(entry.value, str)
    own = {"status": entry} if by_name else _children(entry, STATUS_KEYS, mistakes)
    retargeted = any(target in own for target in TARGETS)
    kept = {k: v for k, v in inherited.items() if not (retargeted and k in _WAYS)}
    return {**kept, **own}


def inherit(layers: Sequence[Layer], mistakes: Mistakes) -> Sheet:
    """The layers as one: for each key, the last value counts. Unknown keys go to ``mistakes``."""
    sheet = Sheet()
    for layer in layers:
        for name, given in layer.items():
            if name in BY_KEY:
                sheet.tables[name] |= _children(given, BY_KEY[name], mistakes)
            elif name == "status":
                for word, entry in _children(given, STATUSES, mistakes).items():
                    sheet.status[word] = _status(entry, sheet.status.get(word, {}), mistakes)
            elif name in PLAIN:
                sheet.plain[name] = given
            else:
                _unknown(given, name, (*PLAIN, *BY_KEY, "status"), mistakes)
    return sheet
