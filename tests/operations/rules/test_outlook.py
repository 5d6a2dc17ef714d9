"""What Save will do is said before it is pressed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.operations.rules.check import Told
from sync.operations.rules.counted import PlanCounts
from sync.operations.rules.draft_view import Conflict, Draft, DraftFile
from sync.operations.rules.outlook import Outlook, outlook
from sync.operations.rules.plan import PlanShown

FILE = DraftFile("a.toml", "x = 1", "changed", "", (1,), marked=False)
DRAFT = Draft(1, (FILE,), False, 1, (), (), None, None, "")
SLIP = Told("mistake", "a.toml", 3, 0, 0, "x", "is no key.", "", (), "a.toml:3: x is no key.")


def plan(change: int = 0, aside: int = 0, *, at_least: bool = False) -> PlanShown:
    counts = PlanCounts(change, 0, 0, aside, 0, 0, 0, change + aside)
    size = change + aside
    return PlanShown("1", "done", "", "", size, size, at_least, counts, size)


def of(
    draft: Draft = DRAFT, told: tuple[Told, ...] = (), shown: PlanShown | None = None, why: str = ""
) -> Outlook:
    return outlook(draft, told, shown, 50, why)


@pytest.mark.parametrize(
    ("found", "may_save", "label", "words"),
    [
        (of(replace(DRAFT, empty=True)), False, "Save", "changes nothing yet"),
        (of(told=(SLIP,)), False, "Save", "mend 1 mistake first (a.toml, line 3)"),
        (of(told=(replace(SLIP, source="main"),)), True, "Save", "not counted yet"),
        (
            of(replace(DRAFT, conflicts=(Conflict("a.toml", "gone", "", (), (), ()),))),
            False,
            "Save",
            "chosen what becomes of their edit and yours",
        ),
        (of(replace(DRAFT, files=(replace(FILE, marked=True),))), False, "Save", "both of you"),
        (of(why="the folder is read-only"), False, "Save", "download the patch"),
        (of(shown=plan()), True, "Save: change no ticket", "No open ticket changes."),
        (of(shown=plan(1)), True, "Save: change 1 ticket", "in force at once"),
        (of(shown=plan(50)), True, "Save: change 50 tickets", "in force at once"),
        (of(shown=plan(51)), True, "Save and let it wait", "51 tickets are more than 50"),
        (of(shown=plan(3, 2)), True, "Save: change 3 tickets, set 2 aside", "would be set aside"),
        (of(shown=plan(0, 1)), True, "Save: set 1 aside", "1 ticket would be set aside"),
        (of(shown=plan(3, at_least=True)), True, "Save", "At least 3 tickets"),
        (of(shown=plan(1900, at_least=True)), True, "Save and let it wait", "At least 1,900"),
    ],
)
def test_the_bar_says_what_save_does(
    found: Outlook, may_save: bool, label: str, words: str
) -> None:
    assert (found.may_save, found.label) == (may_save, label)
    assert words in found.words
    assert found.waits == (label == "Save and let it wait")
