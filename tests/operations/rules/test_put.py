"""A line put into a rule leaves everything else in the file as it was."""

from __future__ import annotations

import pytest

from sync.operations.errors import Refused
from sync.operations.rules.put import Put, put
from sync.rules import Rule, parse
from tests.worker.edited import DEFAULTS

NAMED = '[[rule]]\nname = "b"\nwhen = { kind = "issue" }\n'


def rule_of(text: str, name: str = "b") -> Rule:
    rule = parse({"r.toml": text}, DEFAULTS).get(name)
    assert rule is not None
    return rule


def done(text: str, key: str = "hold", value: str = '"10m"') -> Put:
    found = put({"r.toml": text}, rule_of(text), key, value)
    assert found.whole.split("\n")[found.line - 1].rstrip("\r") == found.text
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            f'# All.\n{NAMED}\n[rule.fields]\nlabels = ["x"]\n',
            '# All.\n[[rule]]\nname = "b"\nhold = "10m"\nwhen = { kind = "issue" }\n\n'
            '[rule.fields]\nlabels = ["x"]\n',
            id="a new line stands below the name",
        ),
        pytest.param(
            '[[rule]]\nname = "b"\nhold = "1m"  # long enough\n',
            '[[rule]]\nname = "b"\nhold = "10m"  # long enough\n',
            id="the comment of a line that is replaced stays",
        ),
        pytest.param(
            '[[rule]]\n  name = "b"\n',
            '[[rule]]\n  name = "b"\n  hold = "10m"\n',
            id="a new line is indented as the name is",
        ),
        pytest.param(
            '[[rule]]\nname = "b"',
            '[[rule]]\nname = "b"\nhold = "10m"',
            id="the name is the end of the file",
        ),
        pytest.param(
            '[[rule]]\r\nname = "b"\r\nwhen = { kind = "issue" }\r\n',
            '[[rule]]\r\nname = "b"\r\nhold = "10m"\r\nwhen = { kind = "issue" }\r\n',
            id="line ends stay those of the file",
        ),
        pytest.param(
            f'[[rule]]\nname = "a"\nwhen = {{ title = "x*" }}\nhold = "1m"\n\n{NAMED}',
            '[[rule]]\nname = "a"\nwhen = { title = "x*" }\nhold = "1m"\n\n'
            '[[rule]]\nname = "b"\nhold = "10m"\nwhen = { kind = "issue" }\n',
            id="only the rule that is meant changes",
        ),
        pytest.param(
            f'[defaults]\nhold = "1m"\n\n{NAMED}',
            '[defaults]\nhold = "1m"\n\n[[rule]]\nname = "b"\nhold = "10m"\n'
            'when = { kind = "issue" }\n',
            id="what a rule inherits stays with the others",
        ),
    ],
)
def test_a_duration_is_put_into_the_rule(before: str, after: str) -> None:
    found = done(before)
    assert found.whole == after
    assert rule_of(found.whole).hold == 600.0


def test_a_value_over_several_lines_is_replaced_as_a_whole() -> None:
    text = '[[rule]]\nname = "b"\ngroup_by = [\n  "entity",\n  "day",\n]\nhold = "1m"\n'
    found = done(text, "group_by", '"trigger"')
    assert found.whole == '[[rule]]\nname = "b"\ngroup_by = "trigger"\nhold = "1m"\n'
    assert found.instead_of == 'group_by = [\n  "entity",\n  "day",\n]'


def test_a_name_over_several_lines_gets_the_line_above() -> None:
    found = done('[[rule]]\nname = """\\\n  b"""\n')
    assert found.whole == '[[rule]]\nhold = "10m"\nname = """\\\n  b"""\n'


def test_a_rule_in_one_line_is_refused_with_what_to_write() -> None:
    text = 'rule = [{ name = "b", when = { kind = "issue" } }]\n'
    with pytest.raises(Refused, match=r'put `hold = "10m"` into it by hand, at r\.toml:1'):
        put({"r.toml": text}, rule_of(text), "hold", '"10m"')


def test_a_rule_that_is_gone_from_its_file_is_refused() -> None:
    with pytest.raises(Refused, match=r"is not in r\.toml any more"):
        put({"r.toml": '[[rule]]\nname = "a"\n'}, rule_of(NAMED), "hold", '"10m"')
