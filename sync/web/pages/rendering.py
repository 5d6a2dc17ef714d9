"""Templates: text from outside is only ever text, and times and numbers read the same everywhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from sync.domain.times import ago, lasting

_FOLDER = Path(__file__).parent / "templates"
_KEPT = "\n\t"


def visible(text: object) -> str:
    """Text whose control and formatting characters show: they must not turn, hide or break what is
    around them.

    >>> visible("a\\x00b")
    'a␀b'
    """
    return "".join(_shown(one) for one in str(text))


def _shown(character: str) -> str:
    number = ord(character)
    if character in _KEPT:
        return character
    if number < 0x20:
        return chr(0x2400 + number)
    if number == 0x7F:
        return "␡"
    # Formatting characters (bidirectional ones among them), halves of surrogates, private ones. The
    # joiners belong to the spelling of several scripts and to emoji.
    if (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")
        and character not in "\u200c\u200d"
    ):
        return "␣" if number == 0xAD else f"⟨U+{number:04X}⟩"
    return character


def outside(text: object) -> Markup:
    """Text of Coalesce Quality, Jira or people, apart from what is around it, whatever way it runs."""
    if text is None or text == "":
        return Markup("")
    return Markup('<bdi dir="auto">{}</bdi>').format(visible(text))


def time_element(at: float | None, now: float, *, exact: bool = False) -> Markup:
    """A time as an element that scripts can rewrite: relative in lists, exact in stories."""
    if at is None:
        return Markup('<span class="quiet">never</span>')
    when = datetime.fromtimestamp(at, tz=UTC)
    words = when.strftime("%H:%M:%S") if exact else _relative(at, now, when)
    return Markup('<time datetime="{}" data-form="{}" title="{}">{}</time>').format(
        when.isoformat(timespec="seconds"),
        "exact" if exact else "relative",
        when.strftime("%Y-%m-%d %H:%M:%S UTC"),
        words,
    )


def _relative(at: float, now: float, when: datetime) -> str:
    if at > now + 1:
        return f"in {lasting(at - now)}"
    if now - at < 2 * 86400:
        return ago(max(0.0, now - at))
    form = "%d %b %H:%M" if now - at < 300 * 86400 else "%d %b %Y"
    return when.strftime(form).lstrip("0")


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> counted(1284, "ticket")
    '1,284 tickets'
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def beside(diff: Iterable[tuple[str, str]]) -> list[tuple[str | None, str | None]]:
    """The lines of a diff as rows of two columns, before and after; None where a side has no line.

    >>> beside([("-", "a"), ("+", "b"), ("+", "c")])
    [('a', 'b'), (None, 'c')]
    """
    rows: list[tuple[str | None, str | None]] = []
    gone: list[str] = []
    came: list[str] = []
    for sign, text in diff:
        if sign != "+" and came:
            rows += zip_longest(gone, came)
            gone, came = [], []
        if sign == "+":
            came.append(text)
        elif sign == "-":
            gone.append(text)
        else:
            rows.append((text, text))
    return [*rows, *zip_longest(gone, came)]


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, compiled once."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        outside=outside,
        visible=visible,
        count=counted,
        number=lambda value: f"{value:,}",
        ago=ago,
        beside=beside,
        lasting=lasting,
        segment=lambda text: quote(str(text), safe=""),
    )
    return made


def rendered(template: str, data: dict[str, Any]) -> str:
    """A page. ``data`` must hold ``now``, which times are told from."""
    now = data["now"]

    def time(at: float | None, exact: bool = False) -> Markup:
        return time_element(at, now, exact=exact)

    return environment().get_template(template).render(**data, time=time, escape=escape)
