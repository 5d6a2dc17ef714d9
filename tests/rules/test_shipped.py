from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sync.domain.rule import Category
from sync.domain.subject import Status
from sync.rules import Defaults, RuleSet, load
from sync.rules.json_schema import json_schema
from tests.rules.build import entity, incident, issue, owner
from tests.rules.mistakes import conditions, shape

MAPPINGS = Path(__file__).parents[2] / "mappings"
BUILTIN = MAPPINGS.parent / "sync" / "rules" / "builtin.toml"
RECIPES = sorted((MAPPINGS / "recipes").glob("*.toml"))
SITES = Defaults({"main": "DATA", "datacenter": None}, "main")


def recipe(name: str) -> RuleSet:
    found = load([MAPPINGS / "recipes" / f"{name}.toml"], SITES)
    assert not found.warnings
    return found


def wish(found: RuleSet, *snapshots: Any, **kwargs: Any) -> Any:
    rule = found.match(snapshots[0])
    assert rule is not None
    made = rule.project_ticket(rule.ticket_key(snapshots[0]), snapshots, **kwargs)
    assert not made.failed
    return made


def test_the_default_rules_take_every_subject_and_load_without_the_recipes() -> None:
    found = load(MAPPINGS, Defaults({"only": "KEY"}, "only"))
    assert [rule.name for rule in found.rules] == ["issues", "incidents"]
    assert not found.warnings
    for snapshot in (issue(), incident()):
        made = wish(found, snapshot)
        assert (made.site, made.project, made.issue_type) == ("only", "KEY", ("Bug", "Task"))
        assert set(made.fields) == {"summary", "labels", "description"}


def test_the_default_rules_spell_out_what_every_rule_starts_from() -> None:
    shipped = tomllib.loads((MAPPINGS / "default.toml").read_text("utf-8"))
    assert shipped["defaults"] == tomllib.loads(BUILTIN.read_text("utf-8"))["defaults"]


def test_the_default_description_carries_what_upstream_says() -> None:
    made = wish(
        load(MAPPINGS, SITES),
        issue(
            description="**Late** since noon\n```\nselect 1",
            ended_at="2024-09-06T14:14:56Z",
            status=Status.CLOSED,
            owners=[owner("Data | Platform"), owner("Finance")],
        ),
    )
    assert made.fields["description"].value == (
        "**Late** since noon\n```\nselect 1\n```\n\n"
        "### Affected\n\n| Entity | Type | Folder |\n| --- | --- | --- |\n"
        "| [orders](https://app.example.com/e/orders) | Table | /analytics/mart |\n"
        "| [customers](https://app.example.com/e/customers) | Table | /analytics/mart |\n\n"
        "### Monitored\n\n| Entity | Type | Folder |\n| --- | --- | --- |\n"
        "| [payments](https://app.example.com/e/payments) | Table | /analytics/mart |\n\n"
        "### Details\n\n- Trigger: freshness: 3 hours late\n"
        "- Owners: [Data \\| Platform](https://app.example.com/o/1), "
        "[Finance](https://app.example.com/o/1)\n"
        "- Started: 2024-09-06 12:14 UTC\n- Ended: 2024-09-06 14:14 UTC (after 2h)\n"
        "- [Open in Coalesce Quality]"
        "(https://app.example.com/issues/00000000-0000-4000-8000-000000000001)"
    )


def test_the_schema_of_rule_files_is_the_one_in_the_folder() -> None:
    written = (MAPPINGS / "rules.schema.json").read_text("utf-8")
    assert json.loads(written) == json_schema()


@pytest.mark.parametrize("path", [MAPPINGS / "default.toml", *RECIPES], ids=lambda p: p.stem)
def test_shipped_rules_fit_the_schema_and_point_to_it(path: Path) -> None:
    text = path.read_text("utf-8")
    where = text.splitlines()[0].removeprefix("#:schema ")
    assert (path.parent / where).resolve() == MAPPINGS / "rules.schema.json"
    jsonschema.Draft202012Validator(json_schema()).validate(tomllib.loads(text))


@pytest.mark.parametrize("name", ["a misspelt key", "a storm of none", "an unknown category"])
def test_the_schema_finds_mistakes_in_an_editor(name: str) -> None:
    data = tomllib.loads({**shape.CASES, **conditions.CASES}[name][0])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema()).validate(data)


def test_the_recipe_routes_by_owner() -> None:
    found = recipe("route-by-owner")
    assert wish(found, issue(owners=[owner("Finance Data")])).project == "FIN"
    assert wish(found, issue(owners=[owner("Finance Reporting")])).project == "FIN"
    marketing = issue(owners=[owner("Marketing Data")], workspace="production")
    assert wish(found, marketing).fields["components"].value == ["Campaigns"]
    core = issue(trigger_entity={**entity(), "folder": "/dw/core/x"})
    made = wish(found, core)
    assert (made.project, made.fields["components"].value) == ("PLAT", [])
    assert found.match(issue(owners=[])) is None


def test_the_recipe_turns_severity_into_priority_and_due_date() -> None:
    found = recipe("severity-to-priority")
    fatal = wish(found, issue(severity="fatal")).fields
    assert (fatal["priority"].value, fatal["due_date"].value) == ("Highest", "2024-09-09")
    unknown = wish(found, issue()).fields
    assert (unknown["priority"].value, unknown["due_date"].value) == ("Medium", "2024-09-13")


def test_the_recipe_puts_incidents_in_their_project_and_links_their_issues() -> None:
    found = recipe("incidents")
    rule = found.match(incident())
    assert rule is not None
    assert (rule.project, rule.issues.link, rule.issues.on_ticket) == ("INC", "Relates", False)
    made = wish(found, incident(status=Status.CANCELLED))
    assert made.target.category is Category.DONE
    assert made.target.resolution == ("Declined", "Done")
    assert wish(found, issue()).project == "DATA"


def test_the_recipe_groups_by_table() -> None:
    found = recipe("group-by-table")
    one, two = issue("1"), issue("2", status=Status.CLOSED, at=60)
    rule = found.match(one)
    assert rule is not None
    assert rule.ticket_key(one) == rule.ticket_key(two)
    assert rule.storm == (20, 600)
    made = wish(found, one, two, occurrences=3)
    assert made.fields["summary"].value == "orders: 2 checks failed"
    assert made.update_comment == "1 of 2 are still open; 3 occurrences so far."
    assert made.status is Status.OPEN


def test_the_recipe_holds_flapping_checks() -> None:
    found = recipe("hold-flappers")
    rule = found.match(issue(trigger_name="Volume_Hourly"))
    assert rule is not None
    assert (rule.hold, rule.close_after, rule.reopen_within) == (600, 1800, 604800)
    assert not rule.policy.create_when_ended
    assert found.match(issue(owners=[owner("On call")])) is None


def test_the_recipe_for_data_center_names_its_own_workflow() -> None:
    found = recipe("data-center")
    made = wish(found, issue(status=Status.CLOSED, trigger_entity=None))
    assert (made.site, made.project) == ("datacenter", "DQ")
    assert (made.target.status, made.target.via) == ("Closed", ("In Progress", "Resolved"))
    assert made.target.fields == {"Root cause": "3 hours late"}
    assert wish(found, issue(status=Status.INVESTIGATING)).target.transition == "Start Progress"
    assert found.match(issue(status=Status.EXPECTED)) is None


def test_two_issues_with_one_title_are_told_apart_by_their_entities() -> None:
    found = load(MAPPINGS, SITES)
    one = issue("1", title="Rows are missing", trigger_entity=entity("RAW.ORDERS"))
    other = issue("2", title="Rows are missing", trigger_entity=entity("MART.ORDERS"))
    assert wish(found, one).fields["summary"].value == "Rows are missing (RAW.ORDERS)"
    assert wish(found, other).fields["summary"].value == "Rows are missing (MART.ORDERS)"
    named = issue("3", title="Raw.Orders is late", trigger_entity=entity("RAW.ORDERS"))
    assert wish(found, named).fields["summary"].value == "Raw.Orders is late"


def test_the_entity_stays_in_the_summary_of_a_long_title() -> None:
    made = wish(
        load(MAPPINGS, SITES), issue(title="late " * 60, trigger_entity=entity("RAW.ORDERS"))
    )
    assert made.fields["summary"].value.endswith("… (RAW.ORDERS)")
    assert len(made.fields["summary"].value) < 254


def test_a_grouped_ticket_says_what_its_subjects_have_in_common_and_what_tells_them_apart() -> None:
    found = load(MAPPINGS, SITES)
    late = issue("1", title="Late", trigger_entity=entity("RAW.ORDERS"), trigger_name="freshness")
    less = issue("2", title="Less", trigger_entity=entity("RAW.ORDERS"), trigger_name="volume")
    made = wish(found, late, less)
    assert made.fields["summary"].value == "Late (RAW.ORDERS) (and 1 more)"
    text = made.fields["description"].value
    assert "They have in common: the entity RAW.ORDERS, the owner " in text
    assert "| Subject | Status | Started |" in text
    there = issue("3", title="Late", trigger_entity=entity("MART.ORDERS"), trigger_name="freshness")
    made = wish(found, late, there)
    assert made.fields["summary"].value == "Late (and 1 more)"
    text = made.fields["description"].value
    assert "They have in common: the trigger freshness" in text
    assert "| [Late](" in text
    assert "| RAW.ORDERS |" in text
    assert "| MART.ORDERS |" in text


def test_no_entity_is_named_twice() -> None:
    orders, mart = entity("RAW.ORDERS"), entity("MART")
    made = wish(
        load(MAPPINGS, SITES),
        issue(
            trigger_entity=orders,
            directly_affected_entities=[orders, mart],
            monitored_entities=[orders],
        ),
    )
    text = made.fields["description"].value
    assert text.count("[RAW.ORDERS]") == 1
    assert text.count("[MART]") == 1
    assert "Monitored" not in text
