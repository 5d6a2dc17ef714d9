"""Rich text: what Jira accepts as an Atlassian document, how it measures and rewrites it.

The content rules follow Atlassian's published document structure, reduced to the nodes that a
converter from Markdown can make.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sync.sandbox.jira.site.model import RichText

MOST_CHARACTERS = 32_767

_INLINE_WORDS = """
    text hardBreak emoji mention inlineCard date status placeholder inlineExtension
    mediaInline
"""
_INLINE = frozenset(_INLINE_WORDS.split())
_LEAF_BLOCKS = frozenset(["rule", "blockCard", "embedCard", "extension"])
_BLOCKS_WORDS = """
    paragraph heading bulletList orderedList codeBlock blockquote panel table expand
    taskList decisionList mediaSingle mediaGroup layoutSection bodiedExtension
"""
_BLOCKS = frozenset(_BLOCKS_WORDS.split())
_ITEM_WORDS = """
    paragraph bulletList orderedList codeBlock mediaSingle mediaGroup taskList extension
"""
_ITEM = frozenset(_ITEM_WORDS.split())
_CELL = (_BLOCKS | _LEAF_BLOCKS | {"nestedExpand"}) - {"table", "expand", "layoutSection"}
_CHILDREN: dict[str, frozenset[str]] = {
    "doc": _BLOCKS | _LEAF_BLOCKS,
    "paragraph": _INLINE,
    "heading": _INLINE,
    "codeBlock": frozenset({"text"}),
    "bulletList": frozenset({"listItem"}),
    "orderedList": frozenset({"listItem"}),
    "listItem": _ITEM,
    "blockquote": frozenset(
        {
            "paragraph",
            "bulletList",
            "orderedList",
            "codeBlock",
            "mediaSingle",
            "mediaGroup",
            "extension",
        }
    ),
    "panel": frozenset(
        {
            "paragraph",
            "heading",
            "bulletList",
            "orderedList",
            "blockCard",
            "mediaGroup",
            "mediaSingle",
            "codeBlock",
            "taskList",
            "rule",
            "decisionList",
            "extension",
        }
    ),
    "table": frozenset({"tableRow"}),
    "tableRow": frozenset({"tableCell", "tableHeader"}),
    "tableCell": _CELL,
    "tableHeader": _CELL,
    "expand": (_BLOCKS | _LEAF_BLOCKS | {"nestedExpand"}) - {"expand", "layoutSection"},
    "nestedExpand": frozenset(
        [
            "paragraph",
            "heading",
            "bulletList",
            "orderedList",
            "codeBlock",
            "blockquote",
            "panel",
            "rule",
            "taskList",
            "decisionList",
            "mediaSingle",
            "mediaGroup",
            "extension",
        ]
    ),
    "taskList": frozenset({"taskItem", "taskList"}),
    "taskItem": _INLINE,
    "decisionList": frozenset({"decisionItem"}),
    "decisionItem": _INLINE,
    "mediaSingle": frozenset({"media", "caption"}),
    "mediaGroup": frozenset({"media"}),
    "caption": _INLINE,
    "layoutSection": frozenset({"layoutColumn"}),
    "layoutColumn": _BLOCKS | _LEAF_BLOCKS,
    "bodiedExtension": _BLOCKS | _LEAF_BLOCKS,
}
_NEEDS_CHILDREN_WORDS = """
    bulletList orderedList listItem blockquote panel table tableRow tableCell tableHeader
    expand taskList decisionList mediaSingle mediaGroup
"""
_NEEDS_CHILDREN = frozenset(_NEEDS_CHILDREN_WORDS.split())
_MARKS_WORDS = """
    strong em code strike underline link subsup textColor backgroundColor annotation border
    alignment indentation breakout fragment dataConsumer fontSize
"""
_MARKS = frozenset(_MARKS_WORDS.split())
_TEXT_ONLY_WITH_CODE = frozenset({"code", "link", "annotation"})


def fault(document: Any) -> str:
    """What is wrong with an Atlassian document, "" when Jira would take it."""
    if not isinstance(document, dict) or document.get("type") != "doc":
        return "not a doc"
    if document.get("version") != 1 or not isinstance(document.get("content"), list):
        return "a doc needs version 1 and content"
    try:
        return _fault_in(document, "doc")
    except RecursionError:
        return "nested too deeply"


def _fault_in(node: Mapping[str, Any], kind: str) -> str:
    content = node.get("content")
    if kind not in _CHILDREN:
        return _fault_in_leaf(node, kind)
    if content is None and kind not in _NEEDS_CHILDREN:
        content = []
    if not isinstance(content, list):
        return f"{kind} needs content"
    if not content and kind in _NEEDS_CHILDREN:
        return f"{kind} is empty"
    if kind == "heading":
        level = (node.get("attrs") or {}).get("level")
        if not isinstance(level, int) or not 1 <= level <= 6:
            return "heading without level"
    if kind == "panel" and not (node.get("attrs") or {}).get("panelType"):
        return "panel without panelType"
    if kind in ("listItem",) and content[0].get("type") not in (
        "paragraph",
        "codeBlock",
        "mediaSingle",
        "bulletList",
        "orderedList",
        "taskList",
        "extension",
    ):
        return "listItem starts wrongly"
    if kind in ("taskItem", "decisionItem", "taskList") and not (node.get("attrs") or {}).get(
        "localId"
    ):
        return f"{kind} without localId"
    allowed = _CHILDREN[kind]
    for child in content:
        if not isinstance(child, dict):
            return f"{kind} holds something that is no node"
        name = child.get("type")
        if name not in allowed:
            return f"{kind} cannot hold {name}"
        if kind == "codeBlock" and child.get("marks"):
            return "codeBlock text has marks"
        wrong = _fault_in(child, str(name))
        if wrong:
            return wrong
    return ""


def _fault_in_leaf(node: Mapping[str, Any], kind: str) -> str:
    if kind == "text":
        text, marks = node.get("text"), node.get("marks", [])
        if not isinstance(text, str) or not text:
            return "text node is empty"
        names = [mark.get("type") if isinstance(mark, dict) else None for mark in marks]
        if any(name not in _MARKS for name in names):
            return f"unknown mark among {names}"
        if len(set(names)) != len(names):
            return "a mark twice"
        if "code" in names and not set(names) <= _TEXT_ONLY_WITH_CODE:
            return "code cannot be combined with other marks"
        for mark in marks:
            if mark["type"] == "link" and not isinstance(
                (mark.get("attrs") or {}).get("href"), str
            ):
                return "link without href"
        return ""
    if kind in ("inlineCard", "blockCard"):
        attrs = node.get("attrs") or {}
        return "" if "url" in attrs or "data" in attrs else f"{kind} without url"
    return ""


def length(document: Mapping[str, Any]) -> int:
    """The characters that count against Jira's limit: those of the text."""
    if document.get("type") == "text":
        return len(document.get("text", ""))
    return sum(length(child) for child in document.get("content") or ())


def rewritten(node: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The document as Cloud gives it back: attributes added, keys in another order."""
    kind = node["type"]
    out: dict[str, Any] = {"type": kind}
    attrs = dict(node.get("attrs") or {})
    if kind in ("paragraph", "heading", "table", "codeBlock", "listItem", "blockquote", "rule"):
        attrs.setdefault("localId", hashlib.blake2b(path.encode(), digest_size=6).hexdigest())
    if kind == "orderedList":
        attrs.setdefault("order", 1)
    if kind == "table":
        attrs = {"isNumberColumnEnabled": False, "layout": "align-start", **attrs}
    if kind in ("tableCell", "tableHeader"):
        attrs = {"colspan": 1, "rowspan": 1, **attrs}
    if kind == "doc":
        out["version"] = 1
    if "content" in node:
        out["content"] = [
            rewritten(child, f"{path}/{place}") for place, child in enumerate(node["content"])
        ]
    if "text" in node:
        out["text"] = node["text"]
    if attrs and kind != "doc":
        out["attrs"] = {name: attrs[name] for name in sorted(attrs)}
    if node.get("marks"):
        out["marks"] = [
            {"type": mark["type"], **({"attrs": mark["attrs"]} if mark.get("attrs") else {})}
            for mark in node["marks"]
        ]
    return out


def plain(node: Mapping[str, Any]) -> str:
    """The document's text: blocks on lines of their own."""
    kind = node.get("type")
    if kind == "text":
        return str(node.get("text", ""))
    if kind == "hardBreak":
        return "\n"
    if kind in ("inlineCard", "blockCard"):
        return str((node.get("attrs") or {}).get("url", ""))
    if kind == "tableRow":
        return "| " + " | ".join(plain(cell).replace("\n", " ") for cell in node["content"]) + " |"
    inner = [plain(child) for child in node.get("content") or ()]
    if kind in ("paragraph", "heading", "codeBlock", "taskItem", "decisionItem"):
        return "".join(inner)
    if kind == "listItem":
        return "* " + "\n".join(inner)
    return "\n".join(inner)


def from_adf(document: Mapping[str, Any]) -> RichText:
    return RichText(rewritten(document), plain(document))


def from_wiki(text: str, *, server: bool) -> RichText:
    """Wiki text as it is kept. ``server``: Data Center's line ends, trailing white space gone."""
    if server:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip().split("\n")
        return RichText({}, "\r\n".join(line.rstrip() for line in lines))
    paragraphs = [part for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    content = []
    for part in paragraphs:
        inline: list[dict[str, Any]] = []
        for line in part.strip("\n").split("\n"):
            if inline:
                inline.append({"type": "hardBreak"})
            if line:
                inline.append({"type": "text", "text": line})
        content.append({"type": "paragraph", "content": inline})
    return RichText(rewritten({"type": "doc", "version": 1, "content": content}), text)
