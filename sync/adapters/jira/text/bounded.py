"""A document of any form as nodes that are safe to walk: bounded in depth, number and length.

Jira's own editors make documents that are far below every bound. A document that a program sent to Jira
may have any depth, and attributes of any type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sync.adapters.jira.text.markdown import Node
from sync.domain.text import clean, cut

# Lists within quotes within tables are about ten nodes deep. Of what lies deeper, the words are kept.
DEEPEST = 24
MOST_NODES = 20_000
_LONGEST_ATTRIBUTE = 2_000
# The attributes that a reader sees or that decide what a reader sees, by whether they take room.
_ATTRIBUTES = {
    **dict.fromkeys(("text", "shortName", "url", "href", "alt", "title", "__fileName"), True),
    **dict.fromkeys(("level", "language", "order", "state", "panelType", "timestamp"), False),
    **dict.fromkeys(("colspan", "type"), False),
}


def bounded(raw: Any, room: int, most: int = MOST_NODES) -> tuple[list[Node], bool]:
    """The nodes of a list, each with ``type`` and, where it has them, ``text``, ``attrs``, ``marks`` and
    ``content``; and whether that is everything. ``room`` is the number of characters of text to keep,
    ``most`` the number of nodes."""
    walk = _Walk(room, most)
    return walk.nodes(raw, 0), walk.whole


class _Walk:
    def __init__(self, room: int, most: int) -> None:
        self._room = room
        self._left = most
        self.whole = True

    def nodes(self, raw: Any, depth: int) -> list[Node]:
        """The nodes of a list, as far as there is room."""
        made: list[Node] = []
        for one in raw if isinstance(raw, list) else ():
            if not isinstance(one, Mapping):
                continue
            if self._room <= 0 or self._left <= 0:
                self.whole = False
                break
            self._left -= 1
            made.append(self._node(one, depth))
        return made

    def _node(self, raw: Mapping[str, Any], depth: int) -> Node:
        node: Node = {"type": str(raw.get("type") or "")}
        if isinstance(raw.get("text"), str):
            node["text"] = self._text(raw["text"])
        if attrs := self._attrs(raw.get("attrs")):
            node["attrs"] = attrs
        if marks := self._marks(raw.get("marks")):
            node["marks"] = marks
        if depth >= DEEPEST and raw.get("content"):
            node["content"] = [{"type": "text", "text": self._text(_words(raw["content"]))}]
        elif content := self.nodes(raw.get("content"), depth + 1):
            node["content"] = content
        return node

    def _text(self, raw: str) -> str:
        text = clean(raw)
        shown = cut(text, max(0, self._room), "")
        self._room -= len(text)
        self.whole = self.whole and len(shown) == len(text)
        return shown

    def _attrs(self, raw: Any) -> dict[str, Any]:
        """The attributes that matter: strings, whole numbers, and truth values."""
        found: dict[str, Any] = {}
        for name, value in raw.items() if isinstance(raw, Mapping) else ():
            takes_room = _ATTRIBUTES.get(name)
            if takes_room is None or not isinstance(value, str | int):
                continue
            found[name] = cut(clean(value), _LONGEST_ATTRIBUTE) if isinstance(value, str) else value
            self._room -= len(str(found[name])) if takes_room else 0
        return found

    def _marks(self, raw: Any) -> list[Node]:
        marks = [one for one in raw if isinstance(one, Mapping)] if isinstance(raw, list) else []
        return [
            {"type": str(one.get("type") or ""), "attrs": self._attrs(one.get("attrs"))}
            for one in marks[:10]
        ]


def _words(content: Any) -> str:
    """The words of all that lies below, one space between them."""
    return " ".join(" ".join(_texts(content)).split())


def _texts(content: Any) -> Iterator[str]:
    # Not by recursion, because the depth has no bound.
    waiting, left = [content], MOST_NODES
    while waiting and left:
        left -= 1
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one[:left]))
        elif isinstance(one, Mapping):
            if isinstance(one.get("text"), str):
                yield one["text"]
            waiting.append(one.get("content"))
