"""``python -m benchmarks NAME``: runs one benchmark; without a name, measures the rows of all of them.

Each row stands beside its limit, which is measured in the same run, and beside its CPU time a unit.
``--compare`` says how the rows differ from the committed summary, and returns 1 where one is worse than
chance explains. ``--save`` writes a new summary. ``--only NAME`` leaves out the other benchmarks.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import benchmarks
from benchmarks.rows import Row, compare, pace, summary

SUMMARY = Path(__file__).with_name("summary.json")


def known() -> dict[str, ModuleType]:
    """The benchmarks by name."""
    names = sorted(one.name for one in pkgutil.iter_modules(benchmarks.__path__))
    modules = {
        name: importlib.import_module(f"benchmarks.{name}") for name in names if name[0] != "_"
    }
    return {name: module for name, module in modules.items() if hasattr(module, "main")}


def main(arguments: list[str]) -> int:
    """Run the benchmark named first with the other arguments, or measure the rows."""
    found = known()
    if arguments and not arguments[0].startswith("-"):
        if arguments[0] in found:
            return int(found[arguments[0]].main(arguments[1:]) or 0)
        print(f"There is no benchmark {arguments[0]!r}. There are: {', '.join(found)}")
        return 2
    return _measure(arguments, found)


def _measure(arguments: list[str], found: Mapping[str, ModuleType]) -> int:
    """Measure the rows of all benchmarks, or of some."""
    with_rows = {name: one for name, one in found.items() if hasattr(one, "rows")}
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"Benchmarks (python -m benchmarks NAME --help says more):\n{_listed(found)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=sorted(with_rows), action="append", help="this benchmark")
    parser.add_argument("--compare", action="store_true", help="with the committed summary")
    parser.add_argument("--save", action="store_true", help="write the rows into the summary")
    options = parser.parse_args(arguments)
    machine, rows = pace(), list[Row]()
    for name in options.only or with_rows:
        for row in with_rows[name].rows():
            rows.append(row)
            print(row, flush=True)
    worse = _compare(rows, machine, whole=not options.only) if options.compare else False
    if options.save:
        _save(rows, machine, found)
    return int(worse)


def _listed(found: Mapping[str, ModuleType]) -> str:
    said = {name: (one.__doc__ or "").strip().splitlines()[0] for name, one in found.items()}
    return "\n".join(f"  {name:10} {words}" for name, words in said.items())


def _save(rows: list[Row], machine: float, found: Mapping[str, ModuleType]) -> None:
    """Write the summary. Rows of benchmarks that were not run stay, with their CPU time as this machine
    would have needed it."""
    measured = {row.name.partition(":")[0] for row in rows}
    kept: list[Row] = []
    if SUMMARY.exists():
        before = json.loads(SUMMARY.read_text())
        for name, one in before["rows"].items():
            benchmark = name.partition(":")[0]
            if benchmark in found and benchmark not in measured:
                cpu = one["cpu"] and one["cpu"] * machine / before["pace"]
                kept.append(Row(name, **{**one, "cpu": cpu}))
    SUMMARY.write_text(summary(sorted([*kept, *rows], key=attrgetter("name")), machine))


def _compare(rows: list[Row], machine: float, *, whole: bool) -> bool:
    before = json.loads(SUMMARY.read_text())
    made = compare(rows, machine, before)
    shown = [one for one in made if whole or one.of != "was not measured"]
    print("\nCompared with the summary (above 1: better now):", *shown, sep="\n")
    return any(one.worse for one in shown)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
