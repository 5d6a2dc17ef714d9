"""What Save will do with a draft: the label of the button, and the sentence beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.operations.rules.check import MISTAKE, Told
from sync.operations.rules.draft_view import Draft
from sync.operations.rules.plan import PlanShown
from sync.operations.rules.runs import DONE

_SAVE = "Save"


@dataclass(frozen=True, slots=True)
class Outlook:
    """``may_save``: Save would be carried out. ``waits``: the edit would then wait to be accepted.
    ``sign`` is "ok", "wait", "bad" or "idle"."""

    may_save: bool
    label: str
    words: str
    waits: bool = False
    sign: str = "ok"


def outlook(
    draft: Draft, told: Sequence[Told], plan: PlanShown | None, most: int, why_not_writable: str
) -> Outlook:
    """What saving a draft would do. ``plan`` is the plan of the draft as it is now, None where there is
    none; ``most`` is how many tickets an edit may touch without waiting (``large_edit``)."""
    hindered = _hindered(draft, told)
    if hindered is not None:
        return hindered
    if why_not_writable:
        words = f"{why_not_writable[:1].upper()}{why_not_writable[1:]}: download the patch instead."
        return Outlook(False, _SAVE, words, sign="wait")
    if plan is None or plan.state != DONE or plan.counts is None:
        words = f"What it does to tickets is not counted yet. More than {most:,} of them: it waits."
        return Outlook(True, _SAVE, words, sign="busy")
    return _counted(plan, most)


def _hindered(draft: Draft, told: Sequence[Told]) -> Outlook | None:
    """Why the draft itself cannot be saved, None where it can."""
    if draft.empty:
        return Outlook(False, _SAVE, "The draft changes nothing yet.", sign="idle")
    if draft.conflicts:
        words = "Save is off until you have chosen what becomes of their edit and yours."
        return Outlook(False, _SAVE, words, sign="wait")
    if marked := [one.name for one in draft.files if one.marked]:
        words = f"Save is off: {marked[0]} has places that both of you changed. Choose there first."
        return Outlook(False, _SAVE, words, sign="bad")
    mistakes = [one for one in told if one.level == MISTAKE and one.source == "rules"]
    return Outlook(False, _SAVE, _mend(mistakes), sign="bad") if mistakes else None


def _mend(mistakes: Sequence[Told]) -> str:
    count, first = len(mistakes), mistakes[0]
    place = f"{first.file}, line {first.line}" if first.line else first.file
    noun = "mistake" if count == 1 else "mistakes"
    return f"Save is off: mend {count} {noun} first ({place})."


def _counted(plan: PlanShown, most: int) -> Outlook:
    size = plan.size
    tickets = _tickets(size)
    if size > most:
        at_least = "At least " if plan.at_least else ""
        verb = "is" if size == 1 else "are"
        words = (
            f"{at_least}{tickets} {verb} more than {most:,} (large_edit): the edit waits until it is "
            "accepted."
        )
        return Outlook(True, "Save and let it wait", words, waits=True, sign="wait")
    if plan.at_least:
        words = f"At least {tickets}; the rest was not looked at. More than {most:,}: it waits."
        return Outlook(True, _SAVE, words, sign="wait")
    if not size:
        return Outlook(True, "Save: change no ticket", "No open ticket changes.")
    at_once = f"{tickets}, up to {most:,} (large_edit): in force at once."
    aside = plan.counts.aside if plan.counts else 0
    if aside:
        words = f"{_tickets(aside)} would be set aside. {at_once}"
        rest = f"change {_tickets(size - aside)}, " if size > aside else ""
        return Outlook(True, f"Save: {rest}set {aside:,} aside", words, sign="wait")
    return Outlook(True, f"Save: change {tickets}", at_once)


def _tickets(number: int) -> str:
    return f"{number:,} {'ticket' if number == 1 else 'tickets'}"
