"""Tables as CSV, for spreadsheets: a cell that begins like a formula is one of text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_of(header: Sequence[str], rows: Iterable[Sequence[object]], *, cut: bool = False) -> str:
    """The table as text. ``cut``: there are more rows than these, which the last line says."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_cell(one) for one in row] for row in rows)
    if cut:
        writer.writerow(["There are more: narrow the filter, or page through the API."])
    return out.getvalue()


def _cell(value: object) -> str:
    """What a cell holds. Of numbers none is a formula.

    >>> _cell("=1+1")
    "'=1+1"
    """
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, int | float) or not text.lstrip(" ").startswith(_FORMULA):
        return text
    return f"'{text}"
