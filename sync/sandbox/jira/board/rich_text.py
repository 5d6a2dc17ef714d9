"""Rich text as HTML for the board. Everything is escaped; only http(s) and mailto links are links."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

from sync.sandbox.jira.fields.wiki import wiki

_BLOCKS = {
    "paragraph": "p",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
    "blockquote": "blockquote",
    "tableRow": "tr",
    "tableCell": "td",
    "tableHeader": "th",
    "taskList": "ul",
    "taskItem": "li",
    "decisionList": "ul",
    "decisionItem": "li",
}
_MARKS = {
    "strong": "strong",
    "em": "em",
    "code": "code",
    "strike": "s",
    "underline": "u",
    "subsup": "sub",
}


def rich(raw: Any) -> Markup:
    """An Atlassian document, or wiki text, as HTML."""
    if not raw:
        return Markup("")
    return _node(raw) if isinstance(raw, Mapping) else wiki(str(raw))


def _link(href: str, inner: Markup) -> Markup:
    if not re.match(r"(https?://|mailto:)", href, re.IGNORECASE):
        return inner
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(href, inner)


def _node(one: Mapping[str, Any]) -> Markup:
    kind = str(one.get("type"))
    if kind == "text":
        return _text(one)
    inner = Markup("").join(_node(child) for child in one.get("content") or ())
    if kind in _SHAPES:
        return _SHAPES[kind](one.get("attrs") or {}, inner)
    tag = _BLOCKS.get(kind)
    return Markup("<{0}>{1}</{0}>").format(tag, inner) if tag else inner


def _heading(attrs: Mapping[str, Any], inner: Markup) -> Markup:
    level = min(6, max(1, int(attrs.get("level", 1))))
    return Markup("<h{0}>{1}</h{0}>").format(level, inner)


def _panel(attrs: Mapping[str, Any], inner: Markup) -> Markup:
    return Markup('<div class="panel {}">{}</div>').format(attrs.get("panelType", ""), inner)


def _expand(attrs: Mapping[str, Any], inner: Markup) -> Markup:
    title = attrs.get("title", "")
    return Markup("<details><summary>{}</summary>{}</details>").format(title, inner)


def _card(attrs: Mapping[str, Any], inner: Markup) -> Markup:
    url = str(attrs.get("url", ""))
    return _link(url, escape(url))


def _word(attrs: Mapping[str, Any], inner: Markup) -> Markup:
    return escape(attrs.get("text") or attrs.get("shortName") or "")


def _scrolled(rows: Markup) -> Markup:
    return Markup('<div class="scroll"><table>{}</table></div>').format(rows)


# The kinds of node that are more than one tag around their content.
_SHAPES: dict[str, Callable[[Mapping[str, Any], Markup], Markup]] = {
    "hardBreak": lambda attrs, inner: Markup("<br>"),
    "rule": lambda attrs, inner: Markup("<hr>"),
    "heading": _heading,
    "codeBlock": lambda attrs, inner: Markup("<pre><code>{}</code></pre>").format(inner),
    "panel": _panel,
    "table": lambda attrs, inner: _scrolled(inner),
    "expand": _expand,
    "nestedExpand": _expand,
    "inlineCard": _card,
    "blockCard": _card,
    "emoji": _word,
    "mention": _word,
    "status": _word,
}


def _text(one: Mapping[str, Any]) -> Markup:
    out = escape(one.get("text", ""))
    for mark in one.get("marks") or ():
        name = mark.get("type")
        if name == "link":
            out = _link(str((mark.get("attrs") or {}).get("href", "")), out)
        elif name in _MARKS:
            out = Markup("<{0}>{1}</{0}>").format(_MARKS[name], out)
    return out
