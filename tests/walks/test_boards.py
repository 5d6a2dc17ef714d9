"""The active sprint of a board as a ticket's sprint, on both kinds of Jira."""

from __future__ import annotations

from typing import Any

import pytest

from sync.sandbox.jira import JiraSandbox
from sync.sandbox.jira.ready_site import SPRINT
from sync.sandbox.jira.site.model import Board
from tests.walks.test_jira import real, sandbox
from tests.walks.test_lifecycle import A
from tests.walks.world import RULES, World, issue_event

__all__ = ["real", "sandbox"]
B = f"{A}-2"


def rules(board: str) -> str:
    return RULES.replace("[rule.fields]", f"[rule.fields]\nsprint = {{ board = {board} }}")


def sprints(sandbox: JiraSandbox) -> list[list[str]]:
    """The numbers of the sprints that each ticket was in, oldest ticket first."""
    tickets = sorted(sandbox.tickets(), key=lambda one: int(one.id))
    issues = [sandbox.site.issues[int(one.id)] for one in tickets]
    return [[sprint.id for sprint in one.values.get(SPRINT) or ()] for one in issues]


def boards_asked(sandbox: JiraSandbox) -> int:
    return sum(count for (_, path, _), count in sandbox.calls.items() if path.startswith("board"))


def parked(real: World) -> list[Any]:
    return [
        one["words"] for row in real.rows() for one in (row.parked or {}).get("fields", {}).values()
    ]


@pytest.mark.parametrize("board", ['"data team"', "7"])
def test_tickets_of_a_burst_are_put_into_the_active_sprint_by_one_question(
    real: World, sandbox: JiraSandbox, board: str
) -> None:
    real.write_rules(rules(board))
    for number in range(5):
        real.deliver(issue_event("issue_created", f"issue-{number}", at=1))
    real.settle()
    assert sprints(sandbox) == [["192"]] * 5
    # A number is looked for among the names first, because a board's name may be a number.
    assert boards_asked(sandbox) == (3 if "7" in board else 2)
    assert parked(real) == []


def test_a_ticket_stays_where_its_sprint_ends_and_where_people_carry_it(
    real: World, sandbox: JiraSandbox, clock: Any
) -> None:
    real.write_rules(rules('"Data Team"'))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    sandbox.site.closed_sprints.add("192")
    sandbox.site.future_sprints.clear()
    clock.sleep(600)
    asked = boards_asked(sandbox)
    real.deliver(issue_event("issue_updated", A, at=700, title="orders is very stale"))
    real.settle()
    assert (sprints(sandbox), boards_asked(sandbox)) == ([["192"]], asked)
    (ticket,) = sandbox.tickets()
    sandbox.person.edit(ticket.key, **{SPRINT: 193})
    real.deliver(issue_event("issue_created", B, at=701))
    real.deliver(issue_event("issue_updated", A, at=702, title="orders is stale still"))
    real.settle()
    assert sprints(sandbox) == [["192", "193"], ["193"]]


def test_a_ticket_made_between_sprints_is_left_to_people(
    real: World, sandbox: JiraSandbox, clock: Any
) -> None:
    sandbox.site.closed_sprints.add("192")
    real.write_rules(rules('"Data Team"'))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    sandbox.site.future_sprints.clear()
    clock.sleep(600)
    real.deliver(issue_event("issue_updated", A, at=700, title="orders is very stale"))
    real.settle()
    assert sprints(sandbox) == [[]]
    assert parked(real) == []


def test_of_several_active_sprints_the_one_that_began_last_is_taken(
    real: World, sandbox: JiraSandbox
) -> None:
    sandbox.site.future_sprints.clear()
    real.write_rules(rules('"Data Team"'))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    assert sprints(sandbox) == [["193"]]


def test_a_board_is_found_among_hundreds_that_are_named_alike(
    real: World, sandbox: JiraSandbox
) -> None:
    boards = sandbox.site.boards
    assert boards is not None
    last = boards.pop("7")
    for number in range(100, 230):
        boards[str(number)] = Board(str(number), f"Data Team {number}", "scrum", "DATA")
    boards["7"] = last
    real.write_rules(rules('"Data Team"'))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    assert sprints(sandbox) == [["192"]]


UNFIT = {
    "Data Team Flow": "'Data Team Flow' is a kanban board, and has no sprints",
    "Data Teem": "our account sees no board 'Data Teem'",
    "777": "our account sees no board '777'",
    '"; DROP & board?=#': "our account sees no board",
    "Twin": "several boards are named 'Twin'",
}


def test_a_board_that_has_no_sprint_parks_the_field_alone(
    real: World, sandbox: JiraSandbox
) -> None:
    boards = sandbox.site.boards
    assert boards is not None
    boards |= {id_: Board(id_, "Twin", "scrum", "DATA") for id_ in ("20", "21")}
    for number, (board, words) in enumerate(UNFIT.items()):
        real.write_rules(rules(f"'{board}'"))
        real.deliver(issue_event("issue_created", f"issue-{number}", at=1))
        real.settle()
        assert words in parked(real)[-1]
    assert sprints(sandbox) == [[]] * len(UNFIT)


def test_a_jira_without_boards_parks_the_field_alone(real: World, sandbox: JiraSandbox) -> None:
    sandbox.site.boards = None
    real.write_rules(rules('"Data Team"'))
    real.deliver(issue_event("issue_created", A, at=1))
    real.settle()
    assert sprints(sandbox) == [[]]
    assert len(parked(real)) == 1
