"""Text that is cut, put on one line, or made fit for the place it goes to."""

from __future__ import annotations


def cut(text: str, limit: int, mark: str = "…") -> str:
    """The text in at most ``limit`` characters; ``mark`` shows that something was cut."""
    return text if len(text) <= limit else text[: max(0, limit - len(mark))].rstrip() + mark
