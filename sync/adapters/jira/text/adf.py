"""Atlassian Document Format: from Markdown to blocks, and from Jira's value to blocks and back.

The converter's result is rebuilt node by node from a small grammar, so every document is valid. The
converter's own schema check is not used: it takes a hundred times as long as the conversion, and lets
unsafe links pass. The grammar has no mention nodes, because they would notify people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from md_adf import markdown_to_adf

from sync.adapters.jira.text.adf_identity import document_of
from sync.domain.text import clean, safe_href
from sync.domain.ticket import Document

Node = dict[str, Any]

_PLAIN_MARKS = {"strong", "em", "strike"}
_LANGUAGE = re.compile(r"[A-Za-z0-9#+.\-]{1,30}")
_IN_ITEMS = {"paragraph", "bulletList", "orderedList", "codeBlock"}
_IN_CELLS = _IN_ITEMS | {"heading", "blockquote", "rule"}
_DEEPEST = 20


def from_markdown(markdown: str) -> Document:
    """Blocks for ``markdown``. Raises any exception where the converter fails on the text."""
    result = markdown_to_adf(markdown, {"validate_adf": False})
    nodes = result.value.get("content", [])
    return document_of([node for raw in nodes for node in _blocks(raw, _IN_CELLS | {"table"}, 0)])


def plain(text: str) -> Document:
    """Blocks of plain paragraphs, for a text on which the converter fails."""
    parts = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    return document_of([_paragraph([{"type": "text", "text": part.strip()}]) for part in parts])


def from_jira(raw: Any) -> Document:
    """The blocks of a field as Jira shows it. Each block keeps its node unchanged."""
    if not isinstance(raw, Mapping):
        return plain(str(raw)) if raw else Document()
    return document_of([node for node in raw.get("content") or [] if isinstance(node, Mapping)])


def to_jira(document: Document) -> Node:
    """The field's value for Jira. Blocks of wiki markup become paragraphs."""
    nodes = [
        block.raw
        if isinstance(block.raw, Mapping)
        else _paragraph([{"type": "text", "text": clean(str(block.raw)).strip() or " "}])
        for block in document.blocks
    ]
    return {"version": 1, "type": "doc", "content": nodes}


# One function for each kind of node rebuilds it.


def _paragraph(inline: list[Node]) -> Node:
    return {"type": "paragraph", "content": inline}


def _children(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [child for child in node.get("content") or [] if isinstance(child, Mapping)]


def _inline(nodes: Sequence[Mapping[str, Any]]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        if node.get("type") == "hardBreak":
            found.append({"type": "hardBreak"})
        elif node.get("type") == "text":
            text = clean(str(node.get("text", "")))
            if text:
                marks = _marks(node.get("marks") or [])
                found.append({"type": "text", "text": text, **({"marks": marks} if marks else {})})
        else:
            found += _inline(_children(node))
    return found


def _marks(raw: Sequence[Mapping[str, Any]]) -> list[Node]:
    marks: list[Node] = []
    kinds = [mark.get("type") for mark in raw]
    for mark in raw:
        kind = mark.get("type")
        if kind == "link":
            href = safe_href((mark.get("attrs") or {}).get("href"))
            if href:
                marks.append({"type": "link", "attrs": {"href": href}})
        elif kind == "code" or (kind in _PLAIN_MARKS and "code" not in kinds):
            marks.append({"type": kind})
    unique = {mark["type"]: mark for mark in marks}
    return list(unique.values())


def _blocks(node: Mapping[str, Any], allowed: set[str], depth: int) -> list[Node]:
    """The node as blocks of the ``allowed`` kinds. Any other node becomes a paragraph of its text."""
    kind = str(node.get("type", ""))
    build = _BUILD.get(kind)
    if build is None or (kind != "taskList" and kind not in allowed) or depth > _DEEPEST:
        inline = _inline(list(_flat(node)))
        return [_paragraph(inline)] if inline else []
    built = build(node, depth)
    return [built] if built is not None else []


def _flat(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The inline nodes of a whole tree, with a space after each block."""
    for child in _children(node):
        if child.get("type") in ("text", "hardBreak"):
            yield child
        else:
            yield from _flat(child)
            yield {"type": "text", "text": " "}


def _build_paragraph(node: Mapping[str, Any], depth: int) -> Node | None:
    inline = _inline(_children(node))
    return _paragraph(inline) if inline else None


def _build_heading(node: Mapping[str, Any], depth: int) -> Node | None:
    inline = _inline(_children(node))
    level = (node.get("attrs") or {}).get("level", 1)
    level = level if isinstance(level, int) and 1 <= level <= 6 else 1
    return {"type": "heading", "attrs": {"level": level}, "content": inline} if inline else None


def _build_code(node: Mapping[str, Any], depth: int) -> Node:
    text = "".join(str(n["text"]) for n in _inline(_children(node)) if n["type"] == "text")
    language = (node.get("attrs") or {}).get("language")
    built: Node = {"type": "codeBlock"}
    if isinstance(language, str) and _LANGUAGE.fullmatch(language):
        built["attrs"] = {"language": language}
    if text:
        built["content"] = [{"type": "text", "text": text}]
    return built


def _build_quote(node: Mapping[str, Any], depth: int) -> Node | None:
    content = [b for child in _children(node) for b in _blocks(child, _IN_ITEMS, depth + 1)]
    return {"type": "blockquote", "content": content} if content else None


def _build_list(node: Mapping[str, Any], depth: int) -> Node | None:
    items: list[Node] = []
    for child in _children(node):
        content = [b for part in _children(child) for b in _blocks(part, _IN_ITEMS, depth + 1)]
        if not content or content[0]["type"] not in ("paragraph", "codeBlock"):
            content.insert(0, _paragraph([]))
        items.append({"type": "listItem", "content": content})
    if not items:
        return None
    built: Node = {"type": str(node["type"]), "content": items}
    order = (node.get("attrs") or {}).get("order")
    if node["type"] == "orderedList" and isinstance(order, int) and 0 <= order < 2**31:
        built["attrs"] = {"order": order}
    return built


def _build_tasks(node: Mapping[str, Any], depth: int) -> Node | None:
    """Tasks as a plain list, because Jira would show real tasks among people's own tasks."""
    items: list[Node] = []
    for child in _children(node):
        done = (child.get("attrs") or {}).get("state") == "DONE"
        inline = [{"type": "text", "text": "☑ " if done else "☐ "}, *_inline(list(_flat(child)))]
        items.append({"type": "listItem", "content": [_paragraph(inline)]})
    return {"type": "bulletList", "content": items} if items else None


def _build_table(node: Mapping[str, Any], depth: int) -> Node | None:
    rows: list[Node] = []
    for row in _children(node):
        cells: list[Node] = []
        for cell in _children(row):
            content = [b for part in _children(cell) for b in _blocks(part, _IN_CELLS, depth + 1)]
            kind = "tableHeader" if cell.get("type") == "tableHeader" else "tableCell"
            cells.append({"type": kind, "attrs": {}, "content": content or [_paragraph([])]})
        if cells:
            rows.append({"type": "tableRow", "content": cells})
    return {"type": "table", "content": rows} if rows else None


_BUILD: Mapping[str, Callable[[Mapping[str, Any], int], Node | None]] = {
    "paragraph": _build_paragraph,
    "heading": _build_heading,
    "codeBlock": _build_code,
    "blockquote": _build_quote,
    "bulletList": _build_list,
    "orderedList": _build_list,
    "taskList": _build_tasks,
    "table": _build_table,
    "rule": lambda node, depth: {"type": "rule"},
}
