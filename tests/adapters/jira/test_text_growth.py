"""What converting costs grows in step with the text, whatever the text, and has an end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from sync.adapters.jira.text import markdown, wiki
from sync.adapters.jira.text import rich as text
from sync.adapters.jira.text.wiki_write import escaped
from sync.domain.merge import merge_text
from sync.domain.ticket import Block, Document

pytestmark = pytest.mark.proof

# Each of these, repeated, once cost a converter time that grew with its square, or may do so in another.
PATTERNS = [
    *("[a](", "[", "![", "![a](", "[a][", "[a]: b\n", "[a]: <b\n", "](", "[x](<"),
    *("*a ", "**a", "*a_", "a**b_", "_*a ", "a** *b ", "~~a", "*_"),
    *("`", "`a``b", "<", "<a ", "<!--", "<![CDATA[", "<?a", "<a@b", "&a", "&#1;", "\\", "{code}"),
    *(
        "> a\n",
        "- a\n",
        "1. a\n  ",
        "  - a\n",
        "> > a\n\n",
        "|a",
        "|a|b|\n|-|-|\n",
        "a|b\n",
        "|-|-|\n",
    ),
    *(
        "https://a_b)",
        "http://",
        "://",
        "https:///",
        "a@b.c ",
        '{"a": [1, 2], "b": "x_y"}\n',
        "{{",
        "}}",
    ),
    *(
        "![>> ",
        "\x1b[",
        "\x1b[https://'",
        "```\n",
        "a\n\n",
        "\n",
        "\t",
        "#",
        ":)",
        "(y)",
        "\\\n",
        "  \n",
    ),
]


def calls_of(work: Callable[[], object]) -> int:
    """How many functions are called in this piece of work, those in C among them."""
    count = 0

    def seen(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("cloud", [True, False])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_four_times_the_text_is_about_four_times_the_work(pattern: str, cloud: bool) -> None:
    short, long = ((pattern * size)[:size] for size in (400, 1_600))
    convert = text.convert
    convert(short, cloud)
    few = calls_of(lambda: convert(short, cloud))
    assert calls_of(lambda: convert(long, cloud)) < 6 * few


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "pattern", ["[a](", "{code ", "{code", "[", "[a|", "\n ", "||", "{a", "&#1;"]
)
def test_the_longest_wiki_text_of_a_person_is_read_and_written_back(pattern: str) -> None:
    theirs = (pattern * 33_000)[:32_767] + "x"
    read = wiki.from_jira(theirs)
    assert wiki.to_jira(read) == theirs
    assert wiki.from_jira(escaped(theirs)).blocks


@pytest.mark.parametrize("cloud", [True, False])
def test_a_text_that_takes_too_long_is_shown_plain_with_a_note(
    cloud: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markdown, "SECONDS_LIMIT", -1.0)
    made = text.convert("# Rows\n\n- **1** of 2", cloud)
    assert made.identities[:2] == ("# Rows", "- **1** of 2")
    assert "shown as it was written" in made.identities[2]


@pytest.mark.parametrize("cloud", [True, False])
@pytest.mark.parametrize("deep", ["> " * 60, "- " * 60, "> - " * 30, "1. " * 40])
def test_no_word_is_lost_of_what_is_nested_too_deeply(deep: str, cloud: bool) -> None:
    made = text.convert(f"before\n\n{deep}within\n\nafter", cloud)
    words = " ".join(made.identities)
    assert all(word in words for word in ("before", "within", "after"))


@pytest.mark.parametrize("cloud", [True, False])
def test_short_rows_do_not_make_a_document_of_any_size(cloud: bool) -> None:
    columns = 500
    wide = "|a" * columns + "|\n" + "|-" * columns + "|\n" + "|last\n" * 500
    made = text.convert(wide, cloud)
    assert len(str(text.to_jira(made, cloud))) < 2_000_000
    assert "last" in made.blocks[-1].identity


class Counted(str):
    """A block's identity that counts how often it is compared or looked up."""

    times = 0

    def __eq__(self, other: object) -> bool:
        Counted.times += 1
        return str.__eq__(self, str(other))

    def __hash__(self) -> int:
        Counted.times += 1
        return str.__hash__(self)


@pytest.mark.parametrize("every", [1, 2, 7, 5_000])
def test_merging_thousands_of_blocks_is_work_in_step_with_their_number(every: int) -> None:
    sent = [Counted(n % every) for n in range(5_000)]
    observed = Document(
        tuple(Block(Counted(one), None) for one in [*sent[:2_500], "x", *sent[2_500:]])
    )
    desired = Document(tuple(Block(Counted(one), None) for one in [*sent[:-1], "y"]))
    Counted.times = 0
    merged = merge_text(sent, observed, desired, take_over=False)
    assert Counted.times < 100 * 5_000
    assert [str(one) for one in merged.identities] == [
        *map(str, sent[:2_500]), "x", *map(str, sent[2_500:-1]), "y",
    ]  # fmt: skip
