"""Jira's own words, taken out of an error body: JSON in several shapes, or a gateway's HTML."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.domain.text import one_line

_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Words:
    """What an error body says. ``errors`` is keyed by field id."""

    messages: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)

    def sentence(self, name_of: Callable[[str], str] = str) -> str:
        """All of it in one line, fields under their display names."""
        parts = [*self.messages]
        for id_, message in self.errors.items():
            name = name_of(id_)
            parts.append(message if name.casefold() in message.casefold() else f"{name}: {message}")
        return shortened("; ".join(parts))

    @property
    def text(self) -> str:
        return " ".join((*self.messages, *self.errors.values()))


def shortened(text: str) -> str:
    """One line of bearable length."""
    return one_line(text, _LONGEST)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    if isinstance(value, Mapping):
        return _strings(value.get("message") or value.get("translation") or "")
    return []


def read(body: str) -> Words:
    """The words of an error body, however it is written. Never raises."""
    try:
        data = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return Words(tuple(_strings(_plain(body))))
    if not isinstance(data, Mapping):
        return Words(tuple(_strings(data)))
    messages = [
        text
        for name in ("errorMessages", "errorMessage", "message", "detail")
        for text in _strings(data.get(name))
    ]
    errors = data.get("errors")
    by_field: dict[str, str] = {}
    if isinstance(errors, Mapping):
        by_field = {str(id_): " ".join(_strings(text)) or str(text) for id_, text in errors.items()}
    elif errors:
        messages += _strings(errors)
    return Words(
        tuple(shortened(m) for m in messages), {k: shortened(v) for k, v in by_field.items()}
    )


def _plain(body: str) -> str:
    """What a person would read of an HTML page: its title, else its text."""
    title = re.search(r"<title[^>]*>(.*?)</title>", body[:20_000], re.IGNORECASE | re.DOTALL)
    text = title.group(1) if title else ""
    if not text.strip():
        without = re.sub(r"(?is)<(script|style)\b.*?</\1>", " ", body[:20_000])
        text = re.sub(r"<[^>]*>", " ", without)
    return shortened(html.unescape(text))
