"""Markdown to the nodes of an Atlassian document, which both of Jira's dialects are made from.

The parser's work grows in proportion to the length of the text, for any text: the parser remembers dead
ends, and its nesting is limited. A limit of CPU time is the last resort. The nodes
keep to a small grammar, so that every document is valid. There are no mention nodes, because they
would notify people. Raw HTML becomes text, an image becomes a link, and a link whose scheme is not
http, https or mailto becomes text.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import escapedSplit, getLine
from markdown_it.rules_block.table import table as table_rule
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

from sync.domain.text import safe_href

Node = dict[str, Any]

SECONDS_LIMIT = 2.0
# The deepest nesting of lists and of brackets: the parser's work may grow in proportion to the depth.
_DEEPEST = 20
# A text that might make a larger table stays text: the parser fills up short rows with cells, so a
# small text could become a document of any size.
_MOST_CELLS = 12_000
LANGUAGE = re.compile(r"[A-Za-z0-9#+.\-]{1,30}")
_ITEM = {"paragraph", "bulletList", "orderedList", "codeBlock"}
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SCHEME = re.compile(r"(?i)(?<![a-z0-9])https?\Z")
_ADDRESS = re.compile(r"""://(?!/)(?:\\[!-/:-@\[-`{-~]|[^\s\\<>"`|{}\[\]^])+""")
# Characters that belong to the sentence, not to the address, where they stand at its end.
_AFTER_ADDRESS = frozenset("?!.,:;*_~'")
_TASK = re.compile(r"\[([ xX])\]\s+")


class TooMuch(Exception):
    """The text takes too long to convert, or is nested too deeply."""


def from_markdown(markdown: str) -> list[Node]:
    """The blocks of a clean text (see ``sync.domain.text``). Raises TooMuch."""
    until = time.thread_time() + SECONDS_LIMIT
    tokens = _PARSER.parse(markdown, {"until": until})
    return _flow(SyntaxTreeNode(tokens).children)


def plain(text: str) -> list[Node]:
    """Paragraphs that show a clean text as it is."""
    parts = [part.strip() for part in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text)]
    made: list[Node] = []
    for part in filter(None, parts):
        inline: list[Node] = []
        for line in part.split("\n"):
            inline += [{"type": "hardBreak"}] if inline else []
            inline += _text(line.strip(), ())
        made.append(paragraph(inline))
    return made


def paragraph(inline: list[Node]) -> Node:
    return {"type": "paragraph", "content": inline}


# The parser, with rules of our own.


def _in_time(env: Mapping[str, Any]) -> None:
    if time.thread_time() > env["until"]:
        raise TooMuch("the text takes too long to convert")


def _bounds_of_blocks(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    _in_time(state.env)
    # Beyond its limit the parser drops text.
    if state.level >= _DEEPEST - 2:
        raise TooMuch("the text is nested too deeply")
    return False


def _bounds_of_inlines(state: StateInline, silent: bool) -> bool:
    _in_time(state.env)
    return False


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table. Cells beyond those of the head, which the parser drops, are put into the last cell."""
    before, next_line = len(state.tokens), min(start + 1, end - 1)
    if (end - start) * (getLine(state, next_line).count("|") + 1) > _MOST_CELLS:
        return False
    if not table_rule(state, start, end, silent):
        return False
    row, cells = "", 0
    for token in state.tokens[before:] if not silent else ():
        if token.type == "tr_open" and token.map:
            row, cells = getLine(state, token.map[0]).strip(), 0
        elif token.type == "inline":
            cells, last = cells + 1, token
        elif token.type == "tr_close":
            found = escapedSplit(row.removeprefix("|"))
            beyond = found[cells:] if found[-1].strip() else found[cells:-1]
            last.content = " | ".join([last.content, *(cell.strip() for cell in beyond)])
    return True


def _break(state: StateInline, silent: bool) -> bool:
    found = _BREAK.match(state.src, state.pos)
    if not found:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _bare_address(state: StateInline, silent: bool) -> bool:
    """An address in the text, from the colon after its scheme, as a link."""
    colon = state.pos
    found = _ADDRESS.match(state.src, colon)
    scheme = re.search(r"(?i)(?<![a-z0-9])https?\Z", state.src[max(0, colon - 6) : colon])
    if (
        not found
        or not scheme
        or state.linkLevel
        or not (silent or state.pending.endswith(scheme[0]))
    ):
        return False
    raw = whole(found[0])
    address = scheme[0] + unescapeAll(raw)
    if not safe_href(address):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        state.push("link_open", "a", 1).attrs = {"href": state.md.normalizeLink(address)}
        state.push("text", "", 0).content = address
        state.push("link_close", "a", -1)
    state.pos = colon + len(raw)
    return True


def whole(raw: str) -> str:
    """An address without what follows it in its sentence, as a full stop or a closing bracket."""
    spare, end = raw.count(")") - raw.count("("), len(raw)
    while end > 3 and (raw[end - 1] in _AFTER_ADDRESS or (raw[end - 1] == ")" and spare > 0)):
        spare -= raw[end - 1] == ")"
        end -= 2 if raw[end - 2] == "\\" else 1
    return raw[:end]


def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"maxNesting": _DEEPEST, "html": False})
    made.enable(["table", "strikethrough"])
    # ``_linked`` and ``_image`` decide which addresses may be linked.
    made.validateLink = lambda url: True  # type: ignore[method-assign]
    made.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    made.block.ruler.before("table", "bounds", _bounds_of_blocks)
    # The time is checked at links, because open brackets cost most: for each, the end of a link is
    # searched for.
    made.inline.ruler.before("link", "bounds", _bounds_of_inlines)
    made.inline.ruler.after("text", "bare_address", _bare_address)
    made.inline.ruler.before("autolink", "break", _break)
    # The library puts its rules in order at the first parse. A second thread that parses meanwhile finds
    # no rules, and makes an empty document of any text. So that is done before threads share the parser.
    for ruler in (made.core.ruler, made.block.ruler, made.inline.ruler, made.inline.ruler2):
        ruler.getRules("")
    return made


_PARSER = _parser()


# Blocks. A block that its container may not hold is put after the container, which is then continued.


def _flow(nodes: Iterable[SyntaxTreeNode]) -> list[Node]:
    return [block for node in nodes for block in _BLOCKS.get(node.type, _paragraphs)(node)]


def _paragraphs(node: SyntaxTreeNode) -> list[Node]:
    inline = _inline(node.children)
    return [paragraph(inline)] if inline else []


def _heading(node: SyntaxTreeNode) -> list[Node]:
    inline = _inline(node.children)
    level = {"level": int(node.tag[1:])}
    return [{"type": "heading", "attrs": level, "content": inline}] if inline else []


def _code(node: SyntaxTreeNode) -> list[Node]:
    made: Node = {"type": "codeBlock"}
    language = node.info.split(maxsplit=1)[0] if node.info.strip() else ""
    if LANGUAGE.fullmatch(language):
        made["attrs"] = {"language": language}
    if text := node.content.rstrip("\n"):
        made["content"] = [{"type": "text", "text": text}]
    return [made]


def _within(blocks: Iterable[Node]) -> Iterator[Node]:
    """The blocks of a quote or list item in the kinds that it may hold, where that is possible."""
    for block in blocks:
        if block["type"] == "heading":
            yield paragraph([_strong(one) for one in block["content"]])
        elif block["type"] == "blockquote":
            yield from block["content"]
        else:
            yield block


def _strong(inline: Node) -> Node:
    marks = inline.get("marks", [])
    if inline["type"] != "text" or any(mark["type"] in ("strong", "code") for mark in marks):
        return inline
    return {**inline, "marks": [*marks, {"type": "strong"}]}


def _quote(node: SyntaxTreeNode) -> list[Node]:
    made: list[Node] = []
    for block in _within(_flow(node.children)):
        if block["type"] not in _ITEM:
            made.append(block)
        elif made and made[-1]["type"] == "blockquote":
            made[-1]["content"].append(block)
        else:
            made.append({"type": "blockquote", "content": [block]})
    return made


def _list(node: SyntaxTreeNode) -> list[Node]:
    kind = "orderedList" if node.type == "ordered_list" else "bulletList"
    number = int(node.attrs.get("start", 1))
    made: list[Node] = []
    for place, item in enumerate(node.children):
        content, after = _item(item)
        if not made or made[-1]["type"] != kind:
            made.append({"type": kind, "content": []})
            if kind == "orderedList" and number + place != 1:
                made[-1]["attrs"] = {"order": number + place}
        made[-1]["content"].append({"type": "listItem", "content": content})
        made += after
    return made


def _item(item: SyntaxTreeNode) -> tuple[list[Node], list[Node]]:
    """The blocks of a list item, and those that must stand after its list."""
    blocks = list(_within(_flow(item.children)))
    end = next((n for n, block in enumerate(blocks) if block["type"] not in _ITEM), len(blocks))
    content = blocks[:end]
    if not content or content[0]["type"] not in ("paragraph", "codeBlock"):
        content.insert(0, paragraph([]))
    _tick(content[0])
    return content, blocks[end:]


def _tick(block: Node) -> None:
    """The box of a task as a character, because Jira would show real tasks among people's own."""
    first = block["content"][0] if block["type"] == "paragraph" and block["content"] else {}
    if found := _TASK.match(first.get("text", "")):
        box = "☐ " if found[1] == " " else "☑ "
        first["text"] = box + first["text"][found.end() :]


def _rule(node: SyntaxTreeNode) -> list[Node]:
    return [{"type": "rule"}]


def _rows(node: SyntaxTreeNode) -> list[Node]:
    rows = [row.children for part in node.children for row in part.children]
    made = [{"type": "tableRow", "content": [_cell(cell) for cell in row]} for row in rows]
    return [{"type": "table", "content": made}]


def _cell(cell: SyntaxTreeNode) -> Node:
    kind = "tableHeader" if cell.type == "th" else "tableCell"
    return {"type": kind, "attrs": {}, "content": [paragraph(_inline(cell.children))]}


_BLOCKS: Mapping[str, Callable[[SyntaxTreeNode], list[Node]]] = {
    "heading": _heading,
    "fence": _code,
    "code_block": _code,
    "blockquote": _quote,
    "bullet_list": _list,
    "ordered_list": _list,
    "hr": _rule,
    "table": _rows,
}


# Inline nodes: runs of text, each with its marks.

_MARKS = {"strong": "strong", "em": "em", "s": "strike"}
_Marks = tuple[Node, ...]


def _inline(nodes: Iterable[SyntaxTreeNode], marks: _Marks = ()) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        for made in _INLINE.get(node.type, _nested)(node, marks):
            if found and made["type"] == "text" == found[-1]["type"] and _alike(made, found[-1]):
                found[-1]["text"] += made["text"]
            else:
                found.append(made)
    return found


def _alike(one: Node, other: Node) -> bool:
    return bool(one.get("marks") == other.get("marks"))


def _text(text: str, marks: _Marks) -> list[Node]:
    if not text:
        return []
    return [{"type": "text", "text": text, **({"marks": list(marks)} if marks else {})}]


def _nested(node: SyntaxTreeNode, marks: _Marks) -> list[Node]:
    kind = _MARKS.get(node.type)
    if kind and kind not in [mark["type"] for mark in marks]:
        marks = (*marks, {"type": kind})
    return _inline(node.children, marks)


def _coded(node: SyntaxTreeNode, marks: _Marks) -> list[Node]:
    return _text(node.content, (*(m for m in marks if m["type"] == "link"), {"type": "code"}))


def _linked(node: SyntaxTreeNode, marks: _Marks) -> list[Node]:
    address = safe_href(node.attrs.get("href"))
    if address:
        marks = ({"type": "link", "attrs": {"href": address}}, *marks)
    shown = _inline(node.children, marks)
    return shown or _text(address, marks)


def _image(node: SyntaxTreeNode, marks: _Marks) -> list[Node]:
    address, words = safe_href(node.attrs.get("src")), _words(node.children)
    if address and not any(mark["type"] == "link" for mark in marks):
        marks = ({"type": "link", "attrs": {"href": address}}, *marks)
    return _text(words or address, marks)


def _words(nodes: Iterable[SyntaxTreeNode]) -> str:
    return "".join(
        " " if node.type in ("softbreak", "hardbreak") else node.content or _words(node.children)
        for node in nodes
    )


_INLINE: Mapping[str, Callable[[SyntaxTreeNode, _Marks], list[Node]]] = {
    "text": lambda node, marks: _text(node.content, marks),
    "softbreak": lambda node, marks: _text(" ", marks),
    "hardbreak": lambda node, marks: [{"type": "hardBreak"}],
    "code_inline": _coded,
    "link": _linked,
    "image": _image,
}
