"""Plain text within the limits of a ticket. Jira counts UTF-16 units, as Java does."""

from __future__ import annotations

import re
from typing import Any

from sync.domain import text as texts

SUMMARY_LIMIT = 254
LINE_LIMIT = 255
LABEL_LIMIT = 255
# Jira's limit is 32,767 units; the rest is for what Jira adds when it rewrites a text.
TEXT_LIMIT = 30_000


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """One clean line of at most ``limit`` units, cut with "…"."""
    return texts.one_line(texts.clean(text), limit, utf16=True)


def label(text: str) -> str:
    """A label: no white space, at most 255 units. Empty when nothing is left."""
    return texts.cut("_".join(one_line(text, 10_000).split()), LABEL_LIMIT, "", utf16=True)


def is_empty(value: Any) -> bool:
    """Whether a wish is for nothing."""
    return value in (None, []) or (isinstance(value, str) and not value.strip())


def parts(value: Any) -> list[str]:
    """The items of a list without the empty ones; a string is split at commas."""
    many = isinstance(value, list | tuple | set | frozenset)
    items = value if many else ("" if value is None else str(value)).split(",")
    return [str(item).strip() for item in items if not is_empty(item)]


def labels(value: Any) -> list[str]:
    """A rule's wish for labels in canonical form: sorted, each once, none with white space."""
    return sorted({found for part in parts(value) if (found := label(part))})


def safe_href(href: object) -> str:
    """The address if it is one that may be linked (http, https, mailto), else ""."""
    text = texts.clean(href).strip() if isinstance(href, str) else ""
    if re.match(r"(?i)(https?://[^\s/]|mailto:[^\s])", text) and not re.search(r"\s", text):
        return text
    return ""
