"""Text that nothing further down refuses.

PostgreSQL cannot hold NUL; UTF-8 cannot hold half of a surrogate pair; XML, and with it Jira, takes
neither most control characters nor U+FFFE and U+FFFF.
"""

from __future__ import annotations

import re

_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Colours and cursor movements, as command line tools put them into their messages.
_ESCAPES = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BROKEN = re.compile("[\ud800-\udfff\ufffe\uffff]")
CUT = "…"


def clean(text: str) -> str:
    """The text without control characters (``\\n`` and ``\\t`` stay, other line ends become ``\\n``)
    and terminal colours; what is no character at all becomes U+FFFD."""
    if not _ODD.search(text):
        return text
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    return _BROKEN.sub("\ufffd", _CONTROLS.sub("", text))


def cut(text: str, limit: int) -> str:
    """The text, at most ``limit`` characters long; a cut shows as an ellipsis."""
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT
