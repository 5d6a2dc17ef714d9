"""docs/glossary.md: every word is used in the code, and every public noun of the domain has a word."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text("utf-8")
WORDS = re.findall(r"^\| (?!word \||---)([a-z][a-z ]*) \|", PAGE, re.M)
CODE = "\n".join(path.read_text("utf-8") for path in sorted(ROOT.glob("sync/**/*.py")))


@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_used_in_the_code(word: str) -> None:
    """As itself, in a name (`ticket_key`, `RuleSet`), or in another form (`parked`, `leaving`)."""
    stem = r"[ _]?".join(re.escape(part) for part in word.removesuffix("e").split())
    assert re.search(rf"(?i)(?<![a-z]){stem}", CODE), word


def test_each_word_stands_once() -> None:
    assert len(WORDS) > 60
    assert len(WORDS) == len(set(WORDS))


def test_every_public_noun_of_the_domain_is_in_the_glossary() -> None:
    nouns = {
        node.name
        for path in ROOT.glob("sync/domain/*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
    assert nouns - set(re.findall(r"`(\w+)`", PAGE)) == set()


def test_the_glossary_names_no_class_that_is_not_there() -> None:
    for name in re.findall(r"`([A-Z]\w+)`", PAGE):
        assert re.search(rf"^class {name}\b", CODE, re.M), name
