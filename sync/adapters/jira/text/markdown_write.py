"""Markdown for the nodes of a document: what a person wrote in Jira, for readers elsewhere.

The words are those that Jira shows (see ``markdown_line``). A panel becomes a quote, an expand its title
and its content, a cell of a table one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from sync.adapters.jira.text.markdown import LANGUAGE, Node
from sync.adapters.jira.text.markdown_line import (
    HARD_BREAK,
    INLINE,
    attr,
    code_span,
    content_of,
    escaped,
    line_of,
    lines_of,
    number,
    picture_or_file,
    text_of,
    ticks,
    uncalled,
)
from sync.domain.text import one_line

_WIDEST = 60
_PANELS = {"info", "note", "tip", "success", "warning", "error"}
# The beginning of a list that may follow a paragraph without an empty line.
_CLOSE_LIST = re.compile(r"(?:[-*]|1[.)]) \S")


def written(nodes: Sequence[Node]) -> str:
    """Markdown for blocks, without white space at its ends."""
    return "\n\n".join(_blocks(nodes)).strip()


# Blocks: each is a text of one or more lines.


def _blocks(nodes: Sequence[Node]) -> list[str]:
    """The blocks of a container, which may also hold inline nodes."""
    made: list[str] = []
    before = ""
    for inline, group in groupby(nodes, _is_inline):
        run = list(group)
        for node in [{"type": "paragraph", "content": run}] if inline else run:
            kind = str(node["type"])
            # Two lists in a row with one kind of mark would be one list.
            twin = kind in _LISTS and kind == before
            block = _LISTS[kind](node, twin) if kind in _LISTS else _BLOCKS.get(kind, _any)(node)
            if block.strip():
                made.append(block)
                before = "" if twin else kind
    return made


def _is_inline(node: Node) -> bool:
    kind = node["type"]
    if kind in INLINE or kind in _BLOCKS or kind in _LISTS:
        return kind in INLINE
    content = content_of(node)
    return bool(content) and all(_is_inline(child) for child in content)


def _any(node: Node) -> str:
    """A node that is not known: what it holds, else the text that it has."""
    return "\n\n".join(_blocks(content_of(node))) or lines_of([node])


def _paragraph(node: Node) -> str:
    return lines_of(content_of(node))


def _heading(node: Node) -> str:
    # Signs at the end would be taken for the end of the heading.
    words = re.sub(r"(?=#+\Z)", r"\\", line_of(content_of(node)), count=1)
    return f"{'#' * number(node, 'level', 1, 6)} {words}" if words else ""


def _code(node: Node) -> str:
    code = text_of(node).strip("\n")
    language = attr(node, "language")
    fence = "`" * max(3, ticks(code) + 1)
    name = language if LANGUAGE.fullmatch(language) else ""
    return f"{fence}{name}\n{uncalled(code)}\n{fence}"


def _quoted(blocks: Sequence[str]) -> str:
    text = "\n\n".join(blocks)
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n")) if text else ""


def _panel(node: Node) -> str:
    kind, title = attr(node, "panelType"), escaped(one_line(attr(node, "title")))
    label = title or (kind.capitalize() if kind in _PANELS else "")
    return _quoted([*([f"**{label}**"] if label else []), *_blocks(content_of(node))])


def _expand(node: Node) -> str:
    title = escaped(one_line(attr(node, "title")))
    return "\n\n".join([*([f"**{title}**"] if title else []), *_blocks(content_of(node))])


def _bullets(node: Node, twin: bool) -> str:
    return "\n".join(_item("* " if twin else "- ", item) for item in content_of(node))


def _numbers(node: Node, twin: bool) -> str:
    first = number(node, "order", 0 if "order" in (node.get("attrs") or {}) else 1, 999_999)
    items = enumerate(content_of(node), first)
    return "\n".join(_item(f"{number}{')' if twin else '.'} ", item) for number, item in items)


def _item(mark: str, item: Node) -> str:
    if item["type"] in _LISTS:
        # A list of tasks holds the lists of its parts directly, not within an item.
        return "\n".join(f"  {line}" for line in _LISTS[item["type"]](item, False).split("\n"))
    box = {"DONE": "[x] ", "TODO": "[ ] "}.get(attr(item, "state"), "")
    first, *others = _blocks(content_of(item)) or [""]
    for block in others:
        first += ("\n" if _CLOSE_LIST.match(block) else "\n\n") + block
    lines = (box + first).split("\n")
    indent = " " * len(mark)
    return "\n".join([mark + lines[0], *(indent + line if line else "" for line in lines[1:])])


def _table(node: Node) -> str:
    given = [row for row in content_of(node) if row["type"] == "tableRow"]
    rows = [[shown for cell in content_of(row) for shown in _cell(cell)][:_WIDEST] for row in given]
    width = max(map(len, rows), default=0)
    if not width:
        return _any({**node, "type": ""})
    if not any(cell["type"] == "tableHeader" for cell in content_of(given[0])):
        rows.insert(0, [])
    head, *body = (f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in rows)
    return "\n".join([head, "|" + " --- |" * width, *body])


def _cell(cell: Node) -> list[str]:
    """A cell on one line, and an empty cell for each further column that it covers."""
    return [
        _flat(content_of(cell)).replace("|", "\\|"),
        *[""] * (number(cell, "colspan", 1, 20) - 1),
    ]


def _flat(nodes: Sequence[Node]) -> str:
    """Blocks on one line, for a cell of a table."""
    found = []
    for inline, group in groupby(nodes, _is_inline):
        run = list(group)
        if inline:
            found.append(line_of(run))
            continue
        for node in run:
            if node["type"] == "codeBlock":
                found.append(code_span(text_of(node)))
            else:
                found.append(_flat(content_of(node)) or line_of([node]))
    return " ".join(filter(None, found))


def _media(node: Node) -> str:
    """Pictures or files, each on a line, with what is written below them."""
    kind = "file" if node["type"] == "mediaGroup" else "image"
    lines = (
        picture_or_file(child, kind) if child["type"] == "media" else lines_of([child])
        for child in content_of(node)
    )
    return HARD_BREAK.join(filter(None, lines))


_BLOCKS: Mapping[str, Callable[[Node], str]] = {
    "paragraph": _paragraph,
    "heading": _heading,
    "codeBlock": _code,
    "blockquote": lambda node: _quoted(_blocks(content_of(node))),
    "panel": _panel,
    "expand": _expand,
    "nestedExpand": _expand,
    "table": _table,
    "rule": lambda node: "***",
    "mediaSingle": _media,
    "mediaGroup": _media,
    "blockCard": lambda node: lines_of([node]),
    "embedCard": lambda node: lines_of([node]),
}
_LISTS: Mapping[str, Callable[[Node, bool], str]] = {
    "bulletList": _bullets,
    "orderedList": _numbers,
    "taskList": _bullets,
    "decisionList": _bullets,
}
