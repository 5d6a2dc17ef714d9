"""Text that is cut, put on one line, or made fit for the place it goes to.

Text from outside can hold anything: control characters, colours of a terminal, halves of surrogate
pairs. PostgreSQL cannot hold NUL; UTF-8 cannot hold half of a surrogate pair; XML, and with it Jira,
takes neither most control characters nor U+FFFE and U+FFFF; a terminal obeys escape sequences.
"""

from __future__ import annotations

import re
from typing import Any

_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
# Colours and cursor movements, as command line tools put them into their messages.
_ESCAPES = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]")
# An override of the writing direction (U+202A to U+202E, U+2066 to U+2069) stays in force until
# something ends it, so that our own text after it would be shown in another order. The marks U+200E and
# U+200F act at one place only, and stay.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Characters that may not stand on one line. Joiners are not among them: emoji and many languages need
# them.
_OFF_THE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_INVISIBLE = re.compile("[\\s\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*")
_BROKEN = re.compile("[\ud800-\udfff\ufffe\uffff]")
# What no database takes in a text.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# What a terminal obeys: control characters, and all that changes the writing direction, which would
# show a text in another order.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_REPLACEMENT = "\ufffd"

# The limits of a ticket's texts, in UTF-16 units, by which programs in Java such as Jira count.
SUMMARY_LIMIT = 254
LINE_LIMIT = 255
LABEL_LIMIT = 255
# Jira's limit is 32,767 units; the rest is for what Jira adds when it rewrites a text.
TEXT_LIMIT = 30_000


def clean(text: str) -> str:
    """The text without control characters (``\\n`` and ``\\t`` stay, other line ends become ``\\n``),
    overrides of the writing direction, and terminal colours; what is no character at all becomes
    U+FFFD. Fit for databases and Jira."""
    if not _ODD.search(text):
        return text
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    return _BROKEN.sub(_REPLACEMENT, _CONTROLS.sub("", text))


def storable(text: str) -> str:
    """The text with NULs and lone surrogates as U+FFFD; the same object where there are none."""
    if text.isascii():
        return text.replace("\x00", _REPLACEMENT) if "\x00" in text else text
    return UNSTORABLE.sub(_REPLACEMENT, text)


def folded(text: str, limit: int = 300) -> str:
    """Text as searches compare it: without regard to case, in any script."""
    return storable(text).casefold()[:limit]


def harmless(text: object) -> str:
    """The text for a terminal: what a terminal would obey shows as U+FFFD; tabs and line ends stay."""
    return _OBEYED.sub(_REPLACEMENT, str(text).replace("\r\n", "\n"))


def one_line(text: str, limit: int | None = None, *, utf16: bool = False) -> str:
    """The text on one line: each run of white space and control characters becomes one space, and
    overrides of the writing direction are left out. "" if nothing can be seen. ``limit`` and ``utf16``
    as in ``cut``."""
    line = " ".join(text.split())
    if not line.isprintable():
        line = _TURNING.sub("", _OFF_THE_LINE.sub(" ", line))
        line = "" if _INVISIBLE.fullmatch(line) else " ".join(line.split())
    return line if limit is None else cut(line, limit, utf16=utf16)


_SCHEME = re.compile(r"(?i)[a-z][a-z0-9+.\-]*\Z")
_ADDRESS_END = re.compile(r"""[\s<>"`|]""")


def cut(text: str, limit: int, mark: str = "…", *, utf16: bool = False) -> str:
    """The text in at most ``limit`` characters (or UTF-16 units); ``mark`` shows that it was cut.

    An address that does not fit is left out as a whole, because half of one leads to another place.
    """
    if (units(text) if utf16 else len(text)) <= limit:
        return text
    room = max(0, limit - len(mark))
    kept = text[:room]
    if utf16:
        # Half of a surrogate pair at the end is left out.
        kept = text.encode("utf-16-le", "replace")[: 2 * room].decode("utf-16-le", "ignore")
    kept = kept[: _address_at(text, len(kept))]
    return kept.rstrip() + mark if mark else kept


def _address_at(text: str, place: int) -> int:
    """Where the address begins that a cut at this place would halve; the place itself if none."""
    for reach in (place + 3, place + 9):
        colon = text.rfind("://", 0, reach)
        if colon < 0 or place == len(text) or _ADDRESS_END.search(text, colon, place + 1):
            continue
        scheme = _SCHEME.search(text[max(0, colon - 16) : colon])
        if scheme and colon - len(scheme[0]) < place:
            return colon - len(scheme[0])
    return place


def units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def ticket_line(text: str, limit: int = LINE_LIMIT) -> str:
    """One clean line of at most ``limit`` units, cut with "…"."""
    return one_line(clean(text), limit, utf16=True)


def label(text: str) -> str:
    """A label: no white space, at most 255 units. Empty when nothing is left."""
    return cut("_".join(ticket_line(text, 10_000).split()), LABEL_LIMIT, "", utf16=True)


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
    text = clean(href).strip() if isinstance(href, str) else ""
    if re.match(r"(?i)(https?://[^\s/]|mailto:[^\s])", text) and not re.search(r"\s", text):
        return text
    return ""
