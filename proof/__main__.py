"""``python -m proof NAME``: runs one proof; without a name, lists them."""

from __future__ import annotations

import importlib
import sys

PROOFS = ("matrix", "acceptance", "kills", "chaos", "rolling")


def main(arguments: list[str]) -> int:
    """Run the proof named first with the other arguments."""
    if not arguments or arguments[0] not in PROOFS:
        print("Proofs (python -m proof NAME --help says more):")
        for name in PROOFS:
            module = importlib.import_module(f"proof.{name}")
            print(f"  {name:12} {(module.__doc__ or '').strip().splitlines()[0]}")
        return 0 if not arguments else 2
    return int(importlib.import_module(f"proof.{arguments[0]}").main(arguments[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
