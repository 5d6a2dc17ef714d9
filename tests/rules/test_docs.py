from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from sync.domain.rule import Desired
from sync.domain.subject import Kind, Status
from sync.domain.surroundings import Impact, Product
from sync.rules import parse
from sync.rules.filters import KNOWN
from sync.rules.identity import WORDS
from sync.rules.json_schema import json_schema
from sync.rules.schema import Body, Comments, Issues, StatusEntry, StatusMap, When
from sync.rules.vocabulary import NAMES, STANDARD_FIELDS
from sync.toml.findings import keys_of
from tests.rules.build import DEFAULTS, incident, issue

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
EXAMPLES = re.findall(r"^## (.+?)\n(?:(?!^## ).)*?^```toml\n(.*?)^```", PAGE, re.S | re.M)


def test_the_page_shows_an_example_in_every_section_of_the_language() -> None:
    sections = re.findall(r"^## (.+)$", PAGE, re.M)
    of_the_folder = {
        "Editing and reverting",
        "Tests",
        "Reviewing a change",
        "When something is wrong",
    }
    of_the_language = [title for title in sections if title not in of_the_folder]
    assert [title for title, _text in EXAMPLES] == of_the_language
    assert PAGE.count("```toml\n") == len(EXAMPLES)


@pytest.mark.parametrize(("title", "text"), EXAMPLES, ids=[title for title, _text in EXAMPLES])
def test_each_example_on_the_page_works_as_it_stands(title: str, text: str) -> None:
    found = parse({"example.toml": text}, DEFAULTS)
    assert not found.warnings
    jsonschema.Draft202012Validator(json_schema()).validate(tomllib.loads(text))
    for rule in found.rules:
        for make in (issue, incident):
            if make().ref.kind.value not in rule.kinds:
                continue
            for status in Status:
                if make().ref.kind is Kind.INCIDENT and status not in (
                    "open",
                    "closed",
                    "cancelled",
                ):
                    continue
                snapshot = make(status=status, ended_at="2024-09-06T15:00:00Z")
                made = rule.project_ticket(rule.ticket_key(snapshot), [snapshot])
                assert isinstance(made, Desired)
                assert made.fields["summary"].value
                assert not made.failed


def test_the_conditions_on_the_page_hold_for_the_issue_they_describe() -> None:
    text = dict(EXAMPLES)["Conditions"]
    found = parse({"example.toml": text}, DEFAULTS)
    entity = {
        "name": "orders",
        "type_name": "Table",
        "folder": "/dw/core/x",
        "entity_url": "",
        "identifier": {"platform": "snowflake_table", "schema": "mart", "database": "FIN"},
    }
    snapshot = issue(
        workspace="production",
        title="Orders is late",
        description="There were no new rows.",
        severity="error",
        trigger_entity=entity,
        directly_affected_entities=[entity],
        monitored_entities=[entity],
    )
    assert found.explain(snapshot)[0].reason == "impact is not known"
    impact = Impact((Product("Revenue", priority="P1"),), ("Finance data",), (), 10)
    reason = found.explain(replace(snapshot, impact=impact))[0].reason
    assert reason == "every condition holds"


def test_the_page_names_every_word_of_the_language() -> None:
    words = {
        *(key for model in (Body, When, StatusEntry, StatusMap, Comments, Issues)
          for key in keys_of(model)),
        *KNOWN,
        *NAMES,
        *WORDS,
        *STANDARD_FIELDS,
    }  # fmt: skip
    missing = {word for word in words if not re.search(rf"\b{re.escape(word)}\b", PAGE)}
    assert missing == set()
