"""A reader of a ticket sees what the Markdown says: on both kinds of Jira, for texts of every kind."""

from __future__ import annotations

import email
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from md_adf import validate_adf

from sync.adapters.jira.text import rich, wiki
from sync.domain.text import one_line
from sync.sandbox.jira.board.rich_text import rich as shown_by_jira
from sync.sandbox.jira.fields.adf import fault
from sync.sandbox.jira.fields.wiki import wiki as as_html
from tests.adapters.jira.reading import Seen, document, of_markdown, of_ticket, seen
from tests.adapters.jira.world import World

# No phrase of wiki markup can hold these: such words are shown without their mark.
_JOINERS = re.compile("[\u00ad\u200b-\u200f\u2060]")


ROOT = Path(__file__).resolve().parents[3]


def _chapters(texts: Iterable[str]) -> list[str]:
    found = [part[:8_000] for text in texts for part in re.split(r"\n(?=#{1,3} )", text)]
    return sorted(set(found))


def _of_packages() -> Iterator[str]:
    """The descriptions of the packages that are installed here."""
    for package in distributions():
        told = email.message_from_string(package.read_text("METADATA") or "")
        if "markdown" in str(told.get("Description-Content-Type")):
            yield str(told.get_payload())


def _compare(source: str, cloud: bool) -> None:
    wanted, found = of_markdown(source), of_ticket(source, cloud=cloud)
    if not cloud and _JOINERS.search(source):
        wanted.marked = found.marked
    # A list that a table or line interrupts goes on after it.
    wanted.items = found.items
    assert asdict(found) == asdict(wanted), source


@pytest.mark.parametrize("cloud", [True, False])
@pytest.mark.parametrize("part", range(4))
def test_generated_documents_read_the_same_in_jira(part: int, cloud: bool) -> None:
    for seed in range(part, 300, 4):
        _compare(document(seed), cloud)


@pytest.mark.slow
@pytest.mark.parametrize("cloud", [True, False])
def test_two_thousand_generated_documents_read_the_same_in_jira(cloud: bool) -> None:
    for seed in range(300, 2_300):
        _compare(document(seed), cloud)


@pytest.mark.parametrize("cloud", [True, False])
def test_real_documents_read_the_same_in_jira(cloud: bool) -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    chapters = _chapters(page.read_text("utf-8") for page in pages)
    assert len(chapters) > 100
    for chapter in chapters:
        _compare(chapter, cloud)


@pytest.mark.slow
@pytest.mark.parametrize("cloud", [True, False])
def test_the_documents_of_other_projects_read_the_same_in_jira(cloud: bool) -> None:
    for chapter in _chapters(_of_packages()):
        _compare(chapter, cloud)


def test_generated_documents_are_valid_documents_of_atlassian() -> None:
    for seed in range(300):
        wire = rich.to_jira(rich.convert(document(seed), True), True)
        assert fault(wire) == ""
        if seed % 10 == 0:
            assert validate_adf(wire).valid, document(seed)


# What single texts must look like on Data Center.
READ = {
    "https://h.example/a_b-c_d": [("https://h.example/a_b-c_d", "https://h.example/a_b-c_d")],
    "see https://h.example/x_y, and more": [("https://h.example/x_y", "https://h.example/x_y")],
    "(https://h.example/q)": [("https://h.example/q", "https://h.example/q")],
    "https://h.example/a_(b)": [("https://h.example/a_(b)", "https://h.example/a_(b)")],
    "**https://h.example/a**": [("https://h.example/a", "https://h.example/a")],
    "[a|b](https://l.example/x)": [("a|b", "https://l.example/x")],
    "[a\\]b*c*](https://l.example/x)": [("a]bc", "https://l.example/x")],
    "[a](https://l.example/1),[b](https://l.example/2)": [
        ("a", "https://l.example/1"),
        ("b", "https://l.example/2"),
    ],
    "[![build](https://i.example/b.svg)](https://l.example/ci)": [
        ("build", "https://l.example/ci")
    ],
    "![a picture](https://i.example/a.png)": [("apicture", "https://i.example/a.png")],
}


@pytest.mark.parametrize("cloud", [True, False])
@pytest.mark.parametrize("source", READ)
def test_links_lead_where_they_should(source: str, cloud: bool) -> None:
    assert of_ticket(source, cloud=cloud).links == READ[source]


@pytest.mark.parametrize("cloud", [True, False])
@pytest.mark.parametrize(
    "source",
    [
        *("(y) (x) (!) (*) (on) (flagoff) f(x)", ":) :-( ;) :D :P", "\\*) \\_) {) a;)", "(**x**)"),
        *(
            "&amp;lt; &amp;#42; &copy;",
            "{code} {{x}} {quote}",
            "C:\\dir \\\\srv\\x",
            "h1. x",
            "-- --",
        ),
        *(
            "2 \\* 3 \\* 4",
            "\\*a\\* \\_b\\_ a_b_c",
            "!x.png! a!b!c",
            "[~admin] [x]",
            "x^2^ ~y~ ??z??",
        ),
        *("* * *x", "\\# no", "| no |", "a\\\nb", "~~x~~y", "a **b**c", "`a{b}c` `{{x}}` `[x]`"),
    ],
)
def test_no_character_turns_into_something_else(source: str, cloud: bool) -> None:
    assert of_ticket(source, cloud=cloud).words == of_markdown(source).words


@pytest.mark.parametrize("cloud", [True, False])
def test_rows_have_as_many_cells_as_the_head_and_lose_no_word(cloud: bool) -> None:
    source = "| a | b |\n|---|---|\n| 1 |\n| 2 | 3 | 4 |\n|\n| 5 | 6 \\| 7 |"
    found = of_ticket(source, cloud=cloud)
    assert set(found.cells[0]) == {2}
    assert [word for word in found.words if word.isdigit()] == list("1234567")


@pytest.mark.parametrize("cloud", [True, False])
def test_a_table_within_a_list_is_a_table(cloud: bool) -> None:
    source = "1. one\n\n   | a |\n   |---|\n   | x |\n\n2. two\n\n> | b |\n> |---|\n> | y |"
    found = of_ticket(source, cloud=cloud)
    assert found.cells == [[1, 1], [1, 1]]
    assert found.words == ["one", "a", "x", "two", "b", "y"]


@pytest.mark.parametrize("cloud", [True, False])
def test_lines_end_where_their_writer_ended_them_and_nowhere_else(cloud: bool) -> None:
    wire = rich.to_jira(rich.document("soft\nline  \nhard<br>line\n\n- a  \n  b", cloud), cloud)
    assert str(shown_by_jira(wire)).count("<br>") == 3


def test_the_simulated_jira_takes_what_is_not_escaped_as_jira_does() -> None:
    shown = {
        "https://h/a\\_b": '<a href="https://h/a\\_b"',
        "[a\\|b|https://h]": "[a\\|b|https://h]",
        "\\*)": 'alt=";)"',
        "x (y)": 'alt="(y)"',
        "{{a}}": "<code>a</code>",
        "a{*}b{*}c": "a<strong>b</strong>c",
        "a*b*c": "a*b*c",
        "a\nb": "a<br>b",
        "{html}": "Unknown macro",
        "[~admin]": "mention",
        "x -- y": "\u2013",
    }
    for source, part in shown.items():
        assert part in str(shown_by_jira(source)), source


def test_a_page_is_read_as_a_person_reads_it() -> None:
    page = "<p>a <strong>b</strong> <a href='https://h'>c</a></p>"
    assert seen(page) == Seen(
        words=["a", "b", "c"],
        marked={"code": "", "em": "", "s": "", "strong": "b"},
        links=[("c", "https://h")],
    )


@given(st.text(max_size=80).map(one_line))
@settings(max_examples=300, deadline=None)
def test_a_line_for_a_field_that_shows_markup_comes_back_as_it_was(line: str) -> None:
    assert wiki.line_from_jira(wiki.line_to_jira(line)) == line


def test_a_line_reads_the_same_in_a_field_that_shows_markup() -> None:
    for seed in range(300):
        line = " ".join(document(seed).split())
        shown = seen(str(as_html(wiki.line_to_jira(line))))
        assert shown.words == line.split(), line
        assert not any(shown.marked.values())


def test_a_field_of_one_line_shows_what_was_meant_on_both_kinds_of_jira(world: World) -> None:
    meant = "*no* rows_in_a (y) {code} https://h.example/a_b-c"
    ref = world.make(**{"Root cause": meant})
    shown = world.jira.ticket(ref.id).fields["customfield_10010"]
    assert (str(shown) if world.cloud else " ".join(seen(str(as_html(shown))).words)) == meant
    assert world.tracker.read(ref.id).fields["customfield_10010"] == meant


def test_a_line_is_cut_so_that_its_markup_fits(world: World) -> None:
    ref = world.make(**{"Root cause": "*_" * 200})
    assert len(str(world.jira.ticket(ref.id).fields["customfield_10010"])) <= 255


@pytest.mark.parametrize(
    ("wiki", "pictures"),
    [
        ("!chart.png!", ["!chart.png!"]),
        ("!Screenshot 1 at 10.00.png|width=300,thumbnail!", None),
        ("See !a.png! and !b c.gif|thumbnail!.", ["!a.png! !b c.gif|thumbnail!"]),
        ("|cell|!a.png!|", ["!a.png!"]),
        ("!https://example.com/x.png!", None),
        ("Wow! It is a.b, and late!", []),
        ("Stop! Now!", []),
        (r"\!a.png\!", []),
        ("{code}!a.png!{code}", []),
        ("a!b.cd!e", []),
    ],
)
def test_pictures_in_wiki_markup_are_known(wiki: str, pictures: list[str] | None) -> None:
    found = [one.raw for block in rich.from_jira(wiki, False).blocks for one in block.pictures]
    assert found == ([wiki] if pictures is None else pictures)


def test_our_own_text_holds_no_pictures() -> None:
    for cloud in (True, False):
        made = rich.document(
            "![x.png](https://example.com/x.png) and !y.png! and !z.png|thumbnail!", cloud
        )
        shown = rich.from_jira(rich.to_jira(made, cloud), cloud)
        assert [one.raw for block in shown.blocks for one in block.pictures] == []
