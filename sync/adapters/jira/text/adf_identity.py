"""A block's identity in ADF: the text that a person sees, with the addresses behind links.

When Jira stores a block, it adds ids, layout attributes and marks, and merges or splits runs of text.
None of this changes the identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sync.domain.ticket import Block, Document

# Inline nodes that have no text nodes within: the attribute that holds what they show.
_SHOWING = {
    "mention": "text",
    "emoji": "shortName",
    "date": "timestamp",
    "status": "text",
    "media": "id",
    "mediaInline": "id",
    "placeholder": "text",
}
_CARDS = {"inlineCard", "blockCard", "embedCard"}
_INLINE = {"text", "hardBreak", *_SHOWING, "inlineCard"}
_TITLED = {"expand", "nestedExpand"}
# Jira's own documents are far less deep. What lies deeper is not part of the identity.
_DEEPEST = 100


def document_of(nodes: Sequence[Mapping[str, Any]]) -> Document:
    """A block for each node. The identity has single spaces, and each link's address after its text."""
    return Document(tuple(_block(node) for node in nodes))


def _block(node: Mapping[str, Any]) -> Block:
    pictures = tuple(Block(_identity(one), one) for one in _pictures(node))
    return Block(_identity(node), node, pictures)


def _identity(node: Mapping[str, Any]) -> str:
    return " ".join("".join(_pieces(node)).split())


def _pictures(node: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The pictures and files in a node, as nodes that may stand in a document by themselves."""
    if node.get("type") in ("mediaSingle", "mediaGroup"):
        yield node
        return
    children = [child for child in node.get("content") or [] if isinstance(child, Mapping)]
    inline = [child for child in children if child.get("type") == "mediaInline"]
    if inline:
        yield {"type": "paragraph", "content": inline}
    if depth < _DEEPEST:
        for child in children:
            yield from _pictures(child, depth + 1)


def _address(node: Mapping[str, Any]) -> str:
    for mark in node.get("marks") or []:
        if isinstance(mark, Mapping) and mark.get("type") == "link":
            return str((mark.get("attrs") or {}).get("href", "")).rstrip("/")
    return ""


def _pieces(node: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    kind, attrs = str(node.get("type", "")), node.get("attrs") or {}
    if kind in _SHOWING:
        yield str(attrs.get(_SHOWING[kind], ""))
    elif kind in _CARDS:
        yield f"<{str(attrs.get('url', '')).rstrip('/')}>"
    elif kind in _TITLED:
        yield f"{attrs.get('title', '')}\n"
    elif kind == "taskItem":
        yield "☑ " if attrs.get("state") == "DONE" else "☐ "
    elif kind == "rule":
        yield "----"
    elif kind == "hardBreak":
        yield "\n"
    if depth < _DEEPEST:
        yield from _run(node, depth + 1)
    if kind not in _INLINE:
        yield "\n"


def _run(node: Mapping[str, Any], depth: int) -> Iterator[str]:
    """The children's pieces. Neighbouring texts with the same link count as one text."""
    open_, linked = "", ""
    for child in node.get("content") or []:
        if not isinstance(child, Mapping):
            continue
        address = _address(child) if child.get("type") == "text" else ""
        if address != open_ and open_:
            yield _link(linked, open_)
            linked = ""
        open_ = address
        if address:
            linked += str(child.get("text", ""))
        elif child.get("type") == "text":
            yield str(child.get("text", ""))
        else:
            yield from _pieces(child, depth)
    if open_:
        yield _link(linked, open_)


def _link(text: str, address: str) -> str:
    return f"<{address}>" if text.strip().rstrip("/") == address else f"{text}<{address}>"
