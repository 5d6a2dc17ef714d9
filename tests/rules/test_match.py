from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.subject import Snapshot, Status
from sync.rules import parse
from tests.rules.build import DEFAULTS, entity, incident, issue, owner, rules


def matches(when: str, snapshot: Snapshot) -> bool:
    return rules(f'[[rule]]\nname = "x"\nwhen = {when}\n').match(snapshot) is not None


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ('{ kind = "issue" }', True),
        ('{ kind = "incident" }', False),
        ('{ kind = ["incident", "issue"] }', True),
        ('{ workspace = "ACME" }', True),
        ('{ title = "*stale" }', True),
        ('{ title = "stale" }', False),
        ('{ description = "/rows since/" }', True),
        ('{ trigger = "fresh*", trigger_message = "*late" }', True),
        ('{ trigger = "fresh*", trigger_message = "*early" }', False),
        ('{ owner = ["Nobody", "data platform"] }', True),
        ('{ owner = "data-platform" }', True),
        ('{ status = "open" }', True),
        ('{ status = ["fixed", "closed"] }', False),
        ('{ severity = "error" }', False),
        ('{ entity = "orders" }', True),
        ('{ entity = { name = "orders", type = "table", folder = "/analytics/*" } }', True),
        ('{ entity = { platform = "snowflake_*", schema = "mart" } }', True),
        ('{ entity = { dataset = "*" } }', False),
        ('{ entity = "customers" }', False),
        ('{ affected = "customers" }', True),
        ('{ affected = { name = "customers", table = "ORDERS" } }', False),
        ('{ monitored = "payments" }', True),
        ('{ any_entity = "payments" }', True),
        ('{ any = [{ title = "no" }, { owner = "Data*" }] }', True),
        ('{ any = [{ title = "no" }, { owner = "no" }] }', False),
        ('{ all = [{ title = "*stale" }, { owner = "Data*" }] }', True),
        ('{ not = { owner = "Data*" } }', False),
        ('{ not = { owner = "Data*", title = "no" } }', True),
        ('{ kind = "issue", not = { any = [{ title = "no" }] } }', True),
    ],
)
def test_a_condition_holds_for_what_it_says(when: str, holds: bool) -> None:
    assert matches(when, issue()) is holds


def test_what_a_subject_does_not_have_never_holds_and_can_be_excluded() -> None:
    bare = issue(owners=[], trigger_entity=None, trigger_name="", severity="")
    for when in (
        '{ owner = "*" }',
        '{ entity = "*" }',
        '{ trigger = "*" }',
        '{ severity = "warn" }',
    ):
        assert not matches(when, bare)
        assert matches(f"{{ not = {when} }}", bare)


def test_conditions_on_an_entity_must_hold_for_one_and_the_same() -> None:
    two = issue(directly_affected_entities=[entity("a", schema="MART"), entity("b", schema="RAW")])
    assert matches('{ affected = { name = "a", schema = "mart" } }', two)
    assert not matches('{ affected = { name = "a", schema = "raw" } }', two)


def test_the_first_rule_wins_in_order_of_file_names_then_of_writing() -> None:
    found = parse(
        {
            "20.toml": '[[rule]]\nname = "later"\n',
            "10.toml": '[[rule]]\nname = "a"\nwhen.title = "x"\n'
            '[[rule]]\nname = "b"\nwhen.owner = "Data*"\n',
        },
        DEFAULTS,
    )
    assert [rule.name for rule in found.rules] == ["a", "b", "later"]
    first = found.match(issue())
    assert first is not None
    assert first.name == "b"
    other = found.match(incident())
    assert other is not None
    assert other.name == "later"


def test_no_match_is_none() -> None:
    assert rules('[[rule]]\nname = "x"\nwhen.kind = "incident"\n').match(issue()) is None


def test_explain_gives_the_reason_of_each_rule_up_to_the_one_that_matches() -> None:
    found = rules(
        '[[rule]]\nname = "a"\nwhen = { owner = "Finance*" }\n'
        '[[rule]]\nname = "b"\nwhen = { entity = { schema = ["raw", "/^stage/"] } }\n'
        '[[rule]]\nname = "c"\nwhen = { affected = { name = "x", schema = "raw" } }\n'
        '[[rule]]\nname = "d"\nwhen = { any = [{ title = "no" }, { severity = "error" }] }\n'
        '[[rule]]\nname = "e"\nwhen = { not = { title = "Table*" } }\n'
        '[[rule]]\nname = "f"\nwhen = { kind = "issue" }\n'
        '[[rule]]\nname = "g"\n'
    ).explain(issue(directly_affected_entities=[entity("y"), entity("x")]))
    assert [(e.rule.name, e.matched, e.reason) for e in found] == [
        ("a", False, "owner is 'Data Platform' and 'data-platform', and 'Finance*' is asked for"),
        ("b", False, "entity.schema is 'MART', and 'raw' or '/^stage/' is asked for"),
        ("c", False, "none of 2 entities in affected has name 'x' and schema 'raw'"),
        (
            "d",
            False,
            "none of `any` holds: title is 'Table orders is stale', and 'no' is asked for; "
            "severity is not there, and 'error' is asked for",
        ),
        ("e", False, 'it is excluded by not = { title = "Table*" }'),
        ("f", True, "every condition holds"),
    ]


_WORDS = st.sampled_from(["alpha", "beta", "gamma", "b*", "/a$/"])
_WHEN = st.dictionaries(
    st.sampled_from(["title", "workspace", "trigger", "owner", "kind"]),
    st.one_of(_WORDS, st.lists(_WORDS, min_size=1, max_size=3)),
    max_size=3,
)


@settings(deadline=None)
@given(
    st.lists(_WHEN, min_size=1, max_size=8),
    st.tuples(*[st.sampled_from(["alpha", "BETA", "gamma", "", "other"])] * 4),
)
def test_the_index_finds_the_same_rule_as_asking_one_by_one(
    whens: list[dict[str, object]], values: tuple[str, str, str, str]
) -> None:
    from sync.rules.conditions import written

    text = ""
    for number, when in enumerate(whens):
        when = {k: "issue" if k == "kind" else v for k, v in when.items()}
        text += f'[[rule]]\nname = "r{number}"\nwhen = {written(when)}\n'
    found = rules(text)
    snapshot = issue(
        title=values[0],
        workspace=values[1],
        trigger_name=values[2],
        owners=[owner(values[3], "alpha"), owner("beta")],
        status=Status.OPEN,
    )
    slow = next((rule for rule in found.rules if rule.when.holds(snapshot)), None)
    assert found.match(snapshot) is slow


def test_rules_that_cannot_match_are_not_asked() -> None:
    text = "".join(
        f'[[rule]]\nname = "r{n}"\nwhen = {{ kind = "issue", owner = "team {n}", title = "*" }}\n'
        for n in range(500)
    )
    found = rules(text + '[[rule]]\nname = "rest"\nwhen.title = "*"\n')
    asked = list(found._index.candidates(issue(owners=[owner("Team 7")])))
    assert asked == [7, 500]
