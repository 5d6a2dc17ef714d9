"""Secrets in text: what a secret may not hold, and every form in which text may show one."""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote

# Shorter secrets are not looked for: they occur by chance in ordinary words.
_SHORTEST = 6
# Shorter secrets are concealed only where they stand as a word of their own.
_ANYWHERE = 12
_MARK = "***"

_NAMES = {
    "\n": "a line end",
    "\r": "a line end",
    "\u2028": "a line end",
    "\u2029": "a line end",
    "\t": "a tab",
    " ": "a space",
    "\0": "a NUL character",
    "\x7f": "a control character (U+007F)",
    "\u00a0": "a no-break space",
    "\u00ad": "a soft hyphen",
    "\u200b": "a zero-width space",
    "\u200c": "a zero-width non-joiner",
    "\u200d": "a zero-width joiner",
    "\u2060": "a word joiner",
    "\ufeff": "a byte order mark",
}
# Characters that are shown as nothing, although Unicode counts them as letters, marks or symbols.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


def stripped(secret: str) -> str:
    """The secret without the white space around it, which copying and files add."""
    return secret.removeprefix("\ufeff").strip(" \t\r\n\x0b\x0c\x85\xa0")


def oddity(secret: str, *, spaces: bool = False, letters: bool = False) -> str:
    """The first character that a secret cannot have, by its name and place; "" where there is none.

    What cannot be seen is refused always. ``spaces`` allows plain spaces between other characters,
    ``letters`` the letters and signs that are not ASCII. The white space around a secret does not
    count.

    >>> oddity("abc\\u200bdef")
    'a zero-width space at character 4'
    """
    kept = stripped(secret)
    start = secret.find(kept)
    for place, character in enumerate(kept, start + 1):
        name = _unseen(character)
        if not name and character == " " and not spaces:
            name = "a space"
        if not name and not character.isascii() and not letters:
            name = "a character that is not ASCII"
        if name:
            return f"{name} at character {place}"
    return ""


def _unseen(character: str) -> str:
    """The name of a character that cannot be seen or cannot be encoded; "" for all others."""
    if character == " ":
        return ""
    if (name := _NAMES.get(character)) is not None:
        return name
    category = unicodedata.category(character)
    code = f"U+{ord(character):04X}"
    if category == "Cc":
        return f"a control character ({code})"
    if category == "Cs":
        return "a byte that is not UTF-8"
    if category in ("Cf", "Zs", "Zl", "Zp", "Cn", "Co") or _BLANK.match(character):
        return f"an invisible character ({unicodedata.name(character, 'without a name')}, {code})"
    return ""


class Concealer:
    """Replaces secrets in text, in all forms (see ``forms``), by ``***``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {form for secret in secrets for form in forms(secret)}
        self._forms = sorted(found, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(_placed, self._forms)))

    def __call__(self, text: str) -> str:
        # A search for plain strings is many times faster than the pattern, and mostly finds nothing.
        if not any(form in text for form in self._forms):
            return text
        return self._pattern.sub(_MARK, text)


def _placed(form: str) -> str:
    word = re.escape(form)
    return word if len(form) >= _ANYWHERE else rf"(?<![^\W_]){word}(?![^\W_])"


def forms(secret: str) -> frozenset[str]:
    """A secret as it may stand in text: as it is, percent-encoded, in base64 (also in the middle of
    longer base64, as in a Basic header), and each of these as JSON, HTML and Python write text."""
    plain = stripped(secret)
    if len(plain) < _SHORTEST:
        return frozenset()
    first = {plain, secret, unquote(plain), *_percent_encoded(plain), *_in_base64(plain)}
    written = {way for form in first for way in _written(form)}
    return frozenset(way for one in written for way in _written(one) if len(way) >= _SHORTEST)


def _percent_encoded(secret: str) -> Iterator[str]:
    for safe in ("", "/"):
        for encode in (quote, quote_plus):
            form = encode(secret, safe=safe, errors="replace")
            yield form
            yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form)


def _in_base64(secret: str) -> Iterator[str]:
    """What stays of the secret in base64, at each of the three places where it may begin in a group of
    three bytes. The characters at the ends that depend on the text around it are left out."""
    for encoding in ("utf-8", "latin-1"):
        data = secret.encode(encoding, "replace")
        for offset in range(3):
            whole = base64.b64encode(bytes(offset) + data).decode()
            middle = whole[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
            if len(middle) >= _SHORTEST:
                yield middle
                yield middle.replace("+", "-").replace("/", "_")


def _written(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield text.replace("/", "\\/")
    yield html.escape(text)
    yield repr(text)[1:-1]
