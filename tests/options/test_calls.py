"""How many calls Jira gets in a ticket's life, on both deployments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync.sandbox.jira import Exchange
from sync.sandbox.jira.ready_site import BUG, add_project
from sync.sandbox.jira.site.model import COMMENT, ScreenItem, Transition, Workflow
from tests.options.stage import Stage, minimal

FIELDS = "priority = \"{{ {'fatal': 'Highest'}[severity] | default('Low') }}\""
TABLES = """
[rule.comments]
on = ["priority"]
updated = "Severity is **{{ severity }}**."
MORE

[rule.status]
open = { category = "new", comment = "" }
investigating = { category = "indeterminate", comment = "" }
closed = { category = "done", comment = "It is over." }
"""


def calls(stage: Stage, act: Callable[[], object]) -> list[str]:
    """The calls that follow from what is done; those about metadata, asked for once, left out."""
    made: list[str] = []

    def note(one: Exchange) -> None:
        about = one.template.partition("/")[0] in ("issue", "search", "issueLink")
        if about and "createmeta" not in one.template:
            made.append(f"{one.method} {one.template}")

    stage.sandbox.observers.append(note)
    try:
        act()
        stage.settle()
    finally:
        stage.sandbox.observers.remove(note)
    return made


def opened(stage: Stage, more: str = "", project: str = "") -> None:
    named = f'project = "{project}"' if project else ""
    stage.write_rules(minimal(named, FIELDS, TABLES.replace("MORE", more)))
    stage.tell("issue_created", "orders")
    stage.settle()


READ = "GET issue/{issue}"
WRITE = "PUT issue/{issue}"
MOVE = "POST issue/{issue}/transitions"
SAY = "POST issue/{issue}/comment"
SAID = "GET issue/{issue}/comment"
LINK = "POST issue/{issue}/remotelink"


def test_a_new_ticket_is_one_create_and_one_link_back(stage: Stage) -> None:
    stage.write_rules(minimal(fields=FIELDS, tables=TABLES.replace("MORE", "")))
    made = calls(stage, lambda: stage.tell("issue_created", "orders"))
    assert [one for one in made if not one.startswith("GET search")] == ["POST issue", LINK]


def test_an_update_is_one_read_and_one_write(stage: Stage) -> None:
    opened(stage)
    made = calls(stage, lambda: stage.tell("issue_updated", "orders", title="worse"))
    assert made == [READ, WRITE]


def test_an_update_takes_its_comment_along(stage: Stage) -> None:
    opened(stage)
    made = calls(stage, lambda: stage.learn("orders", severity="fatal"))
    assert made == [READ, WRITE]
    assert [comment.text.replace("*", "") for comment in stage.ticket.comments] == [
        "Severity is fatal."
    ]
    assert stage.ticket.priority == "Highest"
    assert stage.silent()


def test_a_running_comment_is_made_by_itself_for_its_id_and_rewritten_by_itself(
    stage: Stage,
) -> None:
    opened(stage, "running = true")
    assert calls(stage, lambda: stage.learn("orders", severity="fatal")) == [READ, WRITE, SAY]


def test_a_close_is_one_read_one_move_and_its_comment(stage: Stage) -> None:
    opened(stage)
    assert calls(stage, lambda: stage.tell("issue_closed", "orders")) == [READ, MOVE, SAY]


# A workflow whose screen for finishing lists the comment.
LISTED = Workflow(
    "Listed",
    first="1",
    statuses=("1", "10001"),
    transitions=(
        Transition("21", "Finish", "10001", frozenset({"1"}), (ScreenItem(COMMENT),)),
        Transition("31", "Reopen", "1", frozenset({"10001"})),
    ),
)


def opened_with_a_listed_comment(stage: Stage, more: str = "") -> None:
    add_project(stage.sandbox.site, "LIST", "Listed", LISTED, types=(BUG,))
    tables = TABLES.replace("MORE", more)
    stage.write_rules(minimal('project = "LIST"', FIELDS, tables))
    stage.tell("issue_created", "orders")
    stage.settle()


def test_a_close_takes_its_comment_along_where_the_screen_lists_it(stage: Stage) -> None:
    opened_with_a_listed_comment(stage)
    assert calls(stage, lambda: stage.tell("issue_closed", "orders")) == [READ, MOVE]
    assert stage.ticket.category == "done"
    assert [comment.text for comment in stage.ticket.comments] == ["It is over."]
    assert stage.silent()


def test_a_running_comment_is_made_by_itself_after_a_close_as_well(stage: Stage) -> None:
    opened_with_a_listed_comment(stage, "running = true")
    assert calls(stage, lambda: stage.tell("issue_closed", "orders")) == [READ, MOVE, SAY]
    assert len(stage.ticket.comments) == 1


def test_a_close_by_an_account_that_may_not_comment_goes_without(stage: Stage) -> None:
    opened_with_a_listed_comment(stage)
    stage.sandbox.deny("LIST", "ADD_COMMENTS")
    stage.tell("issue_closed", "orders")
    stage.settle()
    assert stage.ticket.category == "done"
    stage.sandbox.allow("LIST", "ADD_COMMENTS")
    stage.live(3600)
    assert [comment.text for comment in stage.ticket.comments] == ["It is over."]
    assert stage.silent()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", ["drop", "status"])
def test_a_comment_that_goes_along_with_a_close_is_made_once_though_the_reply_is_lost(
    stage: Stage, effect: str, after: bool
) -> None:
    opened_with_a_listed_comment(stage)
    stage.sandbox.faults.add(effect, method="POST", path="/transitions$", count=1, after=after)
    stage.tell("issue_closed", "orders")
    stage.live(3600)
    assert stage.ticket.category == "done"
    assert [comment.text for comment in stage.ticket.comments] == ["It is over."]
    assert stage.silent()


def test_each_hop_of_a_way_is_one_read_and_one_move(stage: Stage) -> None:
    opened(stage, project="FLOW")
    made = calls(stage, lambda: stage.tell("issue_closed", "orders"))
    assert stage.ticket.category == "done"
    assert made == [READ, MOVE] * 4 + [SAY]


def test_a_comment_that_may_not_be_made_does_not_hold_up_the_update(stage: Stage) -> None:
    opened(stage)
    key = stage.ticket.project
    stage.sandbox.deny(key, "ADD_COMMENTS")
    stage.learn("orders", severity="fatal")
    stage.settle()
    assert stage.ticket.priority == "Highest"
    assert "comment" in stage.row().error
    stage.sandbox.allow(key, "ADD_COMMENTS")
    stage.live(3600)
    assert len(stage.ticket.comments) == 1
    assert stage.silent()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", ["drop", "status"])
def test_a_comment_that_goes_along_with_an_update_is_made_once_though_the_reply_is_lost(
    stage: Stage, effect: str, after: bool
) -> None:
    opened(stage)
    stage.sandbox.faults.add(effect, method="PUT", count=1, after=after)
    stage.learn("orders", severity="fatal")
    stage.live(3600)
    assert stage.ticket.priority == "Highest"
    assert len(stage.ticket.comments) == 1
    assert stage.silent()
