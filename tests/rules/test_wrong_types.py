"""A value of a wrong type is told of as the file writes it, whichever key it is given to."""

from __future__ import annotations

import re
from typing import Any, get_args, get_origin

import pytest

from sync.rules import RuleErrors, parse
from sync.rules.schema import RuleFile
from sync.toml.findings import keys_of, table_in
from tests.rules.build import DEFAULTS

# As TOML writes them, and as Python would not.
WRONG = (
    "true",
    "7",
    "2026-11-28",
    "07:30:00",
    "2026-11-28T07:30:00Z",
    "[true, 2026-11-28]",
    "{ a = { b = [2026-11-28T07:30:00Z, false] } }",
    "[{ a = 07:30:00 }]",
)
PYTHON = re.compile(r"\{'|\bNone\b|\bTrue\b|\bFalse\b|datetime|': |<class|\bdict\b|\bstr\b")


def ways() -> list[tuple[str, ...]]:
    """The shortest way to each key of each table, with one key of each table whose keys are free."""
    found: list[tuple[str, ...]] = []
    known, open_ = {RuleFile}, [(RuleFile, ())]
    for model, before in open_:
        for key, annotation in keys_of(model).items():
            way: tuple[str, ...] = (*before, key)
            found.append(way)
            inner: Any = table_in(annotation)
            while get_origin(inner) is dict:
                way = (*way, "summary")
                found.append(way)
                inner = table_in(get_args(inner)[1])
            if inner is not None and inner not in known:
                known.add(inner)
                open_.append((inner, way))
    return found


def text_of(way: tuple[str, ...], value: str) -> str:
    """A rule file in which the key at ``way`` has the value."""
    for key in reversed(way[1:]):
        value = f"{{ {key} = {value} }}"
    if way[0] == "rule" and len(way) > 1:
        name = "" if way[1] == "name" else 'name = "x", '
        value = f"[{{ {name}{value[2:-2]} }}]"
    return f"{way[0]} = {value}\n"


def told(text: str) -> list[str]:
    """The messages about a rule file."""
    try:
        return [str(one) for one in parse({"10.toml": text}, DEFAULTS).warnings]
    except RuleErrors as fault:
        return [str(one) for one in fault.mistakes]


def test_no_message_about_a_value_of_a_wrong_type_speaks_python() -> None:
    found, heard = ways(), 0
    for way in found:
        for value in WRONG:
            for message in told(text_of(way, value)):
                heard += 1
                assert "is not valid TOML" not in message, text_of(way, value)
                assert not PYTHON.search(message), (text_of(way, value), message)
    assert {("defaults", "upstream", "comments"), ("rule", "when", "entity", "schema")} <= set(
        found
    )
    assert heard > 5 * len(found)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('{ mentions = "#up" }', "{ mentions = '#up' }"),
        ("{ a = [true, 2026-11-28], b = {} }", "{ a = [true, 2026-11-28], b = {} }"),
    ],
)
def test_a_table_is_shown_as_the_file_writes_it(value: str, shown: str) -> None:
    (message,) = told(f'[[rule]]\nname = "x"\nupstream.comments = {value}\n')
    assert f"not {shown}. Write" in message
