"""Where each part of a rule is written: in the rule, in its file's [defaults], or in those of all."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from sync.rules.errors import Place
from sync.rules.inherit import Given, Layer, Sheet, Source, inherit
from sync.rules.load import COMMON, builtin_layers
from sync.rules.positions import positions

BUILTIN = "built-in"


class Written:
    """Places of what the rules of valid texts (by file name) say, inherited parts included."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._sheets: dict[str, Sheet] = {}
        self._places: dict[str, Place] = {}
        read = {name: tomllib.loads(text) for name, text in texts.items()}
        sources = {name: Source(name, positions(text)) for name, text in texts.items()}
        common = _defaults(read[COMMON], sources[COMMON]) if COMMON in read else []
        for name, data in read.items():
            layers = [*builtin_layers(), *common, *_defaults(data, sources[name])]
            for number, rule in enumerate(data.get("rule", ())):
                path = ("rule", number)
                self._sheets[rule["name"]] = inherit([*layers, Layer(rule, sources[name], path)])
                self._places[rule["name"]] = sources[name].place(path)

    def rule(self, name: str) -> Place:
        """Where a rule begins."""
        return self._places[name]

    def plain(self, rule: str, key: str) -> Given | None:
        """``project``, ``issue_type`` and the like; None where nobody gives it."""
        return self._sheets[rule].plain.get(key)

    def table(self, rule: str, table: str, key: str) -> Given | None:
        """A key of ``fields``, ``issues``, ``leave_closed`` …"""
        return self._sheets[rule].tables[table].get(key)

    def status(self, rule: str, word: str, key: str) -> Given | None:
        """A key of what the rule says of an upstream status."""
        return self._sheets[rule].status.get(word, {}).get(key)


def _defaults(data: Mapping[str, object], source: Source) -> list[Layer]:
    given = data.get("defaults")
    return [Layer(given, source, ("defaults",), "defaults.")] if isinstance(given, dict) else []
