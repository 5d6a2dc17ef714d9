"""``check`` holds ``[rule.upstream.status]`` against the site's statuses, resolutions and workflow."""

from __future__ import annotations

import pytest

from sync.adapters.jira.check import Report, check_site
from sync.rules import Defaults, parse
from sync.toml import Position
from tests.adapters.jira.world import World

RULE = """\
[[rule]]
name = "both"
project = "DATA"
issue_type = "Bug"
[rule.upstream.status]
"""


@pytest.fixture(params=["cloud", "datacenter"])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


def checked(world: World, lines: str) -> Report:
    defaults = Defaults({"main": "DATA"}, "main")
    rules = parse({"rules.toml": RULE + lines}, defaults).rules
    return check_site(world.tracker, rules, Position("config.toml", 3))


def test_places_that_the_site_has_are_no_mistakes(world: World) -> None:
    report = checked(
        world,
        'cleared = "To Do"\ninvestigating = ["In Progress"]\nfixed = { category = "done" }\n'
        'no_action_needed = { resolution = "Won\'t Do" }\n',
    )
    assert not report.trouble
    assert [str(one) for one in report.findings] == []
    (note,) = report.remarks
    assert note.startswith("its settings speak of no webhook, so that what people do there")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            'fixed = "Doen"',
            "upstream.status.fixed: the workflow has no status 'Doen'. Did you mean",
        ),
        (
            'investigating = ["In Progress", { status = "Nowhere" }]',
            "upstream.status.investigating: the workflow has no status 'Nowhere'",
        ),
        (
            'expected = { resolution = "Wontt Do" }',
            "upstream.status.expected: the site has no resolution 'Wontt Do'",
        ),
        ('closed = "Shut"', "upstream.status.closed: the workflow has no status 'Shut'"),
    ],
    ids=["status", "status in a list", "resolution", "of incidents"],
)
def test_a_place_that_the_site_does_not_have_is_found_at_its_line(
    world: World, line: str, words: str
) -> None:
    (found,) = [str(one) for one in checked(world, line + "\n").findings]
    assert found.startswith(f"rules.toml:6: rule 'both': {words}")


def test_places_of_the_workflow_that_no_line_names_are_worth_a_note_and_no_mistake(
    world: World,
) -> None:
    report = checked(world, 'cleared = "To Do"\nfixed = { category = "done" }\n')
    assert not report.findings
    note, _ = report.remarks
    assert note.startswith("rule 'both': issues: no line of upstream.status names 'In Progress'")
    assert note.endswith("so that upstream is told nothing when a ticket is moved there")
    assert not any("upstream" in words for words in report.notes)


def test_a_rule_that_tells_nothing_is_not_looked_at(world: World) -> None:
    rules = parse(
        {"rules.toml": RULE.replace("[rule.upstream.status]\n", "")},
        Defaults({"main": "DATA"}, "main"),
    )
    report = check_site(world.tracker, rules.rules, Position("config.toml", 3))
    assert (report.findings, list(report.remarks)) == ([], [])
