"""A description as Jira would show it: the document that Jira Cloud gets, as HTML.

The document is made of people's text. Each text is escaped, and a link is a link only where its address
is one of the web's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from sync.web.pages.rendering import visible

Node = Mapping[str, Any]

_PLAIN = {
    "paragraph": Markup("<p>{}</p>"),
    "bulletList": Markup("<ul>{}</ul>"),
    "orderedList": Markup("<ol>{}</ol>"),
    "listItem": Markup("<li>{}</li>"),
    "blockquote": Markup("<blockquote>{}</blockquote>"),
    "panel": Markup("<blockquote>{}</blockquote>"),
    "codeBlock": Markup("<pre class=pre>{}</pre>"),
    "table": Markup("<div class=scroll><table>{}</table></div>"),
    "tableRow": Markup("<tr>{}</tr>"),
    "tableHeader": Markup("<th>{}</th>"),
    "tableCell": Markup("<td>{}</td>"),
}
_MARKS = {
    "strong": Markup("<strong>{}</strong>"),
    "em": Markup("<em>{}</em>"),
    "code": Markup("<code>{}</code>"),
    "strike": Markup("<s>{}</s>"),
    "underline": Markup("<u>{}</u>"),
}


def html(document: Node) -> Markup:
    """A document as HTML."""
    return Markup('<div class="rich">{}</div>').format(_all(document.get("content", ())))


def _all(nodes: Iterable[Node]) -> Markup:
    return Markup("").join(_node(one) for one in nodes)


def _node(node: Node) -> Markup:
    kind = node.get("type", "")
    attributes = node.get("attrs") or {}
    if kind == "text":
        return _text(node)
    if kind == "hardBreak":
        return Markup("<br>")
    if kind == "rule":
        return Markup("<hr>")
    if kind == "heading":
        return Markup('<p class="heading">{}</p>').format(_all(node.get("content", ())))
    if kind in _PLAIN:
        return _PLAIN[kind].format(_all(node.get("content", ())))
    if "content" in node:
        return _all(node["content"])
    return Markup("{}").format(visible(attributes.get("text") or attributes.get("url") or ""))


def _text(node: Node) -> Markup:
    made = Markup("{}").format(visible(node.get("text", "")))
    for mark in node.get("marks", ()):
        kind = mark.get("type", "")
        if kind in _MARKS:
            made = _MARKS[kind].format(made)
        elif kind == "link":
            made = _link(str((mark.get("attrs") or {}).get("href", "")), made)
    return made


def _link(to: str, words: Markup) -> Markup:
    if not to.startswith(("https://", "http://")):
        return words
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(to, words)
