"""A mistake says where it is, what is wrong and what to do, whatever the file holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from sync.toml import Document, Mistakes, Position, Wrong, read, said, text_of
from sync.toml.findings import Language, in_words, path_of


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: int = 0


class Root(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = ""
    inner: Inner | None = None
    named: dict[str, Inner] | None = None
    listed: list[Inner] | None = None


LANGUAGE = Language(Root, "key", {"depth": "[inner]", "name": "the top"}, {})


def document(text: str) -> Document:
    mistakes = Mistakes()
    found = read("a.toml", text, mistakes)
    assert found is not None, mistakes.listed()
    return found


def findings(text: str) -> list[str]:
    file, mistakes = document(text), Mistakes()
    try:
        Root.model_validate(file.data)
    except ValidationError as error:
        for one in error.errors():
            path = path_of(one)
            key = ".".join(map(str, path))
            mistakes.wrong(file.position(path), key, in_words(LANGUAGE, one))
    return [str(one) for one in mistakes.listed()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nmae = 'x'", "a.toml:1: nmae: is not a key here. Did you mean 'name'?"),
        ("depth = 1", "a.toml:1: depth: is not a key here. It belongs in [inner]."),
        ("[inner]\ndepht = 1", "a.toml:2: inner.depht: is not a key here. Did you mean 'depth'?"),
        (
            "[named.x]\ndepht = 1",
            "a.toml:2: named.x.depht: is not a key here. Did you mean 'depth'?",
        ),
        (
            "[[listed]]\ndepht = 1",
            "a.toml:2: listed.0.depht: is not a key here. Did you mean 'depth'?",
        ),
        (
            "dept = 1",
            "a.toml:1: dept: is not a key here. Did you mean 'depth', which belongs in [inner]?",
        ),
        ("inner = 1", "a.toml:1: inner: must be a table, not 1. Write its keys under [inner]."),
        ("name = true", "a.toml:1: name: must be text in quotes, not true. Put it in quotes."),
    ],
)
def test_what_pydantic_finds_is_said_in_words(text: str, message: str) -> None:
    assert findings(text) == [message]


def test_a_value_that_python_cannot_print_is_named_all_the_same() -> None:
    deep = "name." + "a." * 3000 + "b = 1"
    # From Python 3.13 on, such a table can be printed; then it is cut.
    shown = (r"a value too large to show", r"(\{'a': )+\{'a':…")
    (found,) = findings(deep)
    assert re.fullmatch(
        rf"a\.toml:1: name: must be text in quotes, not ({'|'.join(shown)})\. Put it in quotes\.",
        found,
    )
    assert said(16**5000) == "a value too large to show"


def test_a_long_value_is_cut_to_sixty_characters() -> None:
    assert len(said("x" * 100)) == 60
    assert said("x" * 100).endswith("x…")


def test_the_same_mistake_is_kept_once_and_mistakes_come_by_file_and_line() -> None:
    mistakes = Mistakes()
    for file, line in (("b", 1), ("a", 10), ("a", 9), ("a", 10)):
        mistakes.wrong(Position(file, line), "key", Wrong("is wrong.", "Mend it.", key="part"))
    assert [str(one) for one in mistakes.listed()] == [
        "a:9: key.part: is wrong. Mend it.",
        "a:10: key.part: is wrong. Mend it.",
        "b:1: key.part: is wrong. Mend it.",
    ]


def test_a_file_that_is_no_text_or_not_there_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"a = 1\nb = '\xff'\n")
    mistakes = Mistakes()
    assert text_of(tmp_path / "x.toml", "x.toml", mistakes) is None
    assert text_of(tmp_path / "y.toml", "y.toml", mistakes) is None
    assert [str(one) for one in mistakes.listed()] == [
        "x.toml:2: is not UTF-8 text. Save it as UTF-8.",
        "y.toml: cannot be read: no such file or directory. Check path and rights.",
    ]


def test_a_text_begins_after_the_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbfa = 1")
    assert text_of(tmp_path / "x.toml", "x.toml", Mistakes()) == "a = 1"
