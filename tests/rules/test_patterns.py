from __future__ import annotations

import re
import threading
import time
import unicodedata
import warnings

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.rules import Undecided, patience, patterns
from sync.rules.dialect import translated
from sync.rules.patterns import Patterns, pattern
from sync.toml import Wrong
from tests.rules.build import issue, rules


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undecided searches take no longer than the tests need."""
    monkeypatch.setattr(patterns, "SECOND_TRY", 0.1)


@pytest.mark.parametrize(
    ("source", "text", "holds"),
    [
        ("orders", "orders", True),
        ("orders", "ORDERS", True),
        ("orders", "orders daily", False),
        ("orders*", "Orders daily", True),
        ("*stale*", "Table orders is STALE now", True),
        ("*daily", "orders daily", True),
        ("*daily", "orders daily v2", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("*", "anything\nat all", True),
        ("/dail/", "orders daily", True),
        ("/^dail/", "orders daily", False),
        ("/DAIL/", "orders daily", False),
        ("/DAIL/i", "orders daily", True),
        ("/^second$/", "first\nsecond", True),
        ("/prod/marts/", "/prod/marts/finance", True),
        ("/prod/*", "/prod/marts", True),
    ],
)
def test_a_pattern_holds_for_what_it_says(source: str, text: str, holds: bool) -> None:
    assert pattern(source).test(text) is holds


def test_an_empty_value_never_holds() -> None:
    assert not Patterns((pattern("*"),)).hold(("",))
    assert not Patterns((pattern("*"),)).hold(())


@pytest.mark.parametrize("source", ["/(/", "/a/g", "/[/", "/a**/", "/(?z)a/"])
def test_what_is_no_regex_is_refused(source: str) -> None:
    with pytest.raises(Wrong):
        pattern(source)


# Each takes for ever on a long row of the letters in it that ends otherwise.
ENDLESS = [
    ("/(a+)+$/", "a" * 5_000 + "!"),
    ("/(a|aa)+b/", "a" * 5_000),
    ("/(x?){50}y/", "x" * 5_000),
    ("/^(x?x?){40}y$/", "x" * 5_000),
    ("/a{1,100}a{1,100}a{1,100}b/", "a" * 100_000),
    (r"/(a+)(a+)\2\1b/", "a" * 5_000),
    ("/.*.*.*.*[^a]$/", "a" * 20_000),
    ("/(.*?,){12}P/", "1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6" * 20),
]


def ends(source: str, text: str) -> bool | None:
    """What a search says: None where it is undecided."""
    try:
        return pattern(source, "rules.toml:7").test(text)
    except Undecided:
        return None


@pytest.mark.parametrize(("source", "text"), ENDLESS)
def test_a_search_without_end_is_undecided_and_lets_other_threads_run(
    source: str, text: str
) -> None:
    turns: list[float] = []
    searching = threading.Event()
    searching.set()

    def live() -> None:
        while searching.is_set():
            turns.append(time.monotonic())
            time.sleep(0.001)

    other = threading.Thread(target=live)
    other.start()
    while not turns:
        time.sleep(0.001)
    began = time.monotonic()
    try:
        found = ends(source, text)
        took = time.monotonic() - began
    finally:
        searching.clear()
        other.join()
    assert found in (None, False), "it surely does not hold"
    assert len(turns) > 20 * took, "the interpreter was not held"


def test_the_same_text_is_not_searched_again_and_another_text_is() -> None:
    slow = pattern("/(a|aa)+b/")
    with pytest.raises(Undecided):
        slow.test("a" * 5_000)
    with patience(0.0), pytest.raises(Undecided):
        slow.test("a" * 5_000)
    assert slow.test("aab")


def test_searches_of_one_piece_of_work_share_one_patience() -> None:
    slow = pattern("/(a|aa)+b/")
    with patience(0.05) as left:
        for number in range(1_000):
            with pytest.raises(Undecided):
                slow.test("a" * 5_000 + str(number))
        assert left.left < 0


def test_an_undecided_search_matters_only_where_nothing_else_decides() -> None:
    slow, text = "/(a|aa)+b/", "a" * 5_000
    assert Patterns((pattern(slow), pattern("aaa*"))).hold((text,))
    with pytest.raises(Undecided):
        Patterns((pattern(slow), pattern("b*"))).hold((text,))
    quoted = f'title = "{slow}"'
    subject = issue(title=text)
    for when, holds in [
        (f'{{ {quoted}, workspace = "other" }}', False),
        (f'{{ any = [{{ {quoted} }}, {{ workspace = "acme" }}] }}', True),
        (f'{{ not = {{ {quoted}, workspace = "other" }} }}', True),
        (f"{{ {quoted} }}", None),
        (f"{{ not = {{ {quoted} }} }}", None),
        (f'{{ {quoted}, workspace = "acme" }}', None),
        (f'{{ any = [{{ {quoted} }}, {{ workspace = "other" }}] }}', None),
    ]:
        found = rules(f'[[rule]]\nname = "x"\nwhen = {when}\n')
        if holds is None:
            with pytest.raises(Undecided) as caught:
                found.match(subject)
            assert (caught.value.rule, "10.toml:3" in str(caught.value)) == ("x", True)
            assert "did not end in time" in found.explain(subject)[-1].reason
        else:
            assert (found.match(subject) is not None) is holds


def test_no_later_rule_is_tried_after_an_undecided_one() -> None:
    found = rules(
        '[[rule]]\nname = "x"\nwhen = { title = "/(a|aa)+b/" }\n[[rule]]\nname = "rest"\n'
    )
    with pytest.raises(Undecided):
        found.match(issue(title="a" * 5_000))
    match = found.match(issue(title="aaa"))
    assert match is not None
    assert match.name == "rest"


@pytest.mark.parametrize("source", ["*a*a*a*a*a*a*a*a*b", "/a.*a.*b$/", "/[a-z_]+\\d+x/"])
def test_a_pattern_takes_little_time_on_a_hostile_text(source: str) -> None:
    began = time.process_time()
    assert ends(source, "a" * 100_000) in (None, False)
    assert time.process_time() - began < 5


ATOMS = [
    *("a", "b", "é", ".", r"\w", r"\W", r"\s", r"\S", r"\d", r"\D", r"\b", r"\.", r"\{", "{e}"),
    *("[a-c]", "[^a]", r"[\w-]", r"[^\W\d]", r"[\s\S]", r"[^\s]", "[[:alpha:]]", "[a[b]", r"[]a]"),
    *("^", "$", "a{2}", "a{,2}", "b{e<=1}", "(?:ab|a)", "(a)|b", "(?=a)", "(?<!b)", "(?i:A)", "{}"),
    *(r"\u00e9", r"[\x1c]", "(?#[)", "&&", "||", "--", "~~", r"\Z", r"\A", "(?>a|ab)", "a?+"),
]
TEXTS = [
    "",
    "a",
    "ab ba",
    "aé e\u0301",
    "a{e}b",
    "x\x1cy",
    "[a:]",
    "b²½_-",
    "ΑΣς ı İ K",
    "\u00a0\u3000 a",
]


@settings(max_examples=600, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(ATOMS), st.sampled_from(["", "", "*", "+?", "?"])), max_size=5
    ),
    st.booleans(),
    st.lists(st.text(st.sampled_from("abAé{}e[]:_ \x1c²\u0301ßſ"), max_size=8), max_size=3),
)
def test_a_regex_means_what_it_means_to_re(
    parts: list[tuple[str, str]], fold: bool, texts: list[str]
) -> None:
    body = "".join(atom + repeat for atom, repeat in parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            known = re.compile(body, re.IGNORECASE if fold else 0)
        except re.error:
            return
    made = pattern(f"/{body}/{'i' if fold else ''}")
    for text in [*TEXTS, *texts]:
        assert made.test(text) is (known.search(text) is not None), (body, text)


@pytest.mark.parametrize(
    "cls", [r"\w", r"\W", r"\s", r"\S", r"[\w]", r"[\W]", r"[^\W]", r"[^\S]", r"\d", r"(?a)\w"]
)
def test_a_class_holds_the_characters_that_it_holds_in_re(cls: str) -> None:
    known, made = re.compile(cls), regex.compile(translated(cls, re.compile(cls).flags), regex.V0)
    assigned = (chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) != "Cn")
    differing = [c for c in assigned if bool(known.match(c)) != bool(made.match(c))]
    assert not differing
