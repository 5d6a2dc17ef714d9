"""An edit of the rules is held against the sites: only what Jira would not take makes it wait."""

from __future__ import annotations

import pytest

from sync.bootstrap.site_check import sites_of
from sync.rules import Defaults, parse
from sync.sandbox.jira.ready_site import OWNER
from sync.settings import Settings
from tests.adapters.jira.world import World

RULE = '[[rule]]\nname = "r"\n[rule.fields]\n'


@pytest.mark.parametrize(
    ("line", "waits"),
    [
        (f'reporter = "{OWNER.display_name}"', False),
        ('reporter = "Nobody"', True),
        ('parent = "DATA-1"', True),
        ('priority = "High"', False),
    ],
)
def test_an_edit_waits_for_what_jira_refuses_and_not_for_advice(line: str, waits: bool) -> None:
    world = World("cloud")
    assert world.make().key == "DATA-1"
    rules = parse({"rules.toml": f"{RULE}{line}\n"}, Defaults({"main": "DATA"}, "main"))
    found = sites_of(Settings(), {"main": world.tracker}).check(rules, frozenset({"r"}))
    assert bool(found) == waits, found
