"""Which parts of a rule an edit changes."""

from __future__ import annotations

import pytest

from sync.domain.rule import FieldWish
from sync.domain.subject import Status
from sync.rules import Parts
from tests.rules.build import issue, rules

RULE = """
[tables.team]
orders = "Sales"
[[rule]]
name = "x"
when.kind = "issue"
hold = "5m"
close_after = "1h"
issue_type = "Bug"
[rule.fields]
summary = "{{ issue.title }}"
"Team" = "{{ issue.trigger_name | lookup('team', 'none') }}"
environment = "prod"
[rule.ownership]
environment = "source"
[rule.comments]
updated = "New: {{ issue.title }}"
[rule.status.open]
category = "new"
comment = "Open."
[rule.leave_closed]
statuses = ["Declined"]
"""


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ('"{{ issue.title }}"', '"{{ issue.title }}!"', Parts(frozenset({"summary"}))),
        ('"prod"', '"test"', Parts(frozenset({"environment"}))),
        ('= "source"', '= "ticket"', Parts(frozenset({"environment"}))),
        ('environment = "prod"', 'environment = "prod"\nlabels = ["a"]', Parts(frozenset({"labels"}))),
        ('"Sales"', '"Shop"', Parts(frozenset({"Team"}))),
        ('"Open."', '"Open again."', Parts(statuses=frozenset({"open"}))),
        ('"new"', '"indeterminate"', Parts(statuses=frozenset({"open"}))),
        ("New: ", "Changed: ", Parts(updated=True)),
        ('"Bug"', '"Task"', Parts(others=True)),
        ('"1h"', '"2h"', Parts(others=True)),
        ('name = "x"', 'name = "y"', Parts()),
        ('when.kind = "issue"', 'when = { kind = "issue", title = "*" }', Parts()),
        ('"5m"', '"6m"', Parts()),
        ('"Declined"', '"Refused"', Parts()),
        ("[[rule]]", "\n\n[[rule]]", Parts()),
    ],
)  # fmt: skip
def test_an_edit_changes_the_parts_whose_text_it_changes(
    before: str, after: str, parts: Parts
) -> None:
    assert RULE.count(before) == 1
    known, edited = rules(RULE).rules[0], rules(RULE.replace(before, after)).rules[0]
    assert edited.changed_since(known) == parts
    assert known.changed_since(edited) == parts


def test_only_the_parts_that_are_asked_for_are_worked_out() -> None:
    rule = rules(RULE.replace('"Open."', '"{{ (issue.title | length) // 0 }}"')).rules[0]
    made = rule.project_ticket("k", [issue()], only=Parts(frozenset({"environment"})))
    whole = rule.project_ticket("k", [issue()])
    assert made.fields["environment"] == whole.fields["environment"]
    assert made.fields["summary"] == FieldWish(None, as_agreed=True)
    assert (made.status, made.target, made.version) == (Status.OPEN, whole.target, whole.version)
    assert not made.failed
    assert "status.open.comment" in whole.failed
    told = rule.project_ticket("k", [issue()], only=Parts(statuses=frozenset({"open"})))
    assert told.failed == whole.failed
