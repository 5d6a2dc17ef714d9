"""Runs of sweeps: what each looked at, found and repaired."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sync.domain.times import stamp
from sync.store.tables import RunResult, SweepRunRow
from sync.worker.sweeps.run import Report


@dataclass(frozen=True, slots=True)
class SweepRun:
    """A run on record, or a dry run. ``found`` counts what was amiss; times are in seconds since the
    epoch. ``findings`` are the first ones: kind, what, words, and whether it was repaired."""

    id: int
    sweep: str
    result: str
    started_at: float
    seconds: float | None
    window_from: float
    window_to: float
    looked: int
    missing: int
    stale: int
    wrong: int
    repaired: int
    failed: int
    calls: int
    words: str
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def found(self) -> int:
        """How many things were amiss."""
        return self.missing + self.stale + self.wrong

    @property
    def ended_badly(self) -> bool:
        """Whether it failed, died, or was taken over."""
        return self.token not in ("ok", "busy", "wait")

    @property
    def token(self) -> str:
        """The sort that its result is shown as."""
        return {"ok": "ok", "running": "busy", "disabled": "wait", "paused": "wait"}.get(
            self.result, "bad"
        )

    @property
    def outcome(self) -> str:
        """What it found, in words."""
        if self.result == RunResult.RUNNING:
            return "runs now"
        if not self.found:
            return "nothing amiss" if self.result == RunResult.OK else ""
        parts = [
            f"{number:,} {name}"
            for name, number in (
                ("missing", self.missing),
                ("stale", self.stale),
                ("wrong", self.wrong),
            )
            if number
        ]
        return f"{', '.join(parts)}; {self.repaired:,} repaired"


def of_row(row: SweepRunRow) -> SweepRun:
    """A run from its row."""
    return SweepRun(
        id=row.id or 0,
        sweep=row.sweep,
        result=row.result,
        started_at=row.started_at,
        seconds=row.seconds,
        window_from=row.window_from,
        window_to=row.window_to,
        looked=row.looked,
        missing=row.missing,
        stale=row.stale,
        wrong=row.wrong,
        repaired=row.repaired,
        failed=row.failed,
        calls=row.calls,
        words=row.words,
        findings=list(row.detail.get("findings", ())),
    )


def of_report(report: Report, began: float) -> SweepRun:
    """A run from what it reported; ``began`` is in seconds since the epoch."""
    tally = report.tally
    columns = tally.columns()
    return SweepRun(
        id=0,
        sweep=report.sweep,
        result=report.result.value,
        started_at=began,
        seconds=report.seconds,
        window_from=report.window.since,
        window_to=report.window.until,
        words=" ".join([report.words, *tally.notes]).strip(),
        findings=tally.first_findings(),
        **{name: columns[name] for name in _COUNTS},
    )


_COUNTS = ("looked", "missing", "stale", "wrong", "repaired", "failed", "calls")


def as_data(report: Report) -> dict[str, Any]:
    """A report as JSON-compatible data, as ``reconcile --json`` prints it."""
    tally = report.tally
    return {
        "sweep": report.sweep,
        "result": report.result.value,
        "words": " ".join([report.words, *tally.notes]).strip(),
        "from": stamp(report.window.since),
        "to": stamp(report.window.until),
        "seconds": round(report.seconds, 3),
        **tally.columns(),
        "drift": [asdict(finding) for finding in tally.findings],
    }
