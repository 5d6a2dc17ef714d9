"""A key that the language does not have is a mistake at its line, at every depth of a rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.rules import RuleErrors, parse
from sync.rules.conditions import ENTITIES, ENTITY_KEYS, FACETS, KEYS, Compiler
from sync.rules.inherit import BY_KEY, PLAIN, STATUS_KEYS, Layer, inherit
from sync.rules.schema import Comments, Entity, Issues, LeaveClosed, RuleTable, StatusEntry, When
from sync.toml import Document, Mistakes, read
from sync.toml.findings import keys_of
from tests.rules.build import DEFAULTS

# How a condition stands in another one, with the key that people read.
NESTS = {
    "not": lambda inner: ({"not": inner}, ".not"),
    "any": lambda inner: ({"any": [{"title": "a"}, inner]}, ".any[2]"),
    "all": lambda inner: ({"all": [inner]}, ".all[1]"),
}
WORDS = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
VALUES = st.sampled_from(["x", ["x"], {"title": "a"}, [{"title": "a"}], "", [], {}])


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def document(text: str) -> Document:
    found = read("10.toml", text, Mistakes())
    assert found is not None
    return found


def nested(innermost: dict[str, Any], nests: list[str]) -> tuple[dict[str, Any], str]:
    """A ``when`` with the condition at the end of these nests, and how people call the way there."""
    when, called = innermost, ""
    for nest in reversed(nests):
        when, step = NESTS[nest](when)
        called = step + called
    return when, f"when{called}"


@settings(deadline=None, max_examples=200, derandomize=True)
@given(WORDS.filter(lambda w: w not in KEYS), VALUES, st.lists(st.sampled_from(list(NESTS))))
def test_an_unknown_condition_is_a_mistake_at_every_depth(
    word: str, value: Any, nests: list[str]
) -> None:
    when, called = nested({word: value}, nests)
    file = document(f'[[rule]]\nname = "x"\nwhen = {toml(when)}\n')

    mistakes = Mistakes()
    Compiler(mistakes, file.position).compile(when, ("rule", 0, "when"), "when")
    (mistake,) = mistakes.listed()
    assert (mistake.file, mistake.line, mistake.key) == ("10.toml", 3, f"{called}.{word}")
    assert mistake.problem == "is not a condition"
    assert mistake.remedy.startswith(("Did you mean", "Known here"))

    with pytest.raises(RuleErrors) as caught:
        parse({"10.toml": file.text}, DEFAULTS)
    assert [(one.line, one.key) for one in caught.value.mistakes] == [(3, f"{called}.{word}")]


@settings(deadline=None, max_examples=50, derandomize=True)
@given(
    WORDS.filter(lambda w: w not in ENTITY_KEYS),
    st.sampled_from(list(ENTITIES)),
    st.lists(st.sampled_from(list(NESTS)), max_size=3),
)
def test_an_unknown_key_of_an_entity_is_a_mistake(word: str, which: str, nests: list[str]) -> None:
    when, called = nested({which: {word: "x"}}, nests)
    mistakes = Mistakes()
    file = document(f"when = {toml(when)}\n")
    Compiler(mistakes, file.position).compile(when, ("when",), "when")
    assert [(one.line, one.key, one.problem) for one in mistakes.listed()] == [
        (1, f"{called}.{which}.{word}", "is not a condition")
    ]


@settings(deadline=None, max_examples=100, derandomize=True)
@given(
    word=WORDS.map(lambda w: f"x{w}"),
    table=st.sampled_from(
        ["", "comments", "leave_closed", "issues", "status", "status.open", "status.closed"]
    ),
)
def test_an_unknown_key_of_a_rule_is_a_mistake_and_never_ignored(word: str, table: str) -> None:
    header = f"[rule.{table}]\n" if table else ""
    file = document(f'[[rule]]\nname = "x"\n{header}{word} = "a"\n')
    mistakes = Mistakes()
    inherit([Layer(file.data["rule"][0], file, ("rule", 0))], mistakes)
    (mistake,) = mistakes.listed()
    assert mistake.key == f"{table}.{word}".lstrip(".")
    assert mistake.line == len(file.text.splitlines())
    assert mistake.problem == "is not a key here"
    assert mistake.remedy


def test_the_rules_meaning_has_the_same_keys_as_their_shape() -> None:
    assert set(KEYS) == set(keys_of(When))
    assert set(ENTITY_KEYS) == set(keys_of(Entity))
    assert {*PLAIN, *BY_KEY, "status"} == set(keys_of(RuleTable))
    assert set(STATUS_KEYS) == set(keys_of(StatusEntry))
    for table, model in (("comments", Comments), ("leave_closed", LeaveClosed), ("issues", Issues)):
        assert set(BY_KEY[table] or ()) == set(keys_of(model))
    assert FACETS.keys().isdisjoint(ENTITIES)
