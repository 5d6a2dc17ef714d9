"""Plain text within a ticket's limits: clean characters, one line, cut with a visible mark.

Jira counts UTF-16 units, as Java does.
"""

from __future__ import annotations

import re
from typing import Any

SUMMARY_LIMIT = 254
LINE_LIMIT = 255
LABEL_LIMIT = 255
# Jira's limit is 32,767 units; the rest is for what Jira adds when it rewrites a text.
TEXT_LIMIT = 30_000

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The text without characters that Jira or XML refuses; line ends as ``\\n``."""
    text = _SURROGATES.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _CONTROLS.sub("", text)


def units(text: str) -> int:
    """The length as Jira counts: in UTF-16 units."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def cut(text: str, limit: int) -> str:
    """The longest beginning of the text that has at most ``limit`` units."""
    if units(text) <= limit:
        return text
    room, kept = limit, 0
    for character in text:
        room -= 2 if ord(character) > 0xFFFF else 1
        if room < 0:
            break
        kept += 1
    return text[:kept]


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """One line of at most ``limit`` units; "…" at its end where it was cut."""
    spaced = "".join(c if c.isprintable() else " " for c in clean(text))
    line = " ".join(spaced.split())
    return line if units(line) <= limit else cut(line, limit - 1).rstrip() + "…"


def label(text: str) -> str:
    """A label: no white space, at most 255 units. Empty when nothing is left."""
    return cut("_".join(one_line(text, 10_000).split()), LABEL_LIMIT)


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
    """An address that may be linked (http, https, mailto); "" for any other."""
    text = clean(href).strip() if isinstance(href, str) else ""
    if re.match(r"(?i)(https?://[^\s/]|mailto:[^\s])", text) and not re.search(r"\s", text):
        return text
    return ""
