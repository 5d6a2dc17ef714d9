"""Names of days and months in a language. `babel` knows them, and is imported where a rule asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sync.toml import Wrong, nearest, said

if TYPE_CHECKING:
    from babel import Locale

_NAMED = re.compile(r"%([%AaBbp])")
_NAMES: dict[str, Callable[[Locale, datetime], str]] = {
    "A": lambda locale, at: locale.days["format"]["wide"][at.weekday()],
    "a": lambda locale, at: locale.days["format"]["abbreviated"][at.weekday()],
    "B": lambda locale, at: locale.months["format"]["wide"][at.month],
    "b": lambda locale, at: locale.months["format"]["abbreviated"][at.month],
    "p": lambda locale, at: locale.day_periods["format"]["wide"]["am" if at.hour < 12 else "pm"],
}


def language(name: object) -> Locale:
    """The language of a code as ``de`` or ``pt-BR``. Raises Wrong."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(str(name).replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        close = _meant(str(name))
        remedy = f"Did you mean {close!r}?" if close else "Write it as 'de' or 'pt-BR'."
        raise Wrong(f"{said(name)} is not a language", remedy) from None


def _meant(word: str) -> str:
    """The code that a misspelt code or an English name stands for, or ""."""
    from babel import Locale
    from babel.localedata import locale_identifiers

    codes = {code.replace("_", "-"): code.replace("_", "-") for code in locale_identifiers()}
    names = {name: code for code, name in Locale("en").languages.items() if code in codes}
    codes |= names
    return codes.get(nearest(word.replace("_", "-"), codes), "")


def translated(form: str, at: datetime, name: str) -> str:
    """A form of ``strftime`` whose names of days, months and halves of the day are those of a language
    already. Raises Wrong for an unknown language."""
    locale = language(name)

    def named(found: re.Match[str]) -> str:
        write = _NAMES.get(found[1])
        return write(locale, at).replace("%", "%%") if write else found[0]

    return _NAMED.sub(named, form)
