"""No function is more complex than a reader can follow: cyclomatic complexity 12 at most."""

from __future__ import annotations

from pathlib import Path

from radon.complexity import cc_visit

ROOT = Path(__file__).resolve().parents[1]
MOST = 12


def test_no_function_outside_tests_is_above_complexity_12() -> None:
    complex_ones = [
        f"{path.relative_to(ROOT)}:{block.lineno} {block.name} ({block.complexity})"
        for room in ("sync", "proof", "benchmarks")
        for path in sorted((ROOT / room).rglob("*.py"))
        for block in cc_visit(path.read_text("utf-8"))
        if block.complexity > MOST and block.letter != "C"
    ]
    assert not complex_ones
