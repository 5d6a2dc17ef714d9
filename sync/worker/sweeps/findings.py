"""What a sweep found: one value for each thing that is not as it should be, and the sums of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# A run keeps so many findings in words; all are counted.
KEPT = 2000


class DriftKind(StrEnum):
    """``missing``: we have it not at all. ``stale``: we have it, but older. ``wrong``: we have
    something else."""

    MISSING = "missing"
    STALE = "stale"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Drift:
    """One finding. ``what`` names a subject, ticket or delivery; ``repaired`` tells whether the sweep
    put it right or made due what will (in a dry run: whether it would have)."""

    sweep: str
    kind: DriftKind
    what: str
    words: str
    repaired: bool = True

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.what}: {self.words}"


@dataclass(slots=True)
class Tally:
    """The sums of one run. ``reasons`` are counts by reason, for the run's row."""

    looked: int = 0
    calls: int = 0
    repaired: int = 0
    failed: int = 0
    kinds: Counter[DriftKind] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    drifts: list[Drift] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def found(self, drift: Drift) -> None:
        """Count a finding, and keep it while there is room."""
        self.kinds[drift.kind] += 1
        if drift.repaired:
            self.repaired += 1
        if len(self.drifts) < KEPT:
            self.drifts.append(drift)

    @property
    def total(self) -> int:
        """How many findings there were."""
        return self.kinds.total()

    def columns(self) -> dict[str, Any]:
        """The sums as columns of the run's row."""
        return {
            "looked": self.looked,
            "calls": self.calls,
            "repaired": self.repaired,
            "failed": self.failed,
            **{kind.value: self.kinds[kind] for kind in DriftKind},
            "detail": {"reasons": dict(self.reasons)} if self.reasons else {},
        }
