"""How many things need a person, for the marks beside the names of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync.ports import Tracker
from sync.store import counts, deliveries, rulebook
from sync.store.engine import Session


@dataclass(frozen=True, slots=True)
class Signs:
    """How many tickets are parked, deliveries are dead, edits of the rules wait or are refused, and
    Jira sites are down."""

    parked: int
    dead: int
    rules: int
    connections: int

    @property
    def bad(self) -> bool:
        """Whether something is wrong, which the icon of the page shows."""
        return bool(self.parked or self.dead or self.connections)


def signs(session: Session, trackers: Mapping[str, Tracker]) -> Signs:
    """The numbers now, from indexes alone."""
    waiting, problem = rulebook.waiting(session), rulebook.problem(session)
    return Signs(
        parked=counts.parked(session),
        dead=deliveries.count_dead(session),
        rules=(waiting is not None) + (problem is not None),
        connections=sum(
            bool(one.health.down()) and not one.health.resting() for one in trackers.values()
        ),
    )
