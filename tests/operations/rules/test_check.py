"""Mistakes in a draft: where they stand, what they are, and a press that mends them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.adapters.jira import JiraSite, JiraTracker
from sync.bootstrap.simulated import SimulatedJira, start_jira
from sync.operations.rules.check import Told, quick
from sync.operations.rules.completion import completion, in_templates
from sync.operations.rules.names import Names
from sync.ports import SystemClock
from sync.rules import Texts
from sync.sandbox.jira.ready_site import BOT
from sync.toml import Position
from tests.walks.world import RULES
from tests.worker.edited import DEFAULTS

PRIORITY = RULES.replace("labels =", 'priority = "Hihg"\nlabels =')


def told(text: str) -> tuple[Told, ...]:
    return quick(Texts({"10-finance.toml": text}), DEFAULTS).told


def mended(text: str, one: Told) -> str:
    (fix, *_) = one.fixes
    lines = text.split("\n")
    line = lines[fix.line - 1]
    lines[fix.line - 1] = line[: fix.column - 1] + fix.text + line[fix.end - 1 :]
    return "\n".join(lines)


def test_a_misspelt_key_has_its_place_and_is_mended_by_a_press() -> None:
    text = RULES.replace("issue_type =", "isue_type =")
    (one,) = told(text)
    assert (one.level, one.file, one.line, one.column, one.end) == (
        "mistake",
        "10-finance.toml",
        5,
        1,
        10,
    )
    assert one.fixes[0].label == "Did you mean issue_type"
    assert told(mended(text, one)) == ()


def test_a_wrong_value_is_mended_by_a_press() -> None:
    text = RULES.replace('name = "everything"', 'name = "everything"\nwhen = { kind = "isue" }')
    (one,) = told(text)
    assert text.split("\n")[one.line - 1][one.column - 1 : one.end - 1] == "isue"
    assert told(mended(text, one)) == ()


def test_what_is_not_toml_is_told_with_its_column() -> None:
    text = RULES.replace('project = "DATA"', "project = DATA")
    (one,) = told(text)
    assert one.line == 4
    assert text.split("\n")[3][one.column - 1 :].startswith("DATA")
    assert one.what.endswith(".")
    assert one.words.startswith("10-finance.toml:4: ")


def test_a_warning_is_no_mistake() -> None:
    text = f'{RULES}\n[[rule]]\nname = "never"\nproject = "DATA"\nissue_type = "Bug"\n'
    read = quick(Texts({"a.toml": text}), DEFAULTS)
    assert read.rules is not None
    assert [one.level for one in read.told] == ["warning"]


@pytest.fixture(scope="module")
def jira() -> Iterator[SimulatedJira]:
    started = start_jira(index_lag=0.0)
    yield started
    started.stop()


@pytest.fixture
def names(jira: SimulatedJira) -> Names:
    return names_of(jira)


def names_of(jira: SimulatedJira) -> Names:
    site = jira.settings()
    tracker = JiraTracker(
        JiraSite("main", site["url"], token=site["token"], email=site.get("email", "")),
        SystemClock(),
    )
    return Names({"main": tracker}, lambda _site: Position("config.toml", 3))


def test_a_value_that_jira_does_not_know_is_told_and_mended(
    names: Names, jira: SimulatedJira
) -> None:
    texts = {"rules.toml": PRIORITY}
    rules = quick(Texts(texts), DEFAULTS).rules
    assert rules is not None
    found = names.check(rules, texts)
    (one,) = found.told
    assert (one.line, one.source, one.level) == (10, "main", "mistake")
    assert "'Hihg' is not a value of this field" in one.what
    assert [fix.label for fix in one.fixes][:2] == ["Did you mean High", "Did you mean Highest"]
    assert found.words == "1 found (main, just now)"
    good = {"rules.toml": mended(PRIORITY, one)}
    again = quick(Texts(good), DEFAULTS).rules
    assert again is not None
    assert names.check(again, good).words.startswith("no mistakes; every name is there in Jira")
    before = jira.site.calls.total()
    names.check(rules, texts)
    assert jira.site.calls.total() == before


def test_what_jira_offers_is_completed(names: Names) -> None:
    rules = quick(Texts({"rules.toml": RULES}), DEFAULTS).rules
    found = completion(names, rules)
    main = found.sites["main"]
    assert "DATA" in main.projects
    assert main.issue_types is not None
    assert "Bug" in main.issue_types["DATA"]
    assert main.fields is not None
    assert "Highest" in main.fields["Priority"]
    assert {"subject.title", "issue.trigger_entity.name"} <= set(in_templates())
    assert "slug" in found.filters
    assert completion(None, None).sites == {}


@pytest.mark.parametrize("datacenter", [False, True], ids=["cloud", "datacenter"])
def test_what_a_service_project_offers_is_completed_and_asked_for_once(datacenter: bool) -> None:
    jira = start_jira(index_lag=0.0, datacenter=datacenter)
    try:
        names = names_of(jira)
        elsewhere = quick(Texts({"rules.toml": RULES}), DEFAULTS).rules
        assert elsewhere is not None
        assert "Organizations" not in (names.offered(elsewhere)["main"].fields or {})
        assert desk_calls(jira) == 0
        desk = RULES.replace('"DATA"', '"HELP"').replace('"Bug"', '"Task"')
        rules = quick(Texts({"rules.toml": desk}), DEFAULTS).rules
        assert rules is not None
        fields = names.offered(rules)["main"].fields or {}
        assert fields["Organizations"] == ("Acme", "Bolt", "Core")
        # Data Center tells no keys of request types, and takes no names.
        assert ("Report broken data" in fields["Request Type"]) is not datacenter
        # A page of each, after the list of desks where a project does not stand for its own.
        assert desk_calls(jira) == 2
        assert names.offered(rules)["main"].fields == fields
        assert desk_calls(jira) == 2
        jira.site.site.no_agents.add(BOT.account_id)
        barred = names_of(jira).offered(rules)["main"]
        assert (barred.trouble, (barred.fields or {})["Organizations"]) == ("", ())
    finally:
        jira.stop()


def desk_calls(jira: SimulatedJira) -> int:
    return sum(n for call, n in jira.site.calls.items() if call[1].startswith("servicedesk"))
