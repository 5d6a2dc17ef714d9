"""Workflows like those of real Jira sites, and the statuses that they use."""

from __future__ import annotations

from sync.sandbox.jira.site.model import (
    Category,
    ScreenItem,
    Status,
    Transition,
    Validator,
    Workflow,
)

CATEGORIES = (
    Category(1, "undefined", "No Category", "medium-gray"),
    Category(2, "new", "To Do", "blue-gray"),
    Category(4, "indeterminate", "In Progress", "yellow"),
    Category(3, "done", "Done", "green"),
)
_BY_KEY = {category.key: category for category in CATEGORIES}
_NAMES = (
    ("1", "Open", "new"),
    ("3", "In Progress", "indeterminate"),
    ("4", "Reopened", "new"),
    ("5", "Resolved", "done"),
    ("6", "Closed", "done"),
    ("10000", "To Do", "new"),
    ("10001", "Done", "done"),
    ("10002", "Triage", "new"),
    ("10003", "Selected", "new"),
    ("10004", "In Review", "indeterminate"),
    ("10005", "Verifying", "indeterminate"),
    ("10006", "Won't Do", "done"),
    ("10007", "Cancelled", "done"),
    ("10008", "Backlog", "new"),
)
STATUSES = {id_: Status(id_, name, _BY_KEY[category]) for id_, name, category in _NAMES}
_RESOLUTION = (ScreenItem("resolution", required=True),)


def simple() -> Workflow:
    """To Do, In Progress and Done, each reachable from each, as in a team-managed project."""
    return Workflow(
        "Simple",
        first="10000",
        statuses=("10000", "3", "10001"),
        transitions=(
            Transition("11", "To Do", "10000", resolve=""),
            Transition("21", "In Progress", "3", resolve=""),
            Transition("31", "Done", "10001", resolve="Done"),
        ),
    )


def classic() -> Workflow:
    """Jira's old default workflow. Resolving needs a resolution; a closed issue cannot be edited."""
    return Workflow(
        "Classic",
        first="1",
        statuses=("1", "3", "5", "4", "6"),
        transitions=(
            Transition("4", "Start Progress", "3", frozenset({"1", "4"})),
            Transition("301", "Stop Progress", "1", frozenset({"3"}), resolve=""),
            Transition("5", "Resolve Issue", "5", frozenset({"1", "3", "4"}), _RESOLUTION),
            Transition("2", "Close Issue", "6", frozenset({"1", "3", "4"}), _RESOLUTION),
            Transition("701", "Close Issue", "6", frozenset({"5"})),
            Transition("3", "Reopen Issue", "4", frozenset({"5", "6"}), resolve=""),
        ),
        locked=frozenset({"6"}),
    )


def chain() -> Workflow:
    """A chain: four transitions from Triage to Done, and one step back at a time."""
    return Workflow(
        "Chain",
        first="10002",
        statuses=("10002", "10003", "3", "10004", "10001"),
        transitions=(
            Transition("11", "Select", "10003", frozenset({"10002"})),
            Transition("21", "Start", "3", frozenset({"10003"})),
            Transition("31", "Hand in", "10004", frozenset({"3"})),
            Transition("41", "Approve", "10001", frozenset({"10004"}), resolve="Done"),
            Transition("51", "Put back", "10002", frozenset({"10003"})),
            Transition("61", "Stop", "10003", frozenset({"3"})),
            Transition("71", "Rework", "3", frozenset({"10004"})),
            Transition("81", "Reopen", "10002", frozenset({"10001"}), resolve=""),
        ),
    )


def several_done() -> Workflow:
    """Three statuses for done, each with its own resolution."""
    return Workflow(
        "Several done",
        first="10008",
        statuses=("10008", "3", "10001", "10006", "10007"),
        transitions=(
            Transition("11", "Backlog", "10008", resolve=""),
            Transition("21", "Start work", "3", resolve=""),
            Transition("31", "Complete", "10001", resolve="Done"),
            Transition("41", "Decline", "10006", resolve="Won't Do"),
            Transition("51", "Cancel", "10007", resolve="Cancelled"),
        ),
    )


def guarded() -> Workflow:
    """A transition with more fields on its screen, a default, and a validator no metadata shows."""
    return Workflow(
        "Guarded",
        first="1",
        statuses=("1", "3", "5"),
        transitions=(
            Transition("11", "Start", "3", frozenset({"1"})),
            Transition(
                "21",
                "Resolve",
                "5",
                frozenset({"1", "3"}),
                screen=(
                    ScreenItem("resolution", required=True, default="Done"),
                    ScreenItem("customfield_10015"),
                    ScreenItem("customfield_10010"),
                ),
                validators=(Validator("customfield_10010", "Root cause is required to resolve."),),
            ),
            Transition("31", "Reopen", "1", frozenset({"5"}), resolve=""),
        ),
    )
