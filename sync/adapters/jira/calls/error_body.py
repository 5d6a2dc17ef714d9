"""The messages of an error body: JSON in several shapes, or a gateway's HTML page."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.domain.text import one_line

_LONGEST = 400
# Fields that refusals name otherwise than calls do: Cloud, of a parent of the wrong level.
_OTHER_NAMES = {"parentId": "parent"}


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error body says. ``errors`` is keyed by field id. ``code`` is the status that a gateway's
    body repeats, 0 in Jira's own."""

    messages: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    code: int = 0

    def sentence(self, name_of: Callable[[str], str] = str) -> str:
        """Everything in one line, fields under their display names.

        >>> ErrorBody(("Not saved.",), {"customfield_1": "is required"}).sentence()
        'Not saved.; customfield_1: is required'
        """
        parts = [*self.messages]
        for id_, message in self.errors.items():
            name = name_of(id_)
            parts.append(message if name.casefold() in message.casefold() else f"{name}: {message}")
        return _shortened("; ".join(parts))

    @property
    def text(self) -> str:
        return " ".join((*self.messages, *self.errors.values()))


def parse(body: str) -> ErrorBody:
    """The messages of an error body in whatever form. Never raises."""
    try:
        data = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return ErrorBody(tuple(_strings(_page_text(body))))
    if not isinstance(data, Mapping):
        return ErrorBody(tuple(_strings(data)))
    messages = [
        text
        for name in ("errorMessages", "errorMessage", "message", "detail")
        for text in _strings(data.get(name))
    ]
    errors = data.get("errors")
    by_field = errors if isinstance(errors, Mapping) else {}
    if not by_field:
        messages += _strings(errors)
    return ErrorBody(
        tuple(map(_shortened, messages)),
        {
            _OTHER_NAMES.get(str(id_), str(id_)): _shortened(" ".join(_strings(text)) or str(text))
            for id_, text in by_field.items()
        },
        code if isinstance(code := data.get("code"), int) else 0,
    )


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    if isinstance(value, Mapping):
        return _strings(value.get("message") or value.get("translation") or "")
    return []


def _page_text(body: str) -> str:
    """What a person would read of an HTML page: its title, else its text."""
    title = re.search(r"<title[^>]*>(.*?)</title>", body[:20_000], re.IGNORECASE | re.DOTALL)
    text = title.group(1) if title else ""
    if not text.strip():
        without = re.sub(r"(?is)<(script|style)\b.*?</\1>", " ", body[:20_000])
        text = re.sub(r"<[^>]*>", " ", without)
    return _shortened(html.unescape(text))


def _shortened(text: str) -> str:
    """One line, cut at a length that logs and pages can show."""
    return one_line(text, _LONGEST)
