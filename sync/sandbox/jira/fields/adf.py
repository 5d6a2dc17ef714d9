"""Rich text: which Atlassian documents (ADF) Jira accepts, and how Jira measures and rewrites them.

The content rules follow Atlassian's published document structure, reduced to the nodes that a
converter from Markdown can make.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sync.sandbox.jira.site.model import RichText


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_INLINE = _set(
    "text hardBreak emoji mention inlineCard date status placeholder inlineExtension mediaInline"
)
_BLOCKS = _set(
    "paragraph heading bulletList orderedList codeBlock blockquote panel table expand taskList "
    "decisionList mediaSingle mediaGroup layoutSection bodiedExtension rule blockCard embedCard "
    "extension"
)
_LISTS = _set("bulletList orderedList")
_MEDIA = _set("mediaSingle mediaGroup")
_FILES = _set("media mediaInline")
_QUOTABLE = _set("paragraph codeBlock extension") | _LISTS | _MEDIA
_IN_PANEL = _set("heading rule taskList decisionList")
_CELL = (_BLOCKS | {"nestedExpand"}) - {"table", "expand", "layoutSection"}
# The kinds of node that a node of each kind may hold.
_CHILDREN: dict[str, frozenset[str]] = {
    "doc": _BLOCKS,
    "paragraph": _INLINE,
    "heading": _INLINE,
    "codeBlock": _set("text"),
    "bulletList": _set("listItem"),
    "orderedList": _set("listItem"),
    "listItem": _QUOTABLE | {"taskList"},
    "blockquote": _QUOTABLE,
    "panel": _QUOTABLE | _IN_PANEL | {"blockCard"},
    "table": _set("tableRow"),
    "tableRow": _set("tableCell tableHeader"),
    "tableCell": _CELL,
    "tableHeader": _CELL,
    "expand": (_BLOCKS | {"nestedExpand"}) - {"expand", "layoutSection"},
    "nestedExpand": _QUOTABLE | _IN_PANEL | {"blockquote", "panel"},
    "taskList": _set("taskItem taskList"),
    "taskItem": _INLINE,
    "decisionList": _set("decisionItem"),
    "decisionItem": _INLINE,
    "mediaSingle": _set("media caption"),
    "mediaGroup": _set("media"),
    "caption": _INLINE,
    "layoutSection": _set("layoutColumn"),
    "layoutColumn": _BLOCKS,
    "bodiedExtension": _BLOCKS,
}
_NEEDS_CHILDREN = (
    _set("listItem blockquote panel table tableRow tableCell tableHeader expand")
    | _set("taskList decisionList")
    | _LISTS
    | _MEDIA
)
_FIRST_IN_ITEM = _set("paragraph codeBlock mediaSingle taskList extension") | _LISTS
_MARKS = _set(
    "strong em code strike underline link subsup textColor backgroundColor annotation border "
    "alignment indentation breakout fragment dataConsumer fontSize"
)
_MARKS_BESIDE_CODE = _set("code link annotation")
_NEEDS_LOCAL_ID = _set("taskItem decisionItem taskList")
_GETS_LOCAL_ID = _set("paragraph heading table codeBlock listItem blockquote rule")


def fault(document: Any) -> str:
    """What is wrong with an Atlassian document, "" when Jira accepts the document."""
    if not isinstance(document, dict) or document.get("type") != "doc":
        return "not a doc"
    if document.get("version") != 1 or not isinstance(document.get("content"), list):
        return "a doc needs version 1 and content"
    try:
        return _fault_in(document, "doc")
    except RecursionError:
        return "nested too deeply"


def _fault_in(node: Mapping[str, Any], kind: str) -> str:
    if kind == "text":
        return _fault_in_text(node)
    attrs = node.get("attrs") or {}
    if kind in ("inlineCard", "blockCard"):
        return "" if "url" in attrs or "data" in attrs else f"{kind} without url"
    if kind not in _CHILDREN:
        return ""
    return _fault_in_attrs(attrs, kind) or _fault_in_content(node.get("content"), kind)


def _fault_in_content(content: Any, kind: str) -> str:
    if content is None and kind not in _NEEDS_CHILDREN:
        return ""
    if not isinstance(content, list):
        return f"{kind} needs content"
    if not content and kind in _NEEDS_CHILDREN:
        return f"{kind} is empty"
    for child in content:
        if wrong := _fault_in_child(child, kind):
            return wrong
    if kind == "listItem" and content[0]["type"] not in _FIRST_IN_ITEM:
        return "listItem starts wrongly"
    return ""


def _fault_in_attrs(attrs: Mapping[str, Any], kind: str) -> str:
    if kind == "heading":
        level = attrs.get("level")
        if not isinstance(level, int) or not 1 <= level <= 6:
            return "heading without level"
    if kind == "panel" and not attrs.get("panelType"):
        return "panel without panelType"
    if kind in _NEEDS_LOCAL_ID and not attrs.get("localId"):
        return f"{kind} without localId"
    return ""


def _fault_in_child(child: Any, kind: str) -> str:
    if not isinstance(child, dict):
        return f"{kind} holds something that is no node"
    name = child.get("type")
    if name not in _CHILDREN[kind]:
        return f"{kind} cannot hold {name}"
    if kind == "codeBlock" and child.get("marks"):
        return "codeBlock text has marks"
    return _fault_in(child, str(name))


def _fault_in_text(node: Mapping[str, Any]) -> str:
    text = node.get("text")
    if not isinstance(text, str) or not text:
        return "text node is empty"
    return _fault_in_marks(node.get("marks") or [])


def _fault_in_marks(marks: list[Any]) -> str:
    names = [mark.get("type") if isinstance(mark, dict) else None for mark in marks]
    if not set(names) <= _MARKS:
        return f"unknown mark among {names}"
    if len(set(names)) != len(names):
        return "a mark twice"
    if "code" in names and not set(names) <= _MARKS_BESIDE_CODE:
        return "code cannot be combined with other marks"
    links = [mark.get("attrs") or {} for mark in marks if mark["type"] == "link"]
    if not all(isinstance(link.get("href"), str) for link in links):
        return "link without href"
    return ""


def length(document: Mapping[str, Any]) -> int:
    """The number of characters that count against Jira's limit: those in text nodes."""
    if document.get("type") == "text":
        return len(document.get("text", ""))
    return sum(length(child) for child in document.get("content") or ())


def rewritten(node: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The document as Cloud gives it back: with added attributes, and keys in another order.

    ``path`` is the node's position in the document, from which its local id is made.
    """
    kind = node["type"]
    out: dict[str, Any] = {"type": kind}
    if kind == "doc":
        out["version"] = 1
    if "content" in node:
        out["content"] = [
            rewritten(child, f"{path}/{place}") for place, child in enumerate(node["content"])
        ]
    if "text" in node:
        out["text"] = node["text"]
    attrs = {**_default_attrs(kind, path), **(node.get("attrs") or {})}
    if attrs and kind != "doc":
        out["attrs"] = {name: attrs[name] for name in sorted(attrs)}
    if node.get("marks"):
        out["marks"] = [
            {"type": mark["type"], **({"attrs": mark["attrs"]} if mark.get("attrs") else {})}
            for mark in node["marks"]
        ]
    return out


def _default_attrs(kind: str, path: str) -> dict[str, Any]:
    attrs: dict[str, Any] = {}
    if kind in _GETS_LOCAL_ID:
        attrs["localId"] = hashlib.blake2b(path.encode(), digest_size=6).hexdigest()
    if kind == "orderedList":
        attrs["order"] = 1
    if kind == "table":
        attrs |= {"isNumberColumnEnabled": False, "layout": "align-start"}
    if kind in ("tableCell", "tableHeader"):
        attrs |= {"colspan": 1, "rowspan": 1}
    return attrs


def media(node: Mapping[str, Any]) -> set[str]:
    """The ids of the pictures and files in a document."""
    own = (node.get("attrs") or {}).get("id") if node.get("type") in _FILES else None
    return {
        *([str(own)] if own else []),
        *(i for one in node.get("content") or () for i in media(one)),
    }


def plain(node: Mapping[str, Any]) -> str:
    """The text of a node, with each block on its own line."""
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
    """A document as Cloud keeps it."""
    return RichText(rewritten(document), plain(document))


def from_wiki(text: str, *, server: bool) -> RichText:
    """Wiki text as Jira keeps it: Data Center (``server``) as text, Cloud as a document.

    Data Center ends lines with CRLF and drops white space at the end of lines.
    """
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
