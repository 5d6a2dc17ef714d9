"""ticket-sync: keeps Jira tickets in step with the issues and incidents of Coalesce Quality."""

import os


def _version() -> str:
    """What the build wrote into the package. A checkout in which nothing was built has no version."""
    file = os.path.join(os.path.dirname(__file__), "version.txt")
    try:
        with open(file, encoding="utf-8") as text:
            return text.read().strip()
    except OSError:
        return "0.dev0"


__version__ = _version()
