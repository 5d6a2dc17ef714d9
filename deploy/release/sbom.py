"""Whether an SBOM names all that is installed beside this Python, each with its version.

``python deploy/release/sbom.py FILE VERSION``: VERSION is that of ticket-sync. Prints what is
missing, and which packages do not say their licence in a field that the SBOM could take.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import distributions
from pathlib import Path


def normal(name: str) -> str:
    """A package's name as indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(file: str, version: str) -> int:
    """The exit code."""
    listed = json.loads(Path(file).read_text("utf-8"))["components"]
    named = {normal(one["name"]): one for one in listed}
    installed = {normal(one.name): one.version for one in distributions()}
    wrong = [
        f"{name} {installed[name]} is not in it"
        for name in sorted(installed)
        if named.get(name, {}).get("version") != installed[name]
    ]
    if installed.get("ticket-sync") != version:
        wrong.append(f"ticket-sync {version} is not what is installed")
    for line in wrong:
        print(line)
    silent = sorted(name for name, one in named.items() if not one.get("licenses"))
    print(f"{len(named)} components; without a licence: {', '.join(silent) or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
