"""Fields that Jira shows in another form than it takes: one write, then rest, on a simulated Jira."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from sync.sandbox.jira.fields.apps import WORKSPACE
from sync.sandbox.jira.site.model import Option
from tests.options.stage import Stage

RULES = """
[[rule]]
name = "issues"
when = { kind = "issue" }
project = "HELP"
issue_type = "Incident"

[rule.fields]
summary = "{{ subject.title }}"
description = ""
FIELD

[rule.ownership]
OWNED = "OWNERSHIP"
"""


@dataclass(frozen=True)
class Case:
    """A field: what the rule gives, what the ticket then holds, and what a person sets by REST."""

    id: str
    rule: str
    words: str
    by_hand: Any
    words_by_hand: str


TEAMS = ("36885b3c-1bf0-4f85-a357-c5b858c31de4", "8f1c5a7e-52d1-4a1b-9d5b-0a4f6f0f7c11")
TEAM = Case("customfield_10030", f'"{TEAMS[0]}"', "Pipelines", TEAMS[1], "Reporting")
SPRINT = Case("customfield_10031", "192", "192A", 193, "193A")
ORGANIZATIONS = Case("customfield_10033", '["9", 7]', "Acme, Core", [8], "Bolt")
CASCADE = Case(
    "customfield_10017",
    '"Warehouse > Marts"',
    "Warehouse - Marts",
    {"value": "Warehouse", "child": {"value": "Models"}},
    "Warehouse - Models",
)
COMMON = {"Team": TEAM, "Sprint": SPRINT, "Organizations": ORGANIZATIONS, "Area": CASCADE}
CASES: dict[str, dict[str, Case]] = {
    "cloud": {
        **COMMON,
        "Request Type": Case("customfield_10032", "25", "Report broken data", "26", "Ask for data"),
        "Assets": Case(
            "customfield_10034",
            f'["{WORKSPACE}:89", {{ id = "{WORKSPACE}:88" }}]',
            "Orders (EU-1), Customers",
            [{"id": f"{WORKSPACE}:88"}],
            "Orders (EU-1)",
        ),
    },
    "datacenter": {
        **COMMON,
        "Request Type": Case(
            "customfield_10032",
            '"help/report-broken-data"',
            "Report broken data",
            "help/ask-for-data",
            "Ask for data",
        ),
        "Assets": Case(
            "customfield_10034",
            '"CMDB-89, CMDB-88"',
            "Orders (EU-1), Customers",
            [{"key": "CMDB-88"}],
            "Orders (EU-1)",
        ),
    },
}
EVERY = pytest.mark.parametrize("name", list(CASES["cloud"]))


class Watched:
    """A ticket with one such field, and how often the field was written."""

    def __init__(self, stage: Stage, case: Case, ownership: str) -> None:
        self.stage, self.case = stage, case
        self.writes: list[Any] = []
        self._told = 0
        stage.sandbox.observers.append(self._see)
        self.rule(case.rule, ownership)
        stage.tell("issue_created", "orders")
        stage.settle()

    def _see(self, exchange: Any) -> None:
        body = exchange.request_body
        fields = body.get("fields", {}) if isinstance(body, dict) else {}
        if exchange.method in ("PUT", "POST") and isinstance(fields, dict):
            self.writes += [fields[self.case.id]] if self.case.id in fields else []

    def rule(self, value: str, ownership: str) -> None:
        text = RULES.replace("FIELD", f"{self.case.id} = {value}")
        text = text.replace("OWNED", self.case.id).replace("OWNERSHIP", ownership)
        self.stage.write_rules(text)

    def look(self, times: int = 1) -> None:
        """Have the ticket looked at, and its summary written."""
        for _ in range(times):
            self._told += 1
            self.stage.tell("issue_updated", "orders", title=f"orders, told {self._told} times")
            self.stage.settle()

    def by_hand(self, value: Any) -> None:
        self.stage.sandbox.person.edit(self.stage.ticket.key, **{self.case.id: value})
        self.writes.clear()

    @property
    def words(self) -> str:
        return self.stage.ticket.fields.get(self.case.id, "")


def case_of(stage: Stage, name: str) -> Case:
    return CASES[stage.sandbox.dialect.value][name]


@EVERY
def test_a_field_is_written_once_however_often_it_is_looked_at(stage: Stage, name: str) -> None:
    case = case_of(stage, name)
    watched = Watched(stage, case, "source")
    watched.look(3)
    assert (watched.words, len(watched.writes)) == (case.words, 1)
    assert stage.silent()


@EVERY
def test_what_a_person_sets_stays_where_the_field_is_shared(stage: Stage, name: str) -> None:
    case = case_of(stage, name)
    watched = Watched(stage, case, "shared")
    watched.look()
    watched.by_hand(case.by_hand)
    watched.look(2)
    assert (watched.words, watched.writes) == (case.words_by_hand, [])


@EVERY
def test_what_a_person_sets_is_put_back_once_where_the_field_is_ours(
    stage: Stage, name: str
) -> None:
    case = case_of(stage, name)
    watched = Watched(stage, case, "source")
    watched.look()
    watched.by_hand(case.by_hand)
    watched.look(3)
    assert (watched.words, len(watched.writes)) == (case.words, 1)
    watched.by_hand(None if case.id != ORGANIZATIONS.id else [])
    watched.look(3)
    assert (watched.words, len(watched.writes)) == (case.words, 1)


@EVERY
def test_a_field_is_emptied_once(stage: Stage, name: str) -> None:
    watched = Watched(stage, case_of(stage, name), "source")
    watched.look()
    watched.writes.clear()
    watched.rule("\"{{ '' }}\"", "source")
    watched.look(3)
    assert (watched.words, len(watched.writes)) == ("", 1)


def test_a_ticket_rests_in_a_sprint_that_ends_and_in_the_one_it_is_carried_over_to(
    stage: Stage,
) -> None:
    watched = Watched(stage, SPRINT, "shared")
    watched.look()
    stage.sandbox.site.closed_sprints.add("192")
    watched.look(2)
    assert (watched.words, len(watched.writes)) == ("192A", 1)
    watched.by_hand(193)
    assert watched.words == "192A, 193A"
    watched.look(2)
    assert (watched.words, watched.writes) == ("192A, 193A", [])
    assert stage.silent()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Sprint", '"192A"', "'192A' is not a sprint's number"),
        ("Organizations", '"Acmee"', "'Acmee' is not a value of this field"),
    ],
)
def test_a_name_where_jira_takes_an_id_is_left_out_and_told(
    stage: Stage, name: str, value: str, said: str
) -> None:
    case = case_of(stage, name)
    watched = Watched(stage, Case(case.id, value, "", None, ""), "shared")
    assert (watched.words, watched.writes) == ("", [])
    assert said in (stage.row().error or "") + str(stage.row().parked)


ODD = (
    Option("10120", "A > B", (Option("10121", "C"), Option("10122", "D > E"))),
    Option(
        "10130", "A", (Option("10131", "B > C"), Option("10132", "twin"), Option("10133", "twin"))
    ),
    Option("10140", "two", (Option("10141", "C"),)),
    Option("10150", "two", (Option("10151", "C"), Option("10152", "F"))),
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"A > B"', "A > B"),
        ('"A > B > D > E"', "A > B - D > E"),
        ('{ value = "A", child = { value = "B > C" } }', "A - B > C"),
        ('["A", "10133"]', "A - twin"),
        ('"10150 > C"', "two - C"),
        ('"10140"', "two"),
    ],
)
def test_a_cascade_rests_whatever_its_options_are_called(
    stage: Stage, value: str, words: str
) -> None:
    site = stage.sandbox.site
    site.fields[CASCADE.id] = replace(site.fields[CASCADE.id], options=ODD)
    watched = Watched(stage, Case(CASCADE.id, value, words, None, ""), "source")
    watched.look(3)
    assert (watched.words, len(watched.writes)) == (words, 1)
