"""``python -m proof.ahead SECONDS …`` is ``ticket-sync …`` on a machine whose clock is so far ahead."""

from __future__ import annotations

import sys
import time


def main() -> None:
    """Run the program with the arguments that follow."""
    ahead, own = float(sys.argv.pop(1)), time.time
    # Before anything of the program is imported, and with it.
    time.time = lambda: own() + ahead
    from sync.cli.main import main as program

    program()


if __name__ == "__main__":
    main()
