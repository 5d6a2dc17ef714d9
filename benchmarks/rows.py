"""What a benchmark measured: rows with a value, its limit on this machine, and CPU time a unit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

# A row is called slower or quicker where it differs from the summary by more than this share. Machines
# that other programs use as well differ by less, but not by much less.
TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    ``limit`` is what the machine could do at best, in the same ``unit`` and measured in the same run:
    for accepted deliveries, for example, the rate of the smallest possible web application. ``cpu`` is
    CPU time (ms) for one of what is counted. A row may lack either.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    cpu: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """The value as a share or a multiple of its limit."""
        return self.value / self.limit if self.limit else None

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} x limit"
        cpu = "" if self.cpu is None else f"{self.cpu:.3f} ms CPU"
        return f"{self.name:58} {_number(self.value):>10} {self.unit:18} {ratio:>14} {cpu:>16}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def pace() -> float:
    """CPU seconds of a fixed piece of Python: how slow this machine is now. CPU times of two machines
    can be compared after they were divided by it."""
    return min(_work() for _ in range(5))


def _work() -> float:
    began = time.process_time()
    found: dict[str, int] = {}
    for number in range(100_000):
        text = f"{number % 997}:{number}"
        found[text] = found.get(text, 0) + len(text)
    return time.process_time() - began


def summary(rows: Iterable[Row], machine: float) -> str:
    """The rows as the text of a summary file; ``machine`` is their ``pace``."""
    kept = {row.name: {k: v for k, v in asdict(row).items() if k != "name"} for row in rows}
    return json.dumps({"pace": machine, "rows": kept}, indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Compared:
    """How one row differs from the summary. ``change`` is above 1 where it is better now; None where
    one of the two lacks the row, or the figures of two machines say nothing about each other."""

    name: str
    change: float | None
    of: str

    @property
    def worse(self) -> bool:
        """Whether the row is worse than chance explains."""
        return self.change is not None and self.change < 1 / (1 + TOLERANCE)

    def __str__(self) -> str:
        if self.change is None:
            return f"{self.name:58} {self.of}"
        word = "worse" if self.worse else "better" if self.change > 1 + TOLERANCE else "same"
        return f"{self.name:58} {self.change:5.2f} x ({self.of})  {word}"


def compare(rows: Iterable[Row], machine: float, before: Mapping[str, Any]) -> list[Compared]:
    """Each row against the row of the same name in a summary.

    The CPU time a unit is compared where both have it, because other programs disturb it least; else
    the ratio to the limit, else the value, if it counts something (calls, statements).
    """
    known, made = before["rows"], []
    for row in rows:
        one = known.get(row.name)
        if one is None:
            made.append(Compared(row.name, None, "is not in the summary"))
            continue
        made.append(_compared(row, Row(row.name, **one), machine / before["pace"]))
    gone = known.keys() - {row.name for row in made}
    return [*made, *(Compared(name, None, "was not measured") for name in sorted(gone))]


def _compared(now: Row, before: Row, slower: float) -> Compared:
    if now.cpu and before.cpu:
        return Compared(now.name, before.cpu * slower / now.cpu, "CPU")
    a, b, of = now.ratio, before.ratio, "ratio to the limit"
    if a is None or b is None:
        a, b, of = now.value, before.value, now.unit
    if not a or not b:
        return Compared(now.name, 1.0 if a == b else None, f"{b:g} before, {a:g} now")
    return Compared(now.name, a / b if now.more_is_better else b / a, of)
