"""What a rule asks for that may not be there: what only the API tells, and what a table lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.subject import Status
from sync.rules import RuleSet
from sync.rules.vocabulary import SEVERITIES
from tests.rules.build import DEFAULTS, issue, rules

WITHOUT_API = replace(DEFAULTS, api=False)
ISSUE = '[[rule]]\nname = "r"\nwhen = { kind = "issue" }\n'
INCIDENT = '[[rule]]\nname = "r"\nwhen = { kind = "incident" }\n'


def told(text: str, defaults: Any = WITHOUT_API) -> list[str]:
    return [str(one) for one in rules(text, defaults).warnings]


# What a rule says, then the place and the key of what is told of it.
SEVERITY: dict[str, tuple[str, str]] = {
    '[[rule]]\nname = "r"\nwhen = { severity = "fatal" }\n': ("10.toml:3", "when.severity"),
    '[[rule]]\nname = "r"\n[rule.when]\nkind = "issue"\nany = [{ severity = "fatal" }]\n': (
        "10.toml:5",
        "when.any[1].severity",
    ),
    ISSUE + "[rule.when]\n".join([""]) + 'fields = { priority = "{{ severity }}" }\n': (
        "10.toml:4",
        "fields.priority",
    ),
    ISSUE + '[rule.fields]\ndescription = """\nnow\n{% if issue.severity %}x{% endif %}"""\n': (
        "10.toml:7",
        "fields.description",
    ),
    ISSUE
    + '[rule.fields]\nlabels = ["a", "{{ subjects | map(attribute=\'severity\') | list }}"]\n': (
        "10.toml:5",
        "fields.labels[2]",
    ),
    ISSUE
    + "fields = { environment = \"{{ subjects | selectattr('severity') | list | length }}\" }\n": (
        "10.toml:4",
        "fields.environment",
    ),
    ISSUE + 'group_by = "{{ issue.severity }}"\n': ("10.toml:4", "group_by"),
    ISSUE + '[rule.comments]\nupdated = "{{ severity }}"\n': ("10.toml:5", "comments.updated"),
    ISSUE + "[rule.status.closed]\ncomment = \"{{ subject['severity'] }}\"\n": (
        "10.toml:5",
        "status.closed.comment",
    ),
    '[defaults.fields]\npriority = "{{ severity }}"\n' + ISSUE: (
        "10.toml:2",
        "defaults.fields.priority",
    ),
}
ISSUES: dict[str, tuple[str, str]] = {
    INCIDENT + 'issues = { link = "Relates" }\n': ("10.toml:4", "issues.link"),
    INCIDENT + "[rule.issues]\non_ticket = true\n": ("10.toml:5", "issues.on_ticket"),
    INCIDENT + "[rule.issues]\nclose = true\n": ("10.toml:5", "issues.close"),
    INCIDENT + 'fields = { environment = "{{ incident.issue_ids | length }}" }\n': (
        "10.toml:4",
        "fields.environment",
    ),
}


@pytest.mark.parametrize("text", [*SEVERITY, *ISSUES])
def test_what_only_the_api_tells_is_told_of_where_there_is_no_api(text: str) -> None:
    place, key = (SEVERITY | ISSUES)[text]
    (words,) = told(text)
    fact = "the severity of an issue" if text in SEVERITY else "which issues belong to an incident"
    assert words.startswith(f"{place}: {key}: asks for {fact}, which only the source's API tells")
    assert "Set client_id and client_secret in [coalesce.api]" in words
    assert told(text, DEFAULTS) == [], "with the API it is known"


@pytest.mark.parametrize("text", [*SEVERITY, *ISSUES])
def test_what_is_told_of_is_what_triage_asks_the_api_for(text: str) -> None:
    found: RuleSet = rules(text)
    assert (found.ask_severity, found.ask_issues) == (text in SEVERITY, text in ISSUES)
    assert not found.ask_comments


@pytest.mark.parametrize(
    "text",
    [
        ISSUE + 'fields = { summary = "severity of {{ issue.title }}" }\n',
        ISSUE + "fields = { labels = [\"{{ 'severity' }}\"] }\n",
        ISSUE + '[tables.severity]\nx = "y"\n[rule.fields]\npriority = "{{ tables.severity.x }}"\n',
        ISSUE + '[rule.fields]\n"Severity" = "High"\n',
        ISSUE + 'fields = { summary = "{% set severity = 1 %}{{ severity }}" }\n',
        ISSUE
        + '[defaults.fields]\npriority = "{{ severity }}"\n[rule.fields]\npriority = "High"\n',
        '[defaults.issues]\nlink = "Relates"\n' + ISSUE,
        INCIDENT + 'issues = { link = "" }\n',
    ],
)
def test_the_word_alone_asks_for_nothing(text: str) -> None:
    assert told(text) == []
    found = rules(text)
    assert (found.ask_severity, found.ask_issues, found.ask_comments) == (False, False, False)


def looked_up(expression: str, table: str = 'a = "b"', kind: str = "issue") -> str:
    return (
        f'[tables.t]\n{table}\n[[rule]]\nname = "r"\nwhen = {{ kind = "{kind}" }}\n'
        f'[rule.fields]\nenvironment = """{expression}"""\n'
    )


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("{{ issue.owners | lookup('t') }}", "`issue.owners` may be empty, or what [tables.t]"),
        ("{{ issue.title | lookup('t') }}", "`issue.title` may be empty"),
        ("{{ 'x' | lookup('t') }}", "[tables.t] has nothing for 'x'"),
        ("{{ severity | lookup('t') }}", "nothing for an empty value or 'error' or 'fatal'"),
        ("{{ status | lookup('t') }}", "nothing for 'cancelled' or 'closed'"),
        ("{{ severity | default('b', true) | lookup('t') }}", "nothing for 'b' or 'error'"),
        ("{% if issue.owners %}{{ issue.owners | lookup('t') }}{% endif %}", "may be empty"),
        ("{% if severity %}{{ severity | lookup('t') }}{% endif %}", "nothing for 'error' or"),
    ],
)
def test_a_lookup_without_a_default_that_may_find_nothing_is_told_of(
    expression: str, why: str
) -> None:
    (words,) = told(looked_up(expression), DEFAULTS)
    assert words.startswith("10.toml:7: fields.environment: `lookup('t')` has no default, and ")
    assert why in words
    assert "it finds nothing is parked. Give a default, as in lookup('t', 'Medium')" in words


ALL = "\n".join(f'{word} = "x"' for word in (*SEVERITIES, *Status))


@pytest.mark.parametrize(
    ("expression", "table", "kind"),
    [
        ("{{ issue.owners | lookup('t', '') }}", 'a = "b"', "issue"),
        ("{{ issue.owners | lookup('t', default='') }}", 'a = "b"', "issue"),
        ("{{ 'A' | lookup('t') }}", 'a = "b"', "issue"),
        ("{{ kind | lookup('t') }}", 'Issue = "b"', "issue"),
        ("{{ status | lookup('t') }}", ALL, "issue"),
        ("{{ issue.state | lookup('t') }}", ALL, "issue"),
        ("{{ status | lookup('t') }}", 'open = "1"\nclosed = "2"\ncancelled = "3"', "incident"),
        ("{{ severity | lookup('t') }}", ALL + '\n"" = "y"', "issue"),
        ("{{ severity | default('info', true) | lookup('t') }}", ALL, "issue"),
        ("{% if severity %}{{ severity | lookup('t') }}{% endif %}", ALL, "issue"),
        ("{{ severity | lookup('t') if severity else 'none' }}", ALL, "issue"),
        ("{{ issue.title | lookup('t') if issue.title in tables.t }}", 'a = "b"', "issue"),
    ],
)
def test_a_lookup_that_finds_something_for_every_value_is_right(
    expression: str, table: str, kind: str
) -> None:
    assert told(looked_up(expression, table, kind), DEFAULTS) == []


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.sampled_from(["", *SEVERITIES])),
    st.sampled_from(
        [
            "{{ severity | lookup('t') }}",
            "{{ severity | default('warn', true) | lookup('t') }}",
            "{% if severity %}{{ severity | lookup('t') }}{% endif %}",
        ]
    ),
)
def test_a_lookup_is_told_of_exactly_where_some_severity_parks_the_field(
    keys: set[str], expression: str
) -> None:
    table = "\n".join(f'"{key}" = "x"' for key in sorted(keys)) or 'other = "x"'
    found = rules(looked_up(expression, table))
    parks = False
    for severity in ("", *SEVERITIES):
        snapshot = issue(severity=severity, status=Status.OPEN)
        made = found.rules[0].project_ticket(str(snapshot.ref), [snapshot])
        parks = parks or bool(made.failed)
    assert bool(found.warnings) == parks
