"""What verbs put on the terminal: tables of harmless text."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from sync.domain.text import harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def cell(text: object, style: str = "") -> Text:
    """A table cell that shows text as it is: brackets in it are not markup."""
    from rich.text import Text

    return Text(harmless(text), style=style)


def table(title: str, *columns: str, lines: bool = False) -> Table:
    """An empty table for cells made by ``cell``."""
    from rich.table import Table

    made = Table(title=cell(title), title_justify="left", show_lines=lines)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def console() -> Console:
    """Where verbs print. As wide as the terminal; wide enough for words where there is none."""
    from rich.console import Console

    there = Console(highlight=False)
    return there if there.is_terminal else Console(highlight=False, width=160)


def print_any_text() -> None:
    """Let standard output take every character: one that its encoding does not have is escaped.

    A title can hold any character, and a locale such as C or POSIX knows only ASCII.
    """
    # Under the C and POSIX locales, Python uses surrogateescape, which raises for such characters.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
