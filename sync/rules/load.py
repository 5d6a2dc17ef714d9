"""Load: rule files to a RuleSet, or every mistake in them at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sync.rules.compile import Defaults, RuleCompiler, rule_path
from sync.rules.errors import Mistakes, Place, RuleError, RuleErrors
from sync.rules.inherit import Layer, Source
from sync.rules.positions import positions
from sync.rules.reach import never_reached
from sync.rules.rule import Rule, RuleSet
from sync.rules.schema import RuleFile
from sync.rules.words import in_words

# A file of this name speaks for all files: [defaults] and [tables], no rules.
COMMON = "_defaults.toml"
_BUILTIN = Path(__file__).with_name("builtin.toml")


@dataclass(frozen=True, slots=True)
class _File:
    data: Mapping[str, Any]
    source: Source

    def layer(self) -> list[Layer]:
        defaults = self.data.get("defaults")
        return [Layer(defaults, self.source, ("defaults",), "defaults.")] if defaults else []


def load(where: str | Path | Iterable[str | Path], defaults: Defaults) -> RuleSet:
    """The rules of a folder (its ``*.toml``, by name), or of the files given.

    Raises RuleErrors with every mistake of every file.
    """
    texts: dict[str, str] = {}
    unread: list[RuleError] = []
    for path in _files(where):
        name = path.name if path.name not in texts else str(path)
        try:
            texts[name] = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            unread.append(RuleError(name, line, "", "is not UTF-8 text", "Save it as UTF-8."))
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            unread.append(
                RuleError(name, 0, "", f"cannot be read: {why}", "Check path and rights.")
            )
    if not texts and not unread:
        raise RuleErrors(
            [
                RuleError(
                    str(where if isinstance(where, str | Path) else "mappings"),
                    0,
                    "",
                    "has no rule files",
                    "Put a file such as default.toml there, with at least one [[rule]].",
                )
            ]
        )
    return parse(texts, defaults, unread)


def _files(where: str | Path | Iterable[str | Path]) -> list[Path]:
    if isinstance(where, str | Path):
        path = Path(where)
        if not path.is_dir():
            return [path]
        return sorted(p for p in path.glob("*.toml") if not p.name.startswith("."))
    return sorted((Path(p) for p in where), key=lambda p: (p.name, str(p)))


def parse(
    texts: Mapping[str, str], defaults: Defaults, unread: Iterable[RuleError] = ()
) -> RuleSet:
    """The rules of texts by file name. Raises RuleErrors."""
    mistakes = Mistakes()
    for error in unread:
        mistakes.add(Place(error.file, error.line), error.key, error.problem, error.remedy)
    files = {name: _read(name, texts[name], mistakes) for name in sorted(texts)}
    common = files.pop(COMMON, None)
    if common and common.data.get("rule"):
        mistakes.add(
            common.source.place(("rule",)),
            "rule",
            f"{COMMON} speaks for all files and has no rules of its own",
            "Move the rule to another file.",
        )
    rules: list[Rule] = []
    seen: dict[str, Place] = {}
    for file in filter(None, files.values()):
        base = [*_builtin().layer(), *(common.layer() if common else []), *file.layer()]
        tables = {
            **(common.data.get("tables", {}) if common else {}),
            **file.data.get("tables", {}),
        }
        for number, data in enumerate(file.data.get("rule", ())):
            place = file.source.place(rule_path(number))
            if data["name"] in seen:
                mistakes.add(
                    file.source.place((*rule_path(number), "name")),
                    "name",
                    f"{data['name']!r} is the name of another rule already ({seen[data['name']]})",
                    "Give each rule a name of its own.",
                )
            seen.setdefault(data["name"], place)
            layers = [*base, Layer(data, file.source, rule_path(number))]
            rules.append(RuleCompiler(layers, tables, mistakes).compile(defaults))
    if mistakes:
        raise RuleErrors(mistakes.listed())
    if not rules:
        raise RuleErrors(
            [RuleError(min(texts), 0, "", "there is no rule", "Begin one with [[rule]].")]
        )
    return RuleSet(rules, never_reached(rules))


# The parser's words for mistakes that people make, in words for people.
_TOML = {
    "Invalid value": ("a value is missing, or text stands without quotes", "Put text in quotes."),
    "Illegal character '\\n'": ("a text has no closing quote", "Close it on the same line."),
    "Cannot overwrite a value": ("a key is written twice", "Keep one of them."),
    "Unclosed array": ("a list has no closing bracket", "Close it with ]."),
    "Unclosed inline table": ("an inline table has no closing brace", "Close it with }."),
    "Unterminated string": ("a text has no closing quotes", "Close it as it was opened."),
    "Expected '=' after a key in a key/value pair": ("a key has no =", "Write key = value."),
}


def _no_toml(name: str, text: str, error: tomllib.TOMLDecodeError) -> tuple[Place, str, str]:
    words = str(error)
    found = re.search(r" \((?:at line (\d+), column (\d+)|at end of document)\)$", words)
    words = words[: found.start()] if found else words
    at = found[1] if found else None
    where = f" (column {found[2]})" if found and at else " (at the end of the file)"
    usual = words[:1].lower() + words[1:]
    problem, remedy = _TOML.get(words, (usual, "Tables stand in brackets, text in quotes."))
    line = int(at) if at else max(len(text.splitlines()), 1)
    return Place(name, line), f"is not TOML: {problem}{where}", remedy


def _read(name: str, text: str, mistakes: Mistakes) -> _File | None:
    try:
        data = tomllib.loads(text)
        source = Source(name, positions(text))
    except tomllib.TOMLDecodeError as error:
        place, problem, remedy = _no_toml(name, text, error)
        mistakes.add(place, "", problem, remedy)
        return None
    except RecursionError:
        problem = "has lists or tables within each other, hundreds deep"
        mistakes.add(Place(name, 0), "", problem, "No rule is nested so; remove them.")
        return None
    except ValueError:
        digits = re.search(r"[0-9_]{4000,}", text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 0
        problem = "has a number of thousands of digits"
        mistakes.add(Place(name, line), "", problem, "No value is so large; correct it.")
        return None
    try:
        RuleFile.model_validate(data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            path = tuple(part for part in one["loc"] if part not in _TAGS)
            problem, remedy = in_words({**one, "loc": path})
            mistakes.add(source.place(path), _called(path), problem, remedy)
        return None
    return _File(data, source)


# pydantic names the branch of a union that it tried.
_TAGS = ("str", "list[str]", "int", "float")


def _called(path: tuple[str | int, ...]) -> str:
    shown = ""
    for part in path[2:] if path[:1] == ("rule",) and len(path) > 2 else path:
        shown += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown


def builtin_layers() -> list[Layer]:
    """What every rule starts from."""
    return _builtin().layer()


@cache
def _builtin() -> _File:
    text = _BUILTIN.read_text("utf-8")
    return _File(tomllib.loads(text), Source("built-in", positions(text)))
