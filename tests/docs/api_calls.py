"""The calls of the API in docs/reference.md, made from the OpenAPI document.

``python -m tests.docs.api_calls`` writes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import MagicMock

from sync.web.api import endpoints
from sync.web.api.document import document

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
HEAD = "| call | who may | query | what for |\n| --- | --- | --- | --- |\n"
TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")


def table() -> str:
    """The table, call by call in the order of the document."""
    # No call is made, so that what the calls work on need not be there.
    paths = document(endpoints(MagicMock()))["paths"]
    rows = []
    for path, calls in paths.items():
        for method, call in calls.items():
            asked = [f"`{one['name']}`" for one in call["parameters"] if one["in"] == "query"]
            rows.append(
                f"| `{method.upper()} {path}` | {call['x-role']} | {', '.join(asked) or '–'} "
                f"| {call['summary']} |\n"
            )
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")
