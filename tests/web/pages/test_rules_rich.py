"""A previewed description looks as in Jira, and is only ever text."""

from __future__ import annotations

from typing import Any

from sync.adapters.jira.text import rich as jira_text
from sync.web.pages.rules.rich import html


def shown(markdown: str) -> str:
    document: Any = jira_text.to_jira(jira_text.document(markdown, True), True)
    return str(html(document))


def test_marks_lists_tables_and_code_are_shown() -> None:
    made = shown("**bold** and `code`\n\n- one\n- two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n")
    assert "<strong>bold</strong>" in made
    assert "<code>code</code>" in made
    assert "<ul><li><p>one</p></li><li><p>two</p></li></ul>" in made
    assert "<td><p>1</p></td>" in made


def test_markup_scripts_and_turning_characters_stay_text() -> None:
    made = shown("<script>alert(1)</script> <img src=x onerror=alert(1)> \u202eevil")
    assert "<script" not in made
    assert "<img" not in made
    assert "\u202e" not in made


def test_a_link_is_one_only_where_it_leads_to_the_web() -> None:
    text = {"type": "text", "text": "here"}

    def link(to: str) -> str:
        marked = {**text, "marks": [{"type": "link", "attrs": {"href": to}}]}
        return str(html({"type": "doc", "content": [{"type": "paragraph", "content": [marked]}]}))

    assert '<a href="https://wiki.example.com/a?b=1&amp;c=2"' in link(
        "https://wiki.example.com/a?b=1&c=2"
    )
    assert "<a" not in link("javascript:alert(1)")
    assert '"onclick' not in link('https://x.example.com/" onclick="alert(1)')


def test_what_is_not_known_shows_its_text() -> None:
    mention = {"type": "mention", "attrs": {"text": "@dana", "id": "1"}}
    document = {"type": "doc", "content": [{"type": "paragraph", "content": [mention]}]}
    assert "@dana" in str(html(document))
