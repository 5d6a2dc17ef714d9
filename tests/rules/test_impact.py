"""The impact of issues and the addresses of owners, in conditions and templates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync.domain.subject import Snapshot
from sync.domain.surroundings import Contacts, Impact, Product, by_rank, entities_in, together
from sync.rules import RuleErrors
from sync.store.subjects import Subject, to_snapshot
from sync.store.tables import SubjectRow
from tests.rules.build import desired, entity, incident, issue, owner, rules

REVENUE = Product("Revenue", "Earned a day", "Finance", "P1", downstream=True)
ORDERS = Product("Orders|desk", "", "Sales", "P3")
IMPACT = Impact(
    by_rank([ORDERS, REVENUE]), ("Sales data", "Finance data"), (("Dashboards", 12),), 12, "x"
)
MATCHING = '[[rule]]\nname = "r"\nwhen = { impact = %s }\n'


def known(impact: Impact | None = IMPACT, **payload: Any) -> Snapshot:
    return replace(issue(**payload), impact=impact)


@pytest.mark.parametrize(
    ("condition", "why_not"),
    [
        ('{ product_priority = ["P1", "P2"] }', ""),
        ('{ product_priority = "p1", owner = "finance*", count = ">= 12" }', ""),
        ('{ product = "/desk$/" }', ""),
        ("{ count = 12 }", ""),
        ('{ count = "<13" }', ""),
        ('{ product_priority = "P3" }', "impact.product_priority is 'P1', and 'P3' is asked for"),
        ('{ owner = "Growth*" }', "impact.owner is 'Sales data' and 'Finance data', and "),
        ('{ count = "> 12" }', "impact.count is 12, and > 12 is asked for"),
        ("{ count = 0 }", "impact.count is 12, and 0 is asked for"),
    ],
)
def test_a_condition_looks_at_the_impact_as_a_whole(condition: str, why_not: str) -> None:
    (explained,) = rules(MATCHING % condition).explain(known())
    assert explained.matched is (not why_not)
    assert explained.reason.startswith(why_not or "every condition holds")


@pytest.mark.parametrize("condition", ["{ count = 0 }", '{ owner = "*" }', '{ count = "< 5" }'])
def test_nothing_holds_of_an_impact_that_is_not_known(condition: str) -> None:
    found = rules(MATCHING % condition)
    assert found.match(issue()) is None
    assert found.explain(issue())[0].reason == "impact is not known"
    assert found.explain(incident())[0].reason == "impact is not known"


def test_no_impact_is_known_to_be_none() -> None:
    assert rules(MATCHING % "{ count = 0 }").match(known(Impact(of="x"))) is not None
    assert rules(MATCHING % '{ product_priority = "*" }').match(known(Impact(of="x"))) is None


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ('{ count = "many" }', "when.impact.count: must be a number or a comparison with one"),
        ('{ count = ">= -1" }', "when.impact.count: must be a number"),
        ("{ count = true }", "when.impact.count: must be a number"),
        ("{ cuont = 1 }", "when.impact.cuont: is not a key here. Did you mean 'count'?"),
        ('"P1"', "when.impact: must be a table, not 'P1'."),
        ("{}", "when.impact: has no condition."),
        ("{ product_priority = 1 }", "when.impact.product_priority: must be a pattern, not 1."),
        ('{ owner = "/(/" }', "when.impact.owner: "),
    ],
)
def test_a_condition_that_cannot_be_is_told_with_its_line(condition: str, told: str) -> None:
    with pytest.raises(RuleErrors) as caught:
        rules(MATCHING % condition)
    assert f"10.toml:3: {told}" in str(caught.value.mistakes[0])


TICKET = """
[tables.priority]
P1 = "Highest"
P2 = "High"

[[rule]]
name = "r"
when = { kind = "issue" }

[rule.fields]
summary = "{{ impact.count }} {{ impact.entities | map(attribute='name') | join }}"
priority = "{{ impact.product_priority | lookup('priority', 'Medium') }}"
description = "{{ impact.products | table }}"
environment = "{{ impact.entities | table }}"
labels = "{{ impact.owners }}"
assignee = "{{ (issue.owners | first).emails | first if issue.owners else '' }}"
"""


def test_templates_see_the_impact_and_the_addresses_of_owners() -> None:
    contacts = Contacts({"data-platform": ("lead@example.com", "b@example.com")}, "y")
    fields = desired(TICKET, replace(known(), contacts=contacts)).fields
    assert fields["summary"].value == "12 Dashboards"
    assert fields["priority"].value == "Highest"
    assert fields["description"].value.splitlines()[2:] == [
        "| Revenue | P1 | Finance | downstream |",
        "| Orders\\|desk | P3 | Sales | direct |",
    ]
    assert fields["environment"].value.splitlines()[2:] == ["| Dashboards | 12 |"]
    assert fields["assignee"].value == "lead@example.com"


def test_an_impact_that_is_not_known_reads_as_empty() -> None:
    made = desired(TICKET, known(None, owners=[]))
    assert made.failed == {}
    assert made.fields["summary"].value == "0"
    assert made.fields["priority"].value == "Medium"
    assert made.fields["description"].value == ""


def test_the_impact_of_a_ticket_is_that_of_its_subjects_together() -> None:
    more = Impact(by_rank([REVENUE, Product("Churn", "", "", "P2")]), ("Growth",), (), 40, "z")
    both = together([IMPACT, None, more, IMPACT])
    assert both is not None
    assert [one.title for one in both.products] == ["Revenue", "Churn", "Orders|desk"]
    assert both.owners == ("Sales data", "Finance data", "Growth")
    assert both.count == 40
    text = TICKET.replace('when = { kind = "issue" }', "").replace("issue.", "subject.")
    text = text.replace("subject.owners", "[]")
    ticket = desired(text, incident(), known(), replace(known(id="2"), impact=more))
    assert ticket.fields["priority"].value == "Highest"


def test_what_is_kept_of_a_subject_is_read_back() -> None:
    one = replace(known(), contacts=Contacts({"a": ("b@example.com",)}, "y"))
    row = SubjectRow(**Subject.first(one, 1.0).columns())
    assert to_snapshot(row) == one
    assert row.payload["owners"] == [owner("Data Platform")]


def test_the_broken_entities_are_asked_for_once_each_in_any_order() -> None:
    one = issue(directly_affected_entities=[entity(), entity("customers"), {"name": "no id"}])
    other = issue(trigger_entity=entity("customers"), directly_affected_entities=[entity()])
    assert entities_in(one.payload) == entities_in(other.payload)
    assert len(entities_in(one.payload)) == 2
    assert entities_in(incident().payload) == []


@pytest.mark.parametrize(
    ("impact", "words"),
    [
        (Impact(), "has an impact on no data product; 0 entities are downstream"),
        (
            Impact(
                tuple(Product(f"p{n}", priority="P1" if n < 2 else "") for n in range(5)), count=1
            ),
            "has an impact on p0 (P1), p1 (P1), p2 and 2 more; 1 entity is downstream",
        ),
    ],
)
def test_people_read_the_impact_in_words(impact: Impact, words: str) -> None:
    assert impact.words == words
