"""``python -m benchmarks NAME``: runs one benchmark; without a name, lists them."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main(arguments: list[str]) -> int:
    """Run the benchmark named first with the other arguments."""
    known = {}
    for found in pkgutil.iter_modules(benchmarks.__path__):
        if found.name.startswith("_"):
            continue
        module = importlib.import_module(f"benchmarks.{found.name}")
        if hasattr(module, "main"):
            known[found.name] = module
    if not arguments or arguments[0] not in known:
        print("Benchmarks (python -m benchmarks NAME --help says more):")
        for name, module in sorted(known.items()):
            print(f"  {name:10} {(module.__doc__ or '').strip().splitlines()[0]}")
        return 0 if not arguments else 2
    return int(known[arguments[0]].main(arguments[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
