from __future__ import annotations

import tomllib

import pytest

from sync.toml.positions import positions

TEXT = '''#:schema x
[defaults]
site = "main" # not a key = here
[tables.priority]
"Data # Platform" = "High"
[[rule]]
name = "a"
when = { any = [ { title = "x" },
   { "owner" = ["b",
 "c"] } ], not = { status = "open" } }
fields.summary = """
a "quoted" ]]
b"""
[rule.status.closed]
via = ["a", 'b', ]
fields = { "Root cause" = \'\'\'it's\'\'\' }
[[rule]]
name = 'z'
hold = 10
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("defaults", "site"), 3),
        (("tables", "priority", "Data # Platform"), 5),
        (("rule", 0), 6),
        (("rule", 0, "when", "any", 1, "owner", 1), 10),
        (("rule", 0, "when", "not", "status"), 10),
        (("rule", 0, "fields", "summary"), 11),
        (("rule", 0, "status", "closed", "via", 1), 15),
        (("rule", 0, "status", "closed", "fields", "Root cause"), 16),
        (("rule", 1, "hold"), 19),
    ],
)
def test_each_key_is_found_on_its_line(path: tuple[str | int, ...], line: int) -> None:
    tomllib.loads(TEXT)
    assert positions(TEXT).line(path) == line


def test_a_key_that_is_not_written_is_placed_at_its_table() -> None:
    assert positions(TEXT).line(("rule", 1, "status", "open")) == 17
    assert positions(TEXT).line(("nothing",)) == 0


def test_the_first_line_of_a_text_comes_after_the_line_of_its_quotes() -> None:
    found = positions(TEXT)
    assert found.text(("rule", 0, "fields", "summary")) == 12
    assert found.text(("rule", 0, "name")) == 7


def test_lines_are_the_same_with_windows_line_ends() -> None:
    assert positions(TEXT.replace("\n", "\r\n")) == positions(TEXT)


def test_a_large_file_takes_time_in_proportion() -> None:
    text = "".join(f'[[rule]]\nname = "r{n}"\nhold = {n}\n' for n in range(3000))
    assert positions(text).line(("rule", 2999, "hold")) == 9000
