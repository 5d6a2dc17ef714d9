"""Rich text: valid on the wire whatever came in, never interpreted, the same when it comes back."""

from __future__ import annotations

import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from md_adf import validate_adf

from sync.adapters.jira.text import markdown
from sync.adapters.jira.text import rich as text
from sync.adapters.jira.text.rich import adf, wiki
from sync.domain.text import ticket_line, units
from sync.domain.ticket import Document

HOSTILE = [
    "{code}x{code} {html}<b>{html} {include:other}",
    "[~admin] [~accountid:5b1] @[admin] [x|~admin]",
    "!https://example.com/x.png! ^file^ {{mono}} {color:red}x{color}",
    "[click](javascript:alert(1)) <javascript:alert(1)> [d](data:text/html;base64,xx)",
    "![i](javascript:alert(1)) [r](//example.com) [m](mention:5b1)",
    "`{html}` and `[~admin]`\n\n    {code}\n    [~x]\n\n```\n{noformat}\n{code}\n```",
    "| {code} | [~x] | !a! |\n|---|---|---|\n| a \\| b | `{x}` | [t](~admin) |",
    "<script>alert(1)</script>\n\n<div>[~admin]</div>",
    "# {anchor:x}\n\n> [~admin]\n\n- {quote}\n- !x!",
    "bq. text\n\nh1. text\n\n---\n\n```\n```",
    "a\x00b\x1f\ud800c\ufffe",
]
# What opens a macro, a mention or an image in wiki text, unless a backslash stands before it.
LIVE = re.compile(r"(?<![\\{])\{(?!\{)[a-zA-Z]|(?<!\\)\[~|(?<!\\)\|~|(?<![\\\w])!(?=\w[^\s!]*!)")
OURS = re.compile(r"\{code(:[a-z#+]+)?\}|\{noformat\}|\{quote\}|\{\{|\}\}")

markdownish = st.text(
    alphabet=st.sampled_from(list("ab \n\t#*_`~-+|>[](){}<>!\\:@&;.0127\"'^?=/é😀\x00\ud800")),
    max_size=120,
)


def nodes(node: Any) -> list[dict[str, Any]]:
    found = [node]
    for child in node.get("content", []):
        found += nodes(child)
    return found


def _check_adf(markdown: str) -> None:
    made = text.document(markdown, True)
    wire = adf.to_jira(made)
    assert validate_adf(wire).valid, wire
    for node in nodes(wire):
        assert node["type"] not in ("mention", "media", "inlineCard", "extension")
        for mark in node.get("marks", []):
            if mark["type"] == "link":
                assert re.match(r"(?i)https?://|mailto:", mark["attrs"]["href"])
    assert adf.from_jira(wire).identities == made.identities


def _check_wiki(markdown: str) -> None:
    made = text.document(markdown, False)
    wire = wiki.to_jira(made)
    outside = re.sub(r"(?s)\{(code|noformat)[^}\n]*\}\n.*?\n?\{\1\}", "", wire)
    live = [m.group() for m in LIVE.finditer(OURS.sub(" ", outside))]
    assert not live, (live, wire)
    for target in re.findall(r"(?<!\\)\[[^\]\n]*?\|([^\]\n]*)\]", outside):
        assert re.match(r"(?i)https?://|mailto:", target), wire
    assert wiki.from_jira(wire.replace("\n", "\r\n")).identities == made.identities


@pytest.mark.parametrize("markdown", HOSTILE)
def test_what_upstream_wrote_is_shown_and_never_interpreted(markdown: str) -> None:
    _check_adf(markdown)
    _check_wiki(markdown)


def test_the_check_for_live_markup_would_find_it() -> None:
    for raw in ("{html}", "[~admin]", "[x|~admin]", "!a.png!", "say !a.png! now"):
        assert LIVE.search(raw), raw


@given(markdownish)
@settings(max_examples=150, deadline=None)
def test_any_text_is_valid_adf_without_mentions_or_unsafe_links(markdown: str) -> None:
    _check_adf(markdown)


@given(markdownish)
@settings(max_examples=300, deadline=None)
def test_any_text_is_wiki_markup_that_comes_back_the_same(markdown: str) -> None:
    _check_wiki(markdown)


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_no_text_at_all_makes_a_conversion_fail(anything: str) -> None:
    for cloud in (True, False):
        text.to_jira(text.document(anything, cloud), cloud)
        text.from_jira(anything, cloud)
    assert units(ticket_line(anything, 255)) <= 255


@pytest.mark.parametrize("cloud", [True, False])
@pytest.mark.parametrize("nasty", ["> " * 8000, "[" * 20000, "- " * 9000, "*a" * 9000, "<" * 20000])
def test_deep_and_long_nesting_ends_as_plain_text(cloud: bool, nasty: str) -> None:
    assert text.document(nasty, cloud).blocks


def test_structure_survives_on_both_sides() -> None:
    source = (
        "# Head\n\n**b** [t](https://example.com/t_1)\n\n1. x\n2. y\n\n"
        "| a | b |\n|---|---|\n| [c](https://e.example.com) | d |"
    )
    kinds = [block.raw["type"] for block in text.document(source, True).blocks]
    assert kinds == ["heading", "paragraph", "orderedList", "table"]
    assert wiki.to_jira(text.document(source, False)) == (
        "h1. Head\n\n*b* [t|https://example.com/t_1]\n\n# x\n# y\n\n||a||b||\n|[c|https://e.example.com]|d|"
    )


@pytest.mark.parametrize("cloud", [True, False])
def test_a_long_text_is_cut_with_a_visible_note_and_the_way_to_the_rest(cloud: bool) -> None:
    made = text.document("word_word " * 9000, cloud, "https://app.example.com/issues/1")
    wire = text.to_jira(made, cloud)
    size = units(wire) if isinstance(wire, str) else sum(units(b.identity) for b in made.blocks)
    assert 15_000 < size < 32_000
    assert "cut: the whole text is at" in made.blocks[-1].identity
    assert "https://app.example.com/issues/1" in made.blocks[-1].identity


def test_wiki_text_a_person_wrote_goes_back_byte_for_byte() -> None:
    theirs = (
        "\r\nh2. Mine\r\nline\r\n\r\n\r\n{code:sql}\r\nselect 1\r\n\r\nfrom x\r\n{code}"
        "\r\n\r\n||a||\r\n|b|\r\n"
    )
    document = wiki.from_jira(theirs)
    assert len(document.blocks) == 3
    assert wiki.to_jira(document) == theirs


def test_our_blocks_are_set_apart_from_what_stands_before_them() -> None:
    theirs, ours = wiki.from_jira("theirs"), text.document("ours\n\nmore", False)
    assert wiki.to_jira(Document(theirs.blocks + ours.blocks)) == "theirs\n\nours\n\nmore"


def test_adf_nodes_a_person_made_go_back_untouched() -> None:
    theirs = {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "panel", "attrs": {"panelType": "info", "localId": "x"}, "content": []},
            {
                "type": "paragraph",
                "content": [{"type": "mention", "attrs": {"id": "1", "text": "@A"}}],
            },
        ],
    }
    document = adf.from_jira(theirs)
    assert adf.to_jira(document) == theirs
    assert document.identities == ("", "@A")


def test_what_jira_adds_to_a_table_does_not_change_its_identity() -> None:
    made = text.document("| a | b |\n|---|---|\n| [c](https://e.example.com/) | d |", True)
    (table,) = adf.to_jira(made)["content"]
    rewritten = {**table, "attrs": {"layout": "default", "localId": "7"}}
    rewritten["content"] = [
        {**row, "content": [{**c, "attrs": {"colspan": 1, "rowspan": 1}} for c in row["content"]]}
        for row in table["content"]
    ]
    assert adf.from_jira({"type": "doc", "content": [rewritten]}).identities == made.identities


def test_a_changed_address_behind_the_same_words_is_a_change() -> None:
    for cloud in (True, False):
        one = text.document("[run](https://example.com/1)", cloud)
        two = text.document("[run](https://example.com/2)", cloud)
        assert one.identities != two.identities


def test_threads_that_convert_at_once_do_not_disturb_each_other() -> None:
    texts = [f"<b>{n}</b> `c{n}` [t{n}](https://example.com/{n})\n\n- {n}" for n in range(40)]
    alone = {(t, c): text.convert(t, c) for t in texts for c in (True, False)}
    wrong: list[str] = []

    def work() -> None:
        for (source, cloud), made in alone.items():
            if text.convert(source, cloud) != made:
                wrong.append(source)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_converted_texts_are_remembered_by_their_size_and_the_newest_longest() -> None:
    sources = [f"{n} " + "row *by* row, " * 215 for n in range(200)]
    made = [text.document(source, True) for source in sources]
    again = [text.document(source, True) for source in reversed(sources)]
    kept = sum(one is other for one, other in zip(made, reversed(again), strict=True))
    assert kept > 20
    assert kept * 3_000 <= 150_000


def test_threads_that_convert_their_first_texts_at_once_all_get_whole_documents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A daemon that has just started walks many tickets at once."""
    interval, wanted = sys.getswitchinterval(), markdown.from_markdown("**one** two\n\n- three")
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            monkeypatch.setattr(markdown, "_PARSER", markdown._parser())
            start = threading.Barrier(6)

            def convert(_: int, start: threading.Barrier = start) -> list[Any]:
                start.wait()
                return markdown.from_markdown("**one** two\n\n- three")

            with ThreadPoolExecutor(6) as threads:
                assert list(threads.map(convert, range(6))) == [wanted] * 6
    finally:
        sys.setswitchinterval(interval)
