"""Rich text as HTML for the board. Everything is escaped; only http(s) and mailto links are links."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

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
    return node(raw) if isinstance(raw, Mapping) else wiki(str(raw))


def _link(href: str, inner: Markup) -> Markup:
    if not re.match(r"(https?://|mailto:)", href, re.IGNORECASE):
        return inner
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(href, inner)


def node(one: Mapping[str, Any]) -> Markup:
    kind = one.get("type")
    if kind == "text":
        return _text(one)
    attrs = one.get("attrs") or {}
    inner = Markup("").join(node(child) for child in one.get("content") or ())
    match kind:
        case "doc":
            return inner
        case "hardBreak":
            return Markup("<br>")
        case "rule":
            return Markup("<hr>")
        case "heading":
            level = min(6, max(1, int(attrs.get("level", 1))))
            return Markup("<h{0}>{1}</h{0}>").format(level, inner)
        case "codeBlock":
            return Markup("<pre><code>{}</code></pre>").format(inner)
        case "panel":
            return Markup('<div class="panel {}">{}</div>').format(
                attrs.get("panelType", ""), inner
            )
        case "table":
            return Markup('<div class="scroll"><table>{}</table></div>').format(inner)
        case "expand" | "nestedExpand":
            return Markup("<details><summary>{}</summary>{}</details>").format(
                attrs.get("title", ""), inner
            )
        case "inlineCard" | "blockCard":
            url = str(attrs.get("url", ""))
            return _link(url, escape(url))
        case "emoji" | "mention" | "status":
            return escape(attrs.get("text") or attrs.get("shortName") or "")
    tag = _BLOCKS.get(str(kind))
    return Markup("<{0}>{1}</{0}>").format(tag, inner) if tag else inner


def _text(one: Mapping[str, Any]) -> Markup:
    out = escape(one.get("text", ""))
    for mark in one.get("marks") or ():
        name = mark.get("type")
        if name == "link":
            out = _link(str((mark.get("attrs") or {}).get("href", "")), out)
        elif name in _MARKS:
            out = Markup("<{0}>{1}</{0}>").format(_MARKS[name], out)
    return out


_WIKI_INLINE: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Markup]], ...] = (
    (re.compile(r"\[([^|\]\n]+)\|([^\]\s]+)\]"), lambda m: _link(m[2], escape(m[1]))),
    (re.compile(r"\[(https?://[^\]\s]+)\]"), lambda m: _link(m[1], escape(m[1]))),
    (re.compile(r"\{\{(.+?)\}\}"), lambda m: Markup("<code>{}</code>").format(m[1])),
    (
        re.compile(r"(?<!\w)\*(\S(?:[^*\n]*\S)?)\*(?!\w)"),
        lambda m: Markup("<strong>{}</strong>").format(m[1]),
    ),
    (
        re.compile(r"(?<!\w)_(\S(?:[^_\n]*\S)?)_(?!\w)"),
        lambda m: Markup("<em>{}</em>").format(m[1]),
    ),
)


def _inline(text: str) -> Markup:
    for pattern, made in _WIKI_INLINE:
        found = pattern.search(text)
        if found:
            return _inline(text[: found.start()]) + made(found) + _inline(text[found.end() :])
    return escape(re.sub(r"\\([*_{}\[\]|\-+#!])", r"\1", text))


def wiki(text: str) -> Markup:
    """The commonest wiki markup: headings, lists, tables, code, links, emphasis."""
    out: list[Markup] = []
    lines = text.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        at += 1
        heading = re.match(r"h([1-6])\.\s+(.*)", line)
        if heading:
            out.append(Markup("<h{0}>{1}</h{0}>").format(heading[1], _inline(heading[2])))
        elif re.match(r"\{(code|noformat)", line):
            code = []
            while at < len(lines) and not re.match(r"\{(code|noformat)\}", lines[at].strip()):
                code.append(lines[at])
                at += 1
            at += 1
            out.append(Markup("<pre><code>{}</code></pre>").format("\n".join(code)))
        elif line == "----":
            out.append(Markup("<hr>"))
        elif line.startswith("|"):
            rows = [line]
            while at < len(lines) and lines[at].strip().startswith("|"):
                rows.append(lines[at].strip())
                at += 1
            out.append(_table(rows))
        elif re.match(r"[*#-]+\s", line):
            items = [line]
            while at < len(lines) and re.match(r"[*#-]+\s", lines[at].strip()):
                items.append(lines[at].strip())
                at += 1
            inner = Markup("").join(
                Markup("<li>{}</li>").format(_inline(item.split(None, 1)[1])) for item in items
            )
            out.append(Markup("<ul>{}</ul>").format(inner))
        elif line:
            out.append(Markup("<p>{}</p>").format(_inline(line)))
    return Markup("").join(out)


def _table(rows: list[str]) -> Markup:
    made = []
    for row in rows:
        tag = "th" if row.startswith("||") else "td"
        # A bar inside a link's brackets does not part cells.
        cells = re.split(r"\|+(?![^\[\]]*\])", row.strip("|"))
        made.append(
            Markup("<tr>{}</tr>").format(
                Markup("").join(
                    Markup("<{0}>{1}</{0}>").format(tag, _inline(c.strip())) for c in cells
                )
            )
        )
    return Markup('<div class="scroll"><table>{}</table></div>').format(Markup("").join(made))
