"""What would be done to a ticket is of one sort, and the sorts stand in the order of harm."""

from __future__ import annotations

import pytest

from sync.domain.actions import (
    Action,
    Change,
    Comment,
    Create,
    Leave,
    LinkTickets,
    MarkUpstream,
    Transition,
    Update,
)
from sync.domain.errors import Parked
from sync.domain.plan import Plan
from sync.domain.rule import Category, RuleRef, TicketLink
from sync.domain.subject import Status, SubjectRef
from sync.domain.ticket import Base, Block, Document, FieldKind, Hop, JiraStatus
from sync.operations.rules.counted import Counted
from sync.operations.rules.shapes import SORTS, shape_of, ticket_of
from sync.worker.foresight.forecast import TicketForecast

RULE = RuleRef("finance", "10-finance.toml", 14)
PRIORITY = Update((Change("priority", "Priority", FieldKind.PLAIN, "Low", "High"),))
TO_DO = Transition(Hop("1", "Reopen", JiraStatus("1", "To Do", Category.NEW)))
DONE = Transition(Hop("2", "Close", JiraStatus("2", "Done", Category.DONE)))
CLOSED = Base(closed_by_us=True)


def forecast(*actions: Action, key: str = "k", base: Base | None = None, **more) -> TicketForecast:
    plan = Plan(tuple(actions), base, more.pop("parked", None), more.pop("fields", {}))
    return TicketForecast(key, f"FIN-{key}", "main", RULE, "a title", (), plan, **more)


@pytest.mark.parametrize(
    ("one", "sort", "words"),
    [
        (forecast(PRIORITY), "change", "Priority: Low → High"),
        (forecast(TO_DO, base=CLOSED), "reopen", "Status: closed → To Do reopens"),
        (forecast(TO_DO, base=Base()), "move", "Status: → To Do"),
        (forecast(DONE, PRIORITY, base=CLOSED), "move", "Status: → Done, Priority: Low → High"),
        (
            forecast(Create("FIN", "Bug", "a"), LinkTickets(TicketLink("Blocks", "x", "k"))),
            "create",
            "Create a Bug in FIN",
        ),
        (forecast(Comment("x", "m", public=True)), "tell", "Comment in public"),
        (
            forecast(MarkUpstream(SubjectRef.parse("coalesce:issue:1"), Status.FIXED)),
            "tell",
            "Mark upstream as fixed",
        ),
        (forecast(Leave("FIN-k is closed already")), "left", "Left: the ticket is closed already"),
        (
            forecast(parked=Parked("knows no such version", field="Versions", value="1")),
            "aside",
            "Set aside: Versions: knows no such version",
        ),
        (
            forecast(PRIORITY, fields={"v": Parked("no such version", where="a.toml:3")}),
            "aside",
            "Field set aside: no such version, Priority: Low → High",
        ),
        (
            forecast(trouble="Jira main is down"),
            "trouble",
            "Could not be worked out: Jira main is down",
        ),
    ],
)
def test_a_ticket_has_the_sort_of_the_worst_that_would_be_done(one, sort, words) -> None:
    shape = shape_of(one)
    assert (shape.sort, shape.words) == (sort, words)


def text(*lines: str) -> Document:
    return Document(tuple(Block(line, line) for line in lines))


def run_book(number: int, key: str) -> TicketForecast:
    before = text("No rows.", f"In table {number}.")
    after = text("No rows.", f"In table {number}.", f"Run book: {number}")
    return forecast(
        Update((Change("description", "Description", FieldKind.TEXT, before, after),)), key=key
    )


def test_groups_are_in_the_order_of_harm_then_of_rarity() -> None:
    counted = Counted()
    for number in range(3000):
        counted.take(run_book(number, f"b{number}"))
    for number in range(31):
        counted.take(forecast(PRIORITY, key=f"p{number}"))
    for number in range(6):
        counted.take(forecast(TO_DO, base=CLOSED, key=f"r{number}"))
    for number in range(8):
        parked = Parked("knows no such version", field="Versions", value=str(number))
        counted.take(forecast(parked=parked, key=f"v{number}"))
    for number in range(12):
        change = Change("x", f"Field {number}", FieldKind.PLAIN, "a", "b")
        counted.take(forecast(Update((change,)), key=f"x{number}"))
    groups = counted.groups()
    assert [(one.sign, one.number, one.words) for one in groups] == [
        ("!", 8, "Set aside: Versions: knows no such version"),
        ("→", 6, "Status: closed → To Do reopens"),
        ("~", 31, "Priority: Low → High"),
        ("~", 3000, "Description: 1 line more at the end"),
        ("~", 12, "12 further kinds of change, each of one ticket"),
    ]
    assert [(one.open, len(one.tickets)) for one in groups] == [
        (True, 8),
        (False, 0),
        (False, 0),
        (True, 1),
        (False, 0),
    ]
    assert groups[3].tickets[0].lines[0].diff == (("+", "Run book: 0"),)
    assert len(counted.of_group(groups[4].id)) == 12
    assert len(counted.of_group("")) == 3057
    assert len(counted.changes()) == 3057


def test_every_sort_has_a_place_in_the_order_of_harm() -> None:
    assert SORTS.index("aside") < SORTS.index("reopen") < SORTS.index("move")
    assert SORTS.index("move") < SORTS.index("create") < SORTS.index("change")
    shape = shape_of(forecast(PRIORITY))
    assert ticket_of(forecast(PRIORITY), shape.sort, shape.words, with_lines=False).lines == ()
