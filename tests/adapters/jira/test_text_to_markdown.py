"""What people write in Jira, as Markdown: readable, the same words, and nothing that acts by itself."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from sync.adapters.jira.text import rich
from tests.adapters.jira import reading
from tests.adapters.jira.test_text_growth import PATTERNS, calls_of

# What upstream might read Markdown with, at its most trusting.
_TRUSTING = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_CALLS_SOMEBODY = re.compile(r"(?<![\w.+\-/])@\w|<[!@]\w")
AT = "@\u200b"


def doc(*content: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind, "content": list(content)}
    return {**made, "attrs": attrs} if attrs else made


def text(words: str, *marks: str, href: str = "") -> dict[str, Any]:
    made: list[dict[str, Any]] = [{"type": mark} for mark in marks]
    made += [{"type": "link", "attrs": {"href": href}}] if href else []
    return {"type": "text", "text": words, "marks": made}


def para(*content: Any) -> dict[str, Any]:
    return node("paragraph", *content)


DOCUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "a mention is a name that calls nobody": (
        para(text("ask "), node("mention", id="5b1", text="@Mia Krystof"), text(" or @here")),
        f"ask {AT}Mia Krystof or {AT}here",
    ),
    "a mention without a name": (para(node("mention", id="5b1")), f"{AT}somebody"),
    "a picture": (
        node("mediaSingle", node("media", type="file", id="1", alt="x.png")),
        "[image: x.png]",
    ),
    "a picture without a name": (node("mediaSingle", node("media", id="1")), "[image]"),
    "a picture from elsewhere, with words below": (
        node(
            "mediaSingle",
            node("media", type="external", url="https://i.example/a(b).png", alt="[x] *y*.png"),
            node("caption", text("As of today")),
        ),
        "[image: (x) \\*y\\*.png](https://i.example/a%28b%29.png)  \nAs of today",
    ),
    "files": (
        node("mediaGroup", node("media", id="1", alt="a.csv"), node("media", id="2", alt="b.png")),
        "[file: a.csv]  \n[image: b.png]",
    ),
    "a file within a line does not become a link": (
        para(node("mediaInline", id="1", alt="a.csv"), text("(https://evil.example)")),
        "[file: a.csv]\\(<https://evil.example>)",
    ),
    "a table": (
        node(
            "table",
            node("tableRow", node("tableHeader", para(text("a|b"))), node("tableHeader", para())),
            node(
                "tableRow",
                node("tableCell", node("codeBlock", text("x | y\nz"))),
                node(
                    "tableCell",
                    node("bulletList", node("listItem", para(text("one", "strong")))),
                    para(text("two"), {"type": "hardBreak"}, text("three")),
                ),
            ),
        ),
        "| a\\|b |  |\n| --- | --- |\n| `x \\| y z` | **one** two three |",
    ),
    "a table without a head, with a wide cell": (
        node("table", node("tableRow", node("tableCell", para(text("a")), colspan=2))),
        "|  |  |\n| --- | --- |\n| a |  |",
    ),
    "code": (
        node("codeBlock", text("if a < b:\n  print('```')  # *no*"), language="python"),
        "````python\nif a < b:\n  print('```')  # *no*\n````",
    ),
    "code without a known language": (
        node("codeBlock", text("x"), language="no language`"),
        "```\nx\n```",
    ),
    "a panel": (
        node("panel", para(text("Take care.")), panelType="warning"),
        "> **Warning**\n>\n> Take care.",
    ),
    "an expand": (node("expand", para(text("Within.")), title="More"), "**More**\n\nWithin."),
    "a quote in which a list stands": (
        node(
            "blockquote", para(text("a")), node("orderedList", node("listItem", para(text("b"))))
        ),
        "> a\n>\n> 1. b",
    ),
    "lists in lists": (
        node(
            "orderedList",
            node(
                "listItem",
                para(text("a")),
                node("bulletList", node("listItem", para(text("b")), para(text("c")))),
            ),
            node("listItem", node("codeBlock", text("d"))),
            order=3,
        ),
        "3. a\n   - b\n\n     c\n4. ```\n   d\n   ```",
    ),
    "two lists in a row stay two": (
        doc(
            node("bulletList", node("listItem", para(text("a")))),
            node("bulletList", node("listItem", para(text("b")))),
        ),
        "- a\n\n* b",
    ),
    "tasks and decisions": (
        doc(
            node(
                "taskList",
                node("taskItem", text("done"), state="DONE"),
                node("taskList", node("taskItem", text("to do"), state="TODO")),
            ),
            node("decisionList", node("decisionItem", text("yes"), state="DECIDED")),
        ),
        "- [x] done\n  - [ ] to do\n\n- yes",
    ),
    "links": (
        para(
            text("the docs", "strong", href="https://d.example/a_(b)"),
            text(" "),
            text("https://d.example/x_y", href="https://d.example/x_y"),
            text(" bad", href="javascript:alert(1)"),
            text(" "),
            node("inlineCard", url="https://c.example/?a=1&b;c"),
        ),
        "[**the docs**](https://d.example/a_%28b%29) <https://d.example/x_y> bad "
        "<https://c.example/?a=1&b;c>",
    ),
    "a card of its own": (node("blockCard", url="https://c.example/"), "<https://c.example/>"),
    "emoji, dates and lozenges": (
        para(
            node("emoji", shortName=":smile:", text="😄"),
            text(" "),
            node("emoji", shortName=":our_own:"),
            text(" "),
            node("date", timestamp="1700000000000"),
            text(" "),
            node("date", timestamp="soon"),
            text(" "),
            node("status", text="In progress", color="blue"),
        ),
        "😄 :our_own: 2023-11-14 soon [In progress]",
    ),
    "marks beside words": (
        para(text("a"), text("b", "strong"), text("c "), text(" d ", "em"), text("(e)", "strike")),
        "a**b**c  *d* ~~(e)~~",
    ),
    "marks that Markdown cannot show": (
        para(text("a"), text("(b)", "strong"), text("c", "underline", "textColor")),
        "a(b)c",
    ),
    "code within a line": (
        para(text("a`b", "code"), text(" "), text("snake_case", "code", "strong")),
        "``a`b`` **`snake_case`**",
    ),
    "headings": (node("heading", text("a # b #"), level=2), "## a # b \\#"),
    "text that looks like markup": (
        doc(
            para(text("# no *x* _y_ a_b 2 * 3 [z](https://z.example) <b>&lt; C:\\dir \\*")),
            para(text("- no\n1. no\n---\n> no\n```\n+ no\n=== \n| a |\n|---|")),
        ),
        "\\# no \\*x\\* \\_y\\_ a_b 2 * 3 \\[z\\](<https://z.example>) &lt;b>&amp;lt; C:\\dir \\\\\\*"
        "\n\n\\- no  \n1\\. no  \n\\---  \n\\> no  \n\\`\\`\\`  \n\\+ no  \n\\===  \n| a |  \n\\|---|",
    ),
    "nodes that nobody knows": (
        doc(
            node("layoutSection", node("layoutColumn", para(text("in a column")), width=50)),
            node("somethingNew", para(text("in something new"))),
            node("extension", extensionKey="toc", text="what a macro shows"),
            para(node("inlineThing", text("in a line"))),
        ),
        "in a column\n\nin something new\n\nwhat a macro shows\n\nin a line",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_of_cloud_is_readable_markdown(name: str) -> None:
    given, expected = DOCUMENTS[name]
    assert rich.to_markdown(given if given["type"] == "doc" else doc(given), True) == expected


MARKUP = {
    "ask [~jdoe] or [~accountid:5b1], not @here": f"ask {AT}jdoe or {AT}5b1, not {AT}here",
    "!shot one.png|thumbnail! [^report.pdf] !no! wow!": (
        "[image: shot one.png] [file: report.pdf] !no! wow!"
    ),
    "!https://i.example/a.png!": "[image: a.png](https://i.example/a.png)",
    "*bold* _em_ -gone- +new+ ^up^ ~down~ ??cited?? {{mo_no}}": (
        "**bold** *em* ~~gone~~ new up down *cited* `mo_no`"
    ),
    "in{*}side{*} a_b_c 2*3*4 -1 a -- b": "in**side** a_b_c 2\\*3\\*4 -1 a -- b",
    "*open _both* crossed_": "**open *both*** *crossed*",
    "\\*a\\* &#42;b&#42; &lt;c &amp;": "\\*a\\* \\*b\\* &lt;c &amp;",
    "[docs|https://d.example/a_b|tip] [https://d.example] https://d.example/x).": (
        "[docs](https://d.example/a_b) <https://d.example> <https://d.example/x>)."
    ),
    "[x|javascript:alert(1)] [#here] [KEY-1] [a *b*]": "x here \\[KEY-1\\] \\[a **b**\\]",
    "h2. Title *x*\nline\\\\ two\nthree": "## Title **x**\n\nline  \ntwo  \nthree",
    "* a\n** b\n*# c\nmore\n- d": "- a\n  - b\n  1. c  \n     more\n\n* d",
    "||h||h [x|y]||\n|a \\| b|{{c|d}}|\n|{code}e\nf{code}|g!|h!|": (
        "| h | h x |  |\n| --- | --- | --- |\n| a \\| b | `c\\|d` |  |\n| `e f` | g! | h! |"
    ),
    "{code:sql|title=x}\nselect *a*\n{code}\n{noformat}{code}{noformat}": (
        "```sql\nselect *a*\n```\n\n```\n{code}\n```"
    ),
    "a {code}b{code} c": "a `b` c",
    "{quote}\na\n{panel:title=T}\nb\n{panel}\n{quote}\nbq. c": "> a\n>\n> > **T**\n> >\n> > b\n\n> c",
    "{color:red}red{color} {html}<b>{html} ----\n----": "red {html}&lt;b>{html} ----\n\n***",
    "{code}never closed <!here> <!-- x -->": "```\nnever closed <\u200b!here> <!-- x -->\n```",
    "": "",
}


@pytest.mark.parametrize("markup", MARKUP)
def test_wiki_markup_of_data_center_is_readable_markdown(markup: str) -> None:
    assert rich.to_markdown(markup.replace("\n", "\r\n"), False) == MARKUP[markup]


@pytest.mark.parametrize("cloud", [True, False])
def test_our_own_markdown_comes_back_with_its_words_links_and_tables(cloud: bool) -> None:
    for seed in range(120):
        source = reading.document(seed)
        back = rich.to_markdown(rich.to_jira(rich.convert(source, cloud), cloud), cloud)
        was, now = reading.of_markdown(source), reading.of_markdown(back)
        shown = [(one.words, one.links, one.cells, one.items) for one in (was, now)]
        assert shown[0] == shown[1], (seed, source, back)


def _tokens(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *_tokens(token.children or []))]


def check_harmless(markdown: str) -> None:
    """No HTML, no link but to web addresses, no mention, no picture that a reader would load."""
    for token in _tokens(_TRUSTING.parse(markdown)):
        assert not token.type.startswith("html"), markdown
        assert token.type != "image", markdown
        href = str(token.attrs.get("href", "https://"))
        assert re.match(r"(?i)https?://|mailto:", href), markdown
        if token.type == "text":
            assert not re.search(r"(?<![\w.+\-/:])@\w", token.content), markdown
    raw = re.sub(r"<https?://[^<>\s]*>|\]\([^()\s]*\)", "", markdown)
    # Nothing in code acts.
    for token in _tokens(_TRUSTING.parse(markdown)):
        if token.type in ("fence", "code_block", "code_inline"):
            raw = raw.replace(token.content.rstrip("\n"), "")
    assert not re.search(r"(?i)<!(here|channel|everyone|subteam)|<@[UW]|<script", raw), markdown


def _schema() -> Any:
    found = resources.files("md_adf") / "schemas" / "adf-schema.json"
    return json.loads(found.read_text("utf-8"))


def _kinds(schema: Any) -> set[str]:
    """The names of all nodes and marks in the schema of Atlassian documents."""
    if isinstance(schema, list):
        return {kind for one in schema for kind in _kinds(one)}
    if not isinstance(schema, dict):
        return set()
    named = schema.get("properties", {}).get("type", {}).get("enum", [])
    return {*named} | {kind for one in schema.values() for kind in _kinds(one)}


KINDS = sorted({*_kinds(_schema()), "unknown", ""})
_words = st.sampled_from(
    [
        *(
            "word",
            " ",
            "",
            "@here",
            "<!here>",
            "<script>alert(1)</script>",
            "a\nb",
            "[x](y)",
            "![x](",
        ),
        *(
            "*",
            "_",
            "`",
            "**a",
            "#",
            "- a",
            "1. a",
            "| a |\n|---|",
            "https://x.example/a_b",
            "|",
            "\\",
        ),
        *(
            "@",
            "<",
            "&",
            "lt;",
            "!",
            "]",
            "(https://y.example)",
            "\ud800",
            "\x00",
            "😀",
            "~~",
            "here",
        ),
        *(
            "javascript:alert(1)",
            "https://x.example/<b>",
            "1700000000000",
            "TODO",
            "python",
            "x.png",
        ),
    ]
)
_odd = st.one_of(_words, st.none(), st.integers(-5, 10**18), st.booleans(), st.lists(_words))
_attrs = st.one_of(
    st.dictionaries(
        st.sampled_from(
            [
                *("text", "url", "href", "alt", "title", "level", "order", "colspan", "timestamp"),
                *("language", "state", "panelType", "shortName", "type", "id"),
            ]
        ),
        _odd,
        max_size=4,
    ),
    _odd,
)
_marks = st.one_of(
    st.lists(st.fixed_dictionaries({"type": st.sampled_from(KINDS), "attrs": _attrs}), max_size=3),
    _odd,
)


def _node(content: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS)},
        optional={"text": _odd, "attrs": _attrs, "marks": _marks, "content": content},
    )


_leaves = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": _words}, optional={"marks": _marks}),
    _node(st.just([])),
    _odd,
)
_trees = st.recursive(_leaves, lambda inner: _node(st.lists(inner, max_size=5)), max_leaves=30)
hostile_documents = st.builds(lambda content: doc(*content), st.lists(_trees, max_size=5))
hostile_markup = st.lists(
    st.one_of(
        _words,
        st.sampled_from(
            [
                *("\n", "\n\n", "* ", "# ", "||", "|", "{code}", "{quote}", "{panel:title=@here}"),
                *(
                    "[~admin]",
                    "[a|https://x.example]",
                    "[",
                    "!x.png!",
                    "{{",
                    "}}",
                    "&#64;here",
                    "\\\\",
                ),
                *("{color:red}", "bq. ", "h1. ", "----", "*a*", "-", "&lt;script&gt;", "[x|a:b]"),
            ]
        ),
    ),
    max_size=30,
).map("".join)


@settings(deadline=None)
@given(hostile_documents, st.sampled_from([10, 100, 30_000]))
def test_no_document_fails_or_becomes_anything_that_acts(given: Any, limit: int) -> None:
    made = rich.to_markdown(given, True, "https://jira.example/browse/A-1", limit)
    assert len(made) <= limit
    check_harmless(made)


@settings(deadline=None)
@given(hostile_markup, st.sampled_from([10, 100, 30_000]))
def test_no_markup_fails_or_becomes_anything_that_acts(markup: str, limit: int) -> None:
    made = rich.to_markdown(markup, False, "https://jira.example/browse/A-1", limit)
    assert len(made) <= limit
    check_harmless(made)


@pytest.mark.parametrize("raw", [None, 5, [], "", "plain *text*", {"content": "x"}, {"a": 1}])
@pytest.mark.parametrize("cloud", [True, False])
def test_what_is_no_document_is_text_or_nothing(raw: Any, cloud: bool) -> None:
    assert rich.to_markdown(raw, cloud) in ("", "5", "plain \\*text\\*", "plain **text**")


# They show what their attributes say, or their own text, or nothing; never what lies in them.
WORDLESS = {
    "text",
    "hardBreak",
    "rule",
    "mention",
    "date",
    "status",
    "emoji",
    "media",
    "mediaInline",
}
WORDLESS |= {"inlineCard", "blockCard", "embedCard"}


def test_every_kind_of_node_gives_its_words() -> None:
    for kind in KINDS:
        if kind not in WORDLESS:
            assert "words" in rich.to_markdown(
                doc(node(kind, para(text("words")), text="words")), True
            )


@pytest.mark.parametrize("cloud", [True, False])
def test_a_long_text_is_cut_with_the_address_of_the_whole(cloud: bool) -> None:
    url = "https://jira.example/browse/A-1?focusedCommentId=7"
    given: Any = "word " * 8_000
    raw = doc(node("codeBlock", text(given)), para(text("after"))) if cloud else given
    made = rich.to_markdown(raw, cloud, url, 2_000)
    assert 1_800 < len(made) <= 2_000
    assert made.endswith(f"\n\n… cut: the whole text is at <{url}>")
    assert made.count("```") == (2 if cloud else 0)
    assert "after" not in made


def test_what_lies_deeper_than_any_person_writes_still_gives_its_words() -> None:
    deep = para(text("deep"))
    for _ in range(5_000):
        deep = node("blockquote", deep)
    made = rich.to_markdown(doc(deep, para(text("after"))), True)
    assert "deep" in made
    assert made.endswith("after")
    assert made.count(">") < 100


@pytest.mark.parametrize(
    "many",
    [
        [node("rule")] * 100_000,
        [node("table", *[node("tableRow", *[node("tableCell", colspan=10**9)] * 50)] * 5_000)],
        [node("bulletList", *[node("listItem")] * 100_000)],
        [para(*[{"type": "hardBreak"}] * 100_000)],
    ],
    ids=["rules", "cells", "items", "breaks"],
)
def test_a_document_of_any_number_of_nodes_stays_within_the_limit(many: list[Any]) -> None:
    assert len(rich.to_markdown(doc(*many), True)) <= 30_000


MORE = ["{quote}", "{panel}", "{code:", "x{code}y{code}", "[a|", "!a.b", "*** a\n", "-a- ", "{*}a"]


@pytest.mark.parametrize("pattern", [*PATTERNS, *MORE])
@pytest.mark.parametrize("cloud", [True, False])
def test_four_times_the_text_is_about_four_times_the_work(pattern: str, cloud: bool) -> None:
    def work(size: int) -> int:
        given = (pattern * size)[:size]
        raw: Any = doc(para(text(given))) if cloud else given
        rich.to_markdown(raw, cloud)
        return calls_of(lambda: rich.to_markdown(raw, cloud))

    assert work(1_600) < 6 * work(400)
