"""Whatever a person types into a rule file, the answer is rules or words, never a crash."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.errors import Rejected
from sync.domain.subject import Snapshot
from sync.rules import Rule, RuleErrors, RuleSet, parse
from sync.toml import Mistake
from tests.rules.build import DEFAULTS, incident, issue
from tests.rules.test_docs import EXAMPLES

RECIPES = (Path(__file__).parents[2] / "mappings" / "recipes").glob("*.toml")
TEXTS = [text for _title, text in EXAMPLES] + [path.read_text("utf-8") for path in sorted(RECIPES)]
PIECES = [
    *('"', "[", "]", "{", "}", "=", ",", ".", "\n", "'", '"""', "#", "\\", "é", "|", "/", "(", "*"),
    *(
        "{{",
        "}}",
        "{%",
        "%}",
        "[[rule]]\n",
        "[rule.when]\n",
        "x = 1\n",
        "not",
        "any",
        "issue",
        "-1",
    ),
    *("true", "inf", "2026-01-01", "1979-05-27 07:32:00", "subject", "status", "[tables.t]\n"),
]
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 8), st.sampled_from(["", *PIECES])),
    min_size=1,
    max_size=4,
)


def read(text: str) -> tuple[RuleSet | None, tuple[Mistake, ...]]:
    """The rules, or the mistakes."""
    try:
        return parse({"slip.toml": text}, DEFAULTS), ()
    except RuleErrors as errors:
        return None, errors.mistakes


def failure(rule: Rule | None, snapshot: Snapshot) -> Rejected | None:
    """What keeps the rule from making a ticket."""
    try:
        if rule is not None:
            made = rule.project_ticket(rule.ticket_key(snapshot), [snapshot])
            return next((parked.again() for parked in made.failed.values()), None)
    except Rejected as fault:
        return fault
    return None


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.sampled_from(TEXTS), EDITS)
def test_a_slip_of_the_finger_is_answered_in_words(
    text: str, edits: list[tuple[float, int, str]]
) -> None:
    for where, removed, added in edits:
        at = int(where * len(text))
        text = text[:at] + added + text[at + removed :]
    found, mistakes = read(text)
    assert all(error.problem and error.remedy for error in mistakes), mistakes
    assert all(error.line or "no rule" in error.problem for error in mistakes), mistakes
    for snapshot in (issue(), incident()) if found else ():
        rule = found.match(snapshot)
        matched = [explained.rule for explained in found.explain(snapshot) if explained.matched]
        assert matched == ([rule] if rule else [])
        fault = failure(rule, snapshot)
        assert fault is None or (str(fault) and fault.remedy)
