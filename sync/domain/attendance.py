"""Whether anybody but ourselves did something about a ticket between its being made and its close. Pure.

All of it is told from what a walk reads anyway: no call is made for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sync.domain.rule import Category
from sync.domain.subject import Status
from sync.domain.ticket import Base, Observed

# Jira's stamp of the last change may be this much later (seconds) than our own last write, by our clock,
# and still be of that write: clocks differ, and automations of the site follow it.
LAG = 60.0
# What only a person sets upstream.
_BY_A_PERSON = (Status.INVESTIGATING, Status.EXPECTED, Status.FIXED, Status.NO_ACTION_NEEDED)
# What a ticket has come to: the values of ``stage`` in the detail of journal entries. ``MADE`` is for a
# ticket whose create call had lost its reply; an entry of a create tells it by its action.
MADE, CLOSED, REOPENED = "made", "closed", "reopened"


def wrote(base: Base, now: float) -> Base:
    """The base after a write of ours, where the ticket has been watched since it was made."""
    return replace(base, wrote=now) if base.wrote else base


def watched(base: Base, observed: Observed, status: Status) -> Base:
    """The base with what a look tells of others: somebody changed the ticket since our last write, or
    set the ``status`` upstream."""
    if base.attended or not base.wrote:
        return base
    if status in _BY_A_PERSON or _moved(base, observed) or _later(base, observed.updated):
        return replace(base, attended=True)
    return base


def _moved(base: Base, observed: Observed) -> bool:
    """Whether the ticket stands elsewhere than our last move left it. While a move of ours is under way,
    that says nothing."""
    if base.walked:
        return False
    if base.jira_status:
        return observed.status.id != base.jira_status
    return observed.status.category is not Category.NEW


def _later(base: Base, updated: str) -> bool:
    try:
        at = datetime.fromisoformat(updated).timestamp()
    except (ValueError, OverflowError):
        return False
    return at > base.wrote + LAG


def detail_of_move(
    base: Base, before: Category, after: Category, status: Status
) -> Mapping[str, Any]:
    """What the journal keeps of a move beside its words: what the ticket came to by the move, by which
    upstream ``status``, and for a close whether anybody attended to the ticket (None where it has not
    been watched). ``stage`` is "" for a move that neither closes nor opens again."""
    done = Category.DONE
    if (before is done) == (after is done):
        return {"stage": ""}
    if after is not done:
        return {"stage": REOPENED, "status": status.value}
    attended = base.attended if base.wrote else None
    return {"stage": CLOSED, "status": status.value, "attended": attended}


def after_move(base: Base, detail: Mapping[str, Any], now: float) -> Base:
    """The base after a move with that detail: from a close of ours on, the ticket is watched anew."""
    if detail.get("stage") == CLOSED:
        return replace(base, wrote=now, attended=False)
    return base
