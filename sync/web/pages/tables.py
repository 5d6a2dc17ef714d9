"""Tables as files: CSV that spreadsheets do not run, and addresses with filters changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from sync.domain.text import clean
from sync.web.pages.visit import Download

# What makes spreadsheets take a cell for a formula, see OWASP's page on CSV injection.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(filename: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Download:
    """A table as a CSV file. A text that begins like a formula gets an apostrophe before it."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(columns)
    for row in rows:
        table.writerow([_cell(value) for value in row])
    # The mark at the beginning has spreadsheets read UTF-8.
    return Download("\ufeff" + written.getvalue(), "text/csv", filename)


def _cell(value: object) -> object:
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text.startswith(_FORMULAS) or value.startswith(_FORMULAS) else text


def address(path: str, filters: Mapping[str, object], **changed: object) -> str:
    """A path with these filters, some of them changed; empty ones are left out."""
    asked = {
        name: value for name, value in {**filters, **changed}.items() if value not in ("", 0, None)
    }
    return f"{path}?{urlencode(asked)}" if asked else path
