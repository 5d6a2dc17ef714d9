"""Values and their changes in words for people, in one short line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sync.domain.text import one_line
from sync.domain.ticket import Document

# The address behind a link, which blocks carry after the link's text.
_ADDRESS = re.compile(r"<[a-z]+:[^<>\s]*>", re.IGNORECASE)


def short(value: Any, limit: int = 60) -> str:
    """A value in at most ``limit`` characters, without the addresses of links."""
    if isinstance(value, Document):
        value = _ADDRESS.sub("", " ".join(value.identities))
    if value is None or value == "":
        return "nothing"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return one_line(text, limit)


def rewording(before: Any, after: Any) -> str:
    """How a text changed: the first words that are new, or else those that are gone.

    >>> rewording(None, Document())
    'now empty'
    """
    old, new = _blocks(before), _blocks(after)
    if not new:
        return "now empty"
    added = [block for block in new if block not in old]
    gone = [block for block in old if block not in new]
    # A block that was edited differs in a few words only: those are shown.
    came, went = _differing(gone[0] if gone else [], added[0] if added else [])
    more = f" and {len(added) - 1} more" if len(added) > 1 else ""
    if came:
        return f"now says “{short(' '.join(came))}”{more}"
    if went:
        return f"no longer says “{short(' '.join(went))}”{more}"
    return "in another order" if old != new else "with other links"


def _blocks(text: Any) -> list[list[str]]:
    """Each block's words."""
    if not isinstance(text, Document):
        return []
    found = (_ADDRESS.sub("", identity).split() for identity in text.identities)
    return [words for words in found if words]


def _differing(old: Sequence[str], new: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The words of ``new`` and of ``old`` without what both begin with and what both end with."""
    start, most = 0, min(len(old), len(new))
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return new[start : len(new) - end], old[start : len(old) - end]
