"""Syntax errors in words: for any damage there are words, which never quote a value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.toml import Mistakes, read

SECRET = "hunter2/QUJD+x=="
GOOD = f"""\
[coalesce]
signing_secrets = [{{ env = "NAME" }}, "{SECRET}"]

[sites.main]
url = "https://jira.example.com"
token = "{SECRET}"

[[rule]]
name = "x"
when = {{ kind = "issue", title = ['a', "b"] }}
[rule.fields]
"Data domain" = "{SECRET}"
"""
SIGNS = st.sampled_from([*"\"'{}[],=:#\n\\ ", "“", "True", SECRET, "\n" + SECRET, "'''", '"""'])


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A good file in which a few places were cut out or got a sign too many."""
    text = GOOD
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        text = (
            text[:at] + draw(st.one_of(st.just(""), SIGNS)) + text[at + draw(st.integers(0, 3)) :]
        )
    return text


@given(damaged())
def test_any_damage_has_words_that_quote_no_value(text: str) -> None:
    mistakes = Mistakes()
    document = read("a.toml", text, mistakes)
    if document is None:
        (found,) = mistakes.listed()
        assert 1 <= found.line <= text.count("\n") + 1
        assert found.remedy
        assert "hunter2" not in str(found)
        assert "QUJD" not in str(found)
