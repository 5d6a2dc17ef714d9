"""Atlassian documents: what Cloud takes, what it refuses, how it gives them back."""

from __future__ import annotations

from typing import Any

import pytest
from md_adf import markdown_to_adf, validate_adf

from sync.sandbox.jira.board.rich_text import rich
from sync.sandbox.jira.fields import adf

MARKDOWN = """# Title

Some **bold**, _soft_, `code` and [a link](https://example.com).

- one
- two
  1. nested

> quoted

```sql
select 1
```

| Entity | Type |
| --- | --- |
| orders | table |

---
"""


def text(words: str = "x", *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"marks": list(marks)} if marks else {})}


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content), **({"attrs": attrs} if attrs else {})}


def doc(*content: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def test_the_output_of_a_good_converter_is_taken_and_stays_valid_when_rewritten() -> None:
    document = markdown_to_adf(MARKDOWN)
    if not isinstance(document, dict):
        document = document.value
    assert adf.fault(document) == ""
    validate_adf(document)
    again = adf.rewritten(document)
    assert adf.fault(again) == ""
    assert again != document
    assert adf.rewritten(again) == again
    assert adf.plain(again) == adf.plain(document)


@pytest.mark.parametrize(
    "document, words",
    [
        ("text", "not a doc"),
        ({"type": "doc", "content": []}, "version"),
        (doc(text()), "doc cannot hold text"),
        (doc(node("paragraph", text(""))), "text node is empty"),
        (doc(node("paragraph", node("paragraph", text()))), "paragraph cannot hold paragraph"),
        (doc(node("banner", text())), "doc cannot hold banner"),
        (doc(node("heading", text())), "heading without level"),
        (doc(node("heading", text(), level=7)), "heading without level"),
        (doc(node("bulletList")), "bulletList is empty"),
        (doc(node("bulletList", node("paragraph", text()))), "bulletList cannot hold paragraph"),
        (doc(node("bulletList", node("listItem", node("table")))), "listItem"),
        (
            doc(node("blockquote", node("heading", text(), level=1))),
            "blockquote cannot hold heading",
        ),
        (doc(node("codeBlock", text("x", {"type": "strong"}))), "codeBlock text has marks"),
        (doc(node("paragraph", text("x", {"type": "glow"}))), "unknown mark"),
        (doc(node("paragraph", text("x", {"type": "link"}))), "link without href"),
        (doc(node("paragraph", text("x", {"type": "code"}, {"type": "strong"}))), "code cannot"),
        (
            doc(node("table", node("tableCell", node("paragraph", text())))),
            "table cannot hold tableCell",
        ),
        (doc(node("panel", node("paragraph", text()))), "panel without panelType"),
    ],
)
def test_a_malformed_document_is_refused(document: Any, words: str) -> None:
    assert words in adf.fault(document)


def test_only_text_counts_for_the_length() -> None:
    document = doc(node("paragraph", text("x" * 10)), node("heading", text("y" * 5), level=1))
    assert adf.length(document) == 15


def test_the_board_renders_documents_and_wiki_text() -> None:
    page = str(rich(doc(node("paragraph", text("bold", {"type": "strong"}), text(" <i>")))))
    assert page == "<p><strong>bold</strong> &lt;i&gt;</p>"
    wiki = "h3. Late\r\n||Entity||Type||\r\n|orders|[x|https://example.com]|\r\n* one\r\n\r\n<b>"
    page = str(rich(wiki))
    assert "<h3>Late</h3>" in page
    assert '<a href="https://example.com" rel="noopener noreferrer">x</a>' in page
    assert "<li>one</li>" in page
    assert "&lt;b&gt;" in page
    assert "<a" not in str(rich("[x|javascript:alert]"))
