"""Texts of rules compared, merged and written as patches, held against git itself."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.operations.rules.lines import changed_lines, differing, lines_of, with_ends_of
from sync.operations.rules.merge import BETWEEN, MINE, THEIRS, is_marked, merge, theirs_and_mine
from sync.operations.rules.patch import patch

line = st.sampled_from(["a", "b", "c", "d", "", "x y", "é", "\x0c", "\u2028"])
text = st.lists(line, max_size=8).flatmap(
    lambda lines: st.sampled_from(["\n".join(lines), "".join(f"{one}\n" for one in lines)])
)
files = st.dictionaries(
    st.sampled_from(["10-finance.toml", "a b.toml", "é.toml", "zz.toml"]), text, max_size=3
)


@given(text)
def test_lines_put_together_are_the_text(one: str) -> None:
    assert "".join(lines_of(one)) == one


@given(text, text)
def test_an_edit_that_only_one_side_made_is_taken_as_it_is(base: str, edited: str) -> None:
    assert merge(base, edited, base).text == edited
    assert merge(base, base, edited).text == edited
    assert merge(base, edited, edited) == merge(edited, edited, edited)
    assert merge(base, edited, base).conflicts == 0


@given(text, text, text)
def test_what_conflicts_for_one_conflicts_for_the_other(base: str, mine: str, theirs: str) -> None:
    one, other = merge(base, mine, theirs), merge(base, theirs, mine)
    assert one.conflicts == other.conflicts
    if not one.conflicts:
        assert one.text == other.text
    assert is_marked(one.text) == (one.conflicts > 0)


@given(text, text, text)
def test_no_line_that_anybody_wrote_is_lost(base: str, mine: str, theirs: str) -> None:
    merged = set(merge(base, mine, theirs).text.split("\n"))
    known = set(base.split("\n"))
    assert set(mine.split("\n")) - known <= merged
    assert set(theirs.split("\n")) - known <= merged


def test_edits_in_two_places_come_together() -> None:
    base = "one\ntwo\nthree\nfour\nfive\n"
    found = merge(base, base.replace("one", "1"), base.replace("five", "5"))
    assert (found.text, found.conflicts) == ("1\ntwo\nthree\nfour\n5\n", 0)


def test_edits_of_one_line_are_both_marked_in_the_text() -> None:
    base = "one\ntwo\nthree\n"
    found = merge(base, base.replace("two", "2"), base.replace("two", "II"))
    assert found.conflicts == 1
    assert found.text == f"one\n{MINE}\n2\n{BETWEEN}\nII\n{THEIRS}\nthree\n"
    assert theirs_and_mine(base, "one\n2\nthree\n", "one\nII\nthree\n") == ([], [], [2])


def test_whose_lines_are_whose_is_told_by_number() -> None:
    base = "1\n2\n3\n4\n5\n6\n"
    mine, theirs = base.replace("5", "five"), base.replace("2", "two")
    assert theirs_and_mine(base, mine, theirs) == ([2], [5], [])


def test_a_browsers_line_ends_become_those_of_the_file() -> None:
    assert with_ends_of("a\r\nb\r\n", "x\n") == "a\nb\n"
    assert with_ends_of("a\nb\n", "x\r\ny\r\n") == "a\r\nb\r\n"


def test_changed_lines_are_those_of_the_new_text() -> None:
    assert changed_lines("a\nb\nc\n", "a\nB\nc\nd\n") == (2, 4)
    assert changed_lines("a\nb\nc\n", "a\nc\n") == (1,)


def test_a_comparison_counts_and_numbers_lines() -> None:
    (one,) = differing({"a.toml": "x\ny\n"}, {"a.toml": "x\nz\nw\n"})
    assert (one.name, one.state, one.added, one.gone) == ("a.toml", "changed", 2, 1)
    assert [(at.sign, at.text, at.old, at.new) for at in one.hunks[0]] == [
        (" ", "x", 1, 1),
        ("-", "y", 2, 0),
        ("+", "z", 0, 2),
        ("+", "w", 0, 3),
    ]


def applied(folder: Path, old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    for name, content in old.items():
        (folder / name).write_bytes(content.encode())
    given = patch(old, new).encode()
    if given:
        run = ["git", "apply", "-p1", "--whitespace=nowarn", "-"]
        done = subprocess.run(run, cwd=folder, input=given, capture_output=True, check=False)
        assert done.returncode == 0, (done.stderr.decode(), given.decode())
    return {path.name: path.read_bytes().decode() for path in folder.iterdir()}


@settings(max_examples=25, deadline=None)
@given(old=files, new=files)
def test_git_applies_the_patch_and_gets_what_was_drafted(
    tmp_path_factory: pytest.TempPathFactory, old: dict[str, str], new: dict[str, str]
) -> None:
    assert applied(tmp_path_factory.mktemp("patch"), old, new) == new


def test_git_applies_windows_line_ends_and_names_in_quotes(tmp_path: Path) -> None:
    old = {'a"b.toml': "x\r\ny\r\n", "gone.toml": "z"}
    new = {'a"b.toml': "x\r\nY\r\n", "empty.toml": ""}
    assert applied(tmp_path, old, new) == new


def test_a_very_long_file_is_compared_and_merged_in_a_moment() -> None:
    rule = '[[rule]]\nname = "{}"\n\n[rule.fields]\npriority = "High"\n\n'
    base = "".join(rule.format(number) for number in range(3000))
    mine = base.replace('"5"', '"five"').replace('"2990"', '"late"')
    theirs = base.replace('"1500"', '"their"')
    start = time.process_time()
    found = merge(base, mine, theirs)
    assert len(changed_lines(base, mine)) == 2
    assert found.text == mine.replace('"1500"', '"their"')
    assert time.process_time() - start < 10
