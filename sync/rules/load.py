"""Load: a folder of rule files becomes a RuleSet, or a list of every mistake."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sync.rules.compile import Defaults, RuleCompiler
from sync.rules.doubts import told
from sync.rules.inherit import BUILTIN, Layer
from sync.rules.language import LANGUAGE
from sync.rules.rule import Rule, RuleSet
from sync.rules.schema import RuleFile
from sync.rules.shadowed import shadowed
from sync.toml import Document, Mistake, Mistakes, MistakesFound, Position, read, text_of
from sync.toml.findings import in_words, path_of

# A file of this name holds the [defaults] and [tables] of all files, and no rules.
COMMON = "_defaults.toml"
# The JSON Schema of rule files, which `init` puts beside them.
SCHEMA = "rules.schema.json"
# The folder with tests of the rules (sync/rules/tests.py).
TESTS = "tests"
_BUILTIN = Path(__file__).with_name("builtin.toml")


class RuleErrors(MistakesFound):
    """The rules have mistakes."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of rule files by file name, and the mistakes of files that cannot be read as text."""

    by_name: Mapping[str, str]
    mistakes: tuple[Mistake, ...] = ()


def texts_of(where: str | Path | Iterable[str | Path]) -> Texts:
    """The texts of the ``*.toml`` files of a folder, in the order of their names, or of the files
    given."""
    texts: dict[str, str] = {}
    mistakes = Mistakes()
    try:
        files = _files(where)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        mistakes.add(Position(str(where)), "", f"cannot be read: {why}", "Check path and rights.")
        return Texts({}, tuple(mistakes.listed()))
    for path in files:
        name = path.name if path.name not in texts else str(path)
        text = text_of(path, name, mistakes)
        if text is not None:
            texts[name] = text
    if not texts and not mistakes:
        folder = str(where if isinstance(where, str | Path) else "mappings")
        remedy = "Put a file such as default.toml there, with at least one [[rule]]."
        if isinstance(where, str | Path) and (others := ignored(Path(where))):
            remedy = (
                f"Only files that end in .toml are read, so {', '.join(others)} is not. {remedy}"
            )
        mistakes.add(Position(folder), "", "has no rule files", remedy)
    return Texts(texts, tuple(mistakes.listed()))


# The endings of files that people take for rule files.
_LIKE_RULES = (".toml", ".yaml", ".yml", ".json", ".tml")


def ignored(folder: Path) -> list[str]:
    """What lies in a folder of rules, looks like rules and is not read: files with other endings or in
    capitals, and subfolders with such files. Hidden files, the schema and the folder of tests are left
    out."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in (SCHEMA, TESTS):
            continue
        if path.is_dir():
            if any(map(_like_rules, path.rglob("*"))):
                found.append(f"{path.name}/")
        elif not path.name.endswith(".toml") and _like_rules(path):
            found.append(path.name)
    return found


def _like_rules(path: Path) -> bool:
    return any(ending in path.name.lower() for ending in _LIKE_RULES)


def _files(where: str | Path | Iterable[str | Path]) -> list[Path]:
    if isinstance(where, str | Path):
        path = Path(where)
        if not path.is_dir():
            return [path]
        names = sorted(os.listdir(path))
        return [path / n for n in names if n.endswith(".toml") and not n.startswith(".")]
    return sorted((Path(p) for p in where), key=lambda p: (p.name, str(p)))


def load(where: str | Path | Iterable[str | Path], defaults: Defaults) -> RuleSet:
    """The rules of a folder, or of the files given. Raises RuleErrors with every mistake of every
    file."""
    texts = texts_of(where)
    return parse(texts.by_name, defaults, texts.mistakes)


def parse(texts: Mapping[str, str], defaults: Defaults, unread: Iterable[Mistake] = ()) -> RuleSet:
    """The rules in texts, by file name. Raises RuleErrors, which includes the mistakes in ``unread``."""
    mistakes = Mistakes()
    for one in unread:
        mistakes.add(Position(one.file, one.line), one.key, one.problem, one.remedy)
    files = {name: _document(name, texts[name], mistakes) for name in sorted(texts)}
    common = files.pop(COMMON, None)
    if common and common.data.get("rule"):
        mistakes.add(
            common.position(("rule",)),
            "rule",
            f"{COMMON} speaks for all files and has no rules of its own",
            "Move the rule to another file.",
        )
    rules: list[Rule] = []
    seen: dict[str, Position] = {}
    for file in filter(None, files.values()):
        rules += _rules_of(file, common, seen, defaults, mistakes)
    if mistakes:
        raise RuleErrors(mistakes.listed())
    if not rules:
        raise RuleErrors(
            [Mistake(min(texts), 0, "", "there is no rule", "Begin one with [[rule]].")]
        )
    doubts = [doubt for rule in rules for doubt in rule.doubts]
    return RuleSet(rules, [*shadowed(rules), *told(doubts, api=defaults.api)])


def _rules_of(
    file: Document,
    common: Document | None,
    seen: dict[str, Position],
    defaults: Defaults,
    mistakes: Mistakes,
) -> list[Rule]:
    """The rules of one file. ``seen`` holds the names of earlier rules; the names of this file are
    added."""
    shared = [common] if common else []
    base = [layer for one in (_builtin(), *shared, file) for layer in _defaults(one)]
    tables: dict[str, Any] = {}
    for one in (*shared, file):
        tables |= one.data.get("tables", {})
    rules = []
    for number, data in enumerate(file.data.get("rule", ())):
        path, name = ("rule", number), data["name"]
        if name in seen:
            mistakes.add(
                file.position((*path, "name")),
                "name",
                f"{name!r} is the name of another rule already ({seen[name]})",
                "Give each rule a name of its own.",
            )
        seen.setdefault(name, file.position(path))
        layers = [*base, Layer(data, file, path)]
        rules.append(RuleCompiler(layers, tables, mistakes).compile(defaults))
    return rules


def _defaults(file: Document) -> list[Layer]:
    given = file.data.get("defaults")
    return [Layer(given, file, ("defaults",), "defaults.")] if given else []


def _document(name: str, text: str, mistakes: Mistakes) -> Document | None:
    """A rule file of the right shape. None for another shape, whose mistakes are recorded."""
    file = read(name, text, mistakes)
    if file is None:
        return None
    try:
        RuleFile.model_validate(file.data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            path = path_of(one)
            wrong = in_words(LANGUAGE, one)
            mistakes.wrong(file.position(path), _called(path), wrong)
        return None
    return file


def _called(path: tuple[str | int, ...]) -> str:
    shown = ""
    for part in path[2:] if path[:1] == ("rule",) and len(path) > 2 else path:
        shown += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown


@cache
def _builtin() -> Document:
    """The built-in defaults, which every rule starts from."""
    found = read(BUILTIN, _BUILTIN.read_text("utf-8"), Mistakes())
    assert found is not None
    return found
