"""Findings of a sweep: one value for each thing that is not as it should be, and their counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# At most this many findings of a run are kept; all are counted.
KEPT = 2000
# So many of them are kept on record.
RECORDED = 200


class FindingKind(StrEnum):
    """``missing``: the store does not have it. ``stale``: the store has an older state of it, or it has
    waited for too long. ``wrong``: it differs from what the store says."""

    MISSING = "missing"
    STALE = "stale"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a run found. ``what`` names a subject, ticket or delivery. ``repaired``: the run
    put it right, or made the ticket due whose walk will (in a dry run: would have)."""

    sweep: str
    kind: FindingKind
    what: str
    words: str
    repaired: bool = True

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.what}: {self.words}"


@dataclass(slots=True)
class Tally:
    """The counts of one run. ``reasons`` are counts by reason, ``notes`` sentences for people."""

    looked: int = 0
    calls: int = 0
    repaired: int = 0
    failed: int = 0
    kinds: Counter[FindingKind] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def found(self, finding: Finding) -> None:
        """Count a finding, and keep it while there is room."""
        self.kinds[finding.kind] += 1
        if finding.repaired:
            self.repaired += 1
        if len(self.findings) < KEPT:
            self.findings.append(finding)

    @property
    def total(self) -> int:
        """How many findings there were."""
        return self.kinds.total()

    def first_findings(self) -> list[dict[str, Any]]:
        """The findings that the run's row keeps, for people who look at the run later."""
        return [
            {"kind": one.kind.value, "what": one.what, "words": one.words, "repaired": one.repaired}
            for one in self.findings[:RECORDED]
        ]

    def columns(self) -> dict[str, Any]:
        """The counts as columns of the run's row."""
        return {
            "looked": self.looked,
            "calls": self.calls,
            "repaired": self.repaired,
            "failed": self.failed,
            **{kind.value: self.kinds[kind] for kind in FindingKind},
            "detail": {"reasons": dict(self.reasons)} if self.reasons else {},
        }
