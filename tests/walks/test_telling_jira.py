"""Both ways against a whole Jira site of each dialect: webhooks, comments and who may see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.sandbox.coalesce.robots import Robot, Robots
from sync.sandbox.jira.ready_site import AUTOMATION, LEAD, ONCALL
from sync.store.engine import Store
from tests.walks.both_ways_jira import WithJira, both_ways_jira

ALL = 'comments = "all"\ncopy_comments = true'
BEN = {"name": "Ben", "email": {"user_email": "ben@example.com"}}


WIKI = "[~on.call] see !x.png!\n||a||b||\n|1|2|\n{code}\nselect 1\n{code}"


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def _cells(kind: str, *texts: str) -> dict[str, object]:
    cells = [
        {"type": kind, "content": [{"type": "paragraph", "content": [_text(text)]}]}
        for text in texts
    ]
    return {"type": "tableRow", "content": cells}


DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [
        {
            "type": "paragraph",
            "content": [
                {
                    "type": "mention",
                    "attrs": {"id": ONCALL.account_id, "text": "@On-Call Engineer"},
                },
                _text(" see "),
                {"type": "mediaInline", "attrs": {"id": "1", "type": "file", "alt": "x.png"}},
            ],
        },
        {
            "type": "table",
            "content": [_cells("tableHeader", "a", "b"), _cells("tableCell", "1", "2")],
        },
        {"type": "codeBlock", "content": [_text("select 1")]},
    ],
}


@pytest.fixture(params=["cloud", "datacenter"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path, dialect: str) -> Iterator[WithJira]:
    with both_ways_jira(sqlite_store, tmp_path / "rules", dialect) as made:
        yield made


@pytest.fixture
def talking(sqlite_store: Store, tmp_path: Path, dialect: str) -> Iterator[WithJira]:
    with both_ways_jira(sqlite_store, tmp_path / "rules", dialect, ALL) as made:
        yield made


def quiet(world: WithJira) -> None:
    """The same again, and time going by, write nothing on either side."""
    before = world.written()
    for _ in range(3):
        world.clock.sleep(120)
        world.settle()
    assert world.written() == before


def test_a_persons_close_is_told_within_seconds_and_its_echo_does_nothing(world: WithJira) -> None:
    issue, key = world.made()
    world.person.transition(key, "Done")
    world.settle()
    assert issue.status == "fixed"
    assert issue.actor is not None
    assert issue.actor["name"] == "Data Owner"
    assert (world.ticket(key).status, world.ticket(key).comments) == ("Done", ())
    quiet(world)


def test_a_ticket_in_another_project_is_told_by_category_and_one_out_of_sight_is_held(
    world: WithJira,
) -> None:
    issue, key = world.made()
    moved = world.person.move(key, "OPS")
    world.settle()
    world.clock.sleep(60)
    world.person.transition(moved, "Resolve Issue", "Fixed")
    world.settle()
    assert (issue.status, world.ticket(moved).status) == ("fixed", "Resolved")
    quiet(world)
    events = len(world.sandbox.events)
    hidden = world.person.move(moved, "GOV")
    world.person.resolve(hidden, "Won't Do")
    world.site.deny("GOV", "BROWSE_PROJECTS")
    world.settle()
    assert (issue.status, len(world.sandbox.events)) == ("fixed", events)
    (row,) = world.rows()
    assert row.jira_id == world.ticket(hidden).id


def test_a_closed_ticket_that_another_workflow_puts_at_its_start_is_no_act(world: WithJira) -> None:
    issue, key = world.made()
    world.person.transition(key, "Done")
    world.settle()
    assert issue.status == "fixed"
    world.clock.sleep(60)
    moved = world.person.move(key, "OPS")
    assert world.ticket(moved).category == "new"
    world.settle()
    assert (issue.status, world.ticket(moved).category) == ("fixed", "done")
    quiet(world)


@pytest.mark.parametrize("more", ["", 'comments = "all"'])
def test_the_reason_on_the_screen_of_a_transition_is_told_once(
    sqlite_store: Store, tmp_path: Path, dialect: str, more: str
) -> None:
    with both_ways_jira(sqlite_store, tmp_path / "rules", dialect, more, "OPS") as world:
        issue, key = world.made()
        world.person(ONCALL).comment(key, "Whose table is it?")
        world.settle()
        before = len(issue.remarks)
        world.person.transition(key, "Resolve Issue", "Won't Do", comment="Nobody reads it.")
        world.settle()
        told = world.remarks(issue)[before:]
        assert issue.status == "no_action_needed"
        assert [text.splitlines()[2] for text in told] == ["Nobody reads it."]
        quiet(world)


def test_an_old_comment_and_anothers_are_no_reason(world: WithJira) -> None:
    issue, key = world.made()
    world.person.comment(key, "I wonder.")
    world.settle()
    world.clock.sleep(14 * 86400)
    world.person(ONCALL).comment(key, "Not me.")
    world.person.transition(key, "Done", "Won't Do")
    world.settle()
    assert (issue.status, issue.remarks) == ("no_action_needed", [])
    quiet(world)


@pytest.mark.parametrize("restricted", [{"role": "Administrators"}, {"group": "data-team"}])
def test_what_is_not_for_everybody_is_never_told_nor_is_its_edit(
    talking: WithJira, restricted: dict[str, str]
) -> None:
    issue, key = talking.made()
    secret = talking.person.comment(key, "The password is hunter2.", **restricted)
    open_ = talking.person.comment(key, "Looking.")
    talking.settle()
    assert [text.splitlines()[2] for text in talking.remarks(issue)] == ["Looking."]
    talking.clock.sleep(60)
    talking.person.edit_comment(key, secret, "The password is hunter3.", **restricted)
    talking.person.edit_comment(key, open_, "The password is hunter3.", **restricted)
    talking.settle()
    assert "hunter" not in "".join(talking.remarks(issue))
    quiet(talking)


@pytest.mark.parametrize("public", [False, True])
def test_on_a_service_project_copies_are_internal_unless_the_rule_says_public(
    sqlite_store: Store, tmp_path: Path, dialect: str, public: bool
) -> None:
    with both_ways_jira(sqlite_store, tmp_path / "rules", dialect, ALL, "HELP") as world:
        rules = (world.folder / "rules.toml").read_text().replace('"Bug"', '"Task"')
        world.write_rules(rules + ("\n[rule.comments]\npublic = true\n" if public else ""))
        issue, key = world.made()
        world.person.comment(key, "For the team alone.", internal=True)
        world.sandbox.comment(issue.id, "The loader is down.", BEN)
        world.triage.learn(world.upstream.api.issues([issue.id]))
        world.settle()
        copies = [one for one in world.ticket(key).comments if "The loader" in one.text]
        assert [one.public for one in copies] == [public]
        assert world.remarks(issue) == ["The loader is down."]
        quiet(world)


NASTY = (
    "@here [~site.admin] {code}!x!{code} !http://x.example/y.png!\n\n[~accountid:1] {color:red}x"
)


def test_a_comment_from_upstream_notifies_nobody_and_runs_no_macro(talking: WithJira) -> None:
    issue, key = talking.made()
    talking.sandbox.comment(issue.id, NASTY, {**BEN, "name": "Ben [~site.admin] {code}"})
    talking.triage.learn(talking.upstream.api.issues([issue.id]))
    talking.settle()
    (copy,) = talking.ticket(key).comments
    raw = str(copy.raw)
    if isinstance(copy.raw, str):
        for macro in ("[~site", "[~acc", "{code}", "{color", "!x!", "!http"):
            assert macro not in raw.replace("\\" + macro[0], "")
    else:
        assert "'mention'" not in raw
        assert "'media'" not in raw
    assert "@here" in copy.text
    quiet(talking)


def test_a_comment_with_a_mention_a_picture_a_table_and_code_is_readable_upstream(
    talking: WithJira,
) -> None:
    issue, key = talking.made()
    talking.person.comment(key, WIKI if talking.site.dialect.value != "cloud" else DOCUMENT)
    talking.settle()
    (text,) = talking.remarks(issue)
    name = "On-Call Engineer" if talking.site.dialect.value == "cloud" else "on.call"
    for part in ("[image: x.png]", name, "| a", "```", "select 1"):
        assert part in text, text
    for raw in ("[~", "{code", "!x.png", "||"):
        assert raw not in text
    quiet(talking)


def test_a_long_comment_is_told_cut_with_its_address(talking: WithJira) -> None:
    issue, key = talking.made()
    id_ = talking.person.comment(key, "word " * 6000)
    talking.settle()
    (text,) = talking.remarks(issue)
    assert len(text) < 25_000
    assert text.endswith(f"focusedCommentId={id_}")
    quiet(talking)


def test_an_actor_whose_address_is_hidden_acts_by_name_with_the_address_that_stands_in(
    talking: WithJira,
) -> None:
    issue, key = talking.made()
    asked: list[str] = []
    talking.site.observers.append(lambda one: asked.append(one.path))
    talking.person(LEAD).comment(key, "Mine.")
    talking.person(AUTOMATION).transition(key, "Done")
    talking.settle()
    (remark,) = issue.remarks
    assert remark.message.startswith("Platform Lead in Jira:\n\nMine.")
    hidden = talking.site.dialect.value == "cloud"
    stand_in = {"user_email": "bridge@example.com"}
    assert (remark.actor["email"] == stand_in) is hidden
    assert issue.actor is not None
    assert issue.actor["name"] == "Automation for Jira"
    assert not [path for path in asked if "user" in path]
    quiet(talking)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"deleted": True, "active": False}, ""),
        ({"display_name": "API"}, "API"),
        ({"display_name": "MCP"}, "MCP"),
    ],
    ids=["deleted", "API", "MCP"],
)
def test_an_account_that_is_gone_or_oddly_named_is_a_valid_actor(
    talking: WithJira, change: dict[str, object], named: str
) -> None:
    issue, key = talking.made()
    talking.person(ONCALL).comment(key, "Mine.")
    talking.person(ONCALL).transition(key, "Done")
    talking.site.change_user("on.call", **change)
    talking.settle()
    (remark,) = issue.remarks
    assert issue.status == "fixed"
    assert issue.actor is not None
    assert str(issue.actor["name"]).startswith(named)
    assert issue.actor["name"] not in ("", "API", "MCP")
    assert "not told" not in "\n".join(talking.journal())
    if named:
        assert remark.message.startswith(f"{named} in Jira:")
    quiet(talking)


def test_robots_on_both_sides_that_answer_each_other_are_held_and_others_go_on(
    world: WithJira,
) -> None:
    issue, key = world.made()
    other, kept = world.made()
    robot = world.site.add_robot("transition", "In Progress", status="Done", event="issue_updated")
    rule = Robots(world.sandbox).add(Robot("fixed"))
    world.person.transition(key, "In Progress")
    world.settle(within=600)
    assert 0 < robot.acted < 8
    assert 0 < rule.acted < 8
    assert "held: Jira and upstream turned each other" in "\n".join(world.journal())
    quiet(world)
    assert other.status == ""
    world.person.transition(kept, "In Progress")
    world.wire.deliver()
    world.clock.sleep(16)
    world.step()
    assert other.status == "fixed"
    events = [
        one for one in world.sandbox.events if one.get("issue", {}).get("issue_id") == other.id
    ]
    assert "investigating" in [one["issue"]["status"] for one in events]
    assert issue.status in ("fixed", "investigating")


@pytest.mark.parametrize("how", ["at creation", "by an edit of the rule", "by the project"])
def test_who_is_assigned_by_us_or_by_the_project_acknowledges_nothing(
    sqlite_store: Store, tmp_path: Path, dialect: str, how: str
) -> None:
    more = 'acknowledge = "assigned"'
    with both_ways_jira(sqlite_store, tmp_path / "rules", dialect, more) as world:
        rules = (world.folder / "rules.toml").read_text()
        assigned = rules.replace("[rule.fields]", '[rule.fields]\nassignee = "Data Owner"')
        if how == "at creation":
            world.write_rules(assigned)
        if how == "by the project":
            world.site.site.projects["DATA"].assigns_lead = True
        issue, key = world.made()
        if how == "by an edit of the rule":
            world.write_rules(assigned)
            world.sandbox.update_issue(issue.id)
            world.settle()
        lead = how == "by the project"
        assert world.ticket(key).assignee == ("Platform Lead" if lead else "Data Owner")
        world.clock.sleep(60)
        world.person.assign(key, "on.call")
        world.settle()
        assert issue.status == ""
        quiet(world)


def test_a_person_who_takes_a_ticket_on_acknowledges_it(
    sqlite_store: Store, tmp_path: Path, dialect: str
) -> None:
    more = 'acknowledge = "assigned"'
    with both_ways_jira(sqlite_store, tmp_path / "rules", dialect, more) as world:
        issue, key = world.made()
        world.person.assign(key, "on.call")
        world.settle()
        assert issue.status == "investigating"
        assert issue.actor is not None
        assert issue.actor["name"] == "Data Owner"
        assert (world.ticket(key).status, world.ticket(key).comments) == ("To Do", ())
        quiet(world)
