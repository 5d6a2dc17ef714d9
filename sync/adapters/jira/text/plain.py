"""Plain text within Jira's limits, which count UTF-16 units, as Java does."""

from __future__ import annotations

import re

from sync.domain import text as texts

SUMMARY_LIMIT = 254
LINE_LIMIT = 255
LABEL_LIMIT = 255
# Jira's limit is 32,767; what it adds when it rewrites text has to fit too.
TEXT_LIMIT = 30_000


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """One clean line of at most ``limit`` units, cut with "…"."""
    return texts.one_line(texts.clean(text), limit, utf16=True)


def label(text: str) -> str:
    """A label: no white space, at most 255 units. Empty when nothing is left."""
    return texts.cut("_".join(one_line(text, 10_000).split()), LABEL_LIMIT, "", utf16=True)


def safe_href(href: object) -> str:
    """The address if it is one that may be linked (http, https, mailto), else ""."""
    text = texts.clean(href).strip() if isinstance(href, str) else ""
    if re.match(r"(?i)(https?://[^\s/]|mailto:[^\s])", text) and not re.search(r"\s", text):
        return text
    return ""
