"""What a decision about telling upstream looks at: the ticket's place, and what that place stands for.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync.domain.history import History
from sync.domain.names import Name, meant
from sync.domain.rule import Category, Sign, SubjectState, UpstreamWish
from sync.domain.subject import Kind, Status
from sync.domain.ticket import Observed
from sync.domain.workflow import reached

# For what a place in a workflow that the rule does not speak of may stand, by the status's category.
_USUAL: Mapping[Category, tuple[Status, ...]] = {
    Category.NEW: (Status.OPEN,),
    Category.INDETERMINATE: (Status.INVESTIGATING, Status.OPEN),
    Category.DONE: (Status.FIXED, Status.CLOSED, Status.NO_ACTION_NEEDED, Status.EXPECTED),
}


@dataclass(frozen=True, slots=True)
class View:
    """What a decision looks at.

    ``foreign``: the ticket is in a project that the rule does not speak of. ``moved``: no act of
    anybody's, but a move of ours that is not agreed yet, or a change of project, led to the ticket's
    status. ``ours``: our last move led to that status, so that perhaps nobody else has.
    ``over_or_back``: the subjects have ended or come back, which the ticket does not show yet.
    ``wanted`` is the status that the rule brings the ticket to. ``assigned`` is the id of the account
    that we last assigned the ticket to, "" for none. ``public``: customers of a service project see
    copies of upstream's comments.
    """

    wish: UpstreamWish
    subjects: Sequence[SubjectState]
    observed: Observed
    foreign: bool = False
    moved: bool = False
    ours: bool = False
    over_or_back: bool = False
    wanted: Status | None = None
    assigned: str = ""
    public: bool = False

    @property
    def history(self) -> History:
        """What happened to the ticket."""
        return self.observed.history or History()

    @property
    def now(self) -> float:
        """When the ticket was read, in seconds since the epoch."""
        return self.history.read_at

    @property
    def place(self) -> tuple[str, str]:
        """Where the ticket stands: the id of its status, and its resolution."""
        return self.observed.status.id, str(self.observed.resolution)

    def stands_for(self, kind: Kind) -> Status | None:
        """The upstream status that the ticket's place stands for, None for none.

        A resolution says more than a status, and a status more than a category."""
        signs = self.wish.signs(kind)
        for part in ("resolution", "status", "category"):
            for status, several in signs.items():
                if any(getattr(one, part) and _shows(one, self.observed) for one in several):
                    return status
        if not self.foreign:
            return None
        return next((s for s in _USUAL[self.observed.status.category] if s in signs), None)

    def fits(self, kind: Kind, status: Status) -> bool:
        """Whether the ticket may stand where it does while upstream says ``status``: its place stands
        for that, or is where the rule moves the ticket for that."""
        if self.stands_for(kind) is status:
            return True
        target = self.wish.targets.get(status)
        return target is not None and not target.leave and reached(target, self.observed.status)


def _shows(sign: Sign, observed: Observed) -> bool:
    if sign.status:
        return bool(meant(sign.status, [observed.status.called]))
    if sign.category:
        return observed.status.category is sign.category
    # Some workflows keep the resolution of a ticket that is opened again.
    done = observed.status.category is Category.DONE
    resolution = observed.resolution
    return done and bool(resolution and meant(sign.resolution, [Name.of(resolution)]))
