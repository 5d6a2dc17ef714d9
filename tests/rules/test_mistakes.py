from __future__ import annotations

from pathlib import Path

import pytest

from sync.rules import Defaults, RuleErrors, load, parse
from tests.rules.build import DEFAULTS, rules
from tests.rules.mistakes import conditions, files, shape, templates

CASES = {**shape.CASES, **conditions.CASES, **templates.CASES, **files.CASES}
ONE = '[[rule]]\nname = "x"\n'


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_is_named_with_its_place_and_what_to_do(name: str) -> None:
    text, message = CASES[name]
    with pytest.raises(RuleErrors) as caught:
        rules(text)
    assert str(caught.value) == message


def test_no_case_is_lost() -> None:
    parts = (shape.CASES, conditions.CASES, templates.CASES, files.CASES)
    assert len(CASES) == sum(map(len, parts)) >= 100


def test_all_mistakes_of_all_files_come_at_once_in_reading_order() -> None:
    with pytest.raises(RuleErrors) as caught:
        parse(
            {
                "20.toml": ONE + 'hold = "soon"\nsite = "mian"\n',
                "10.toml": 'x = 1\n[[rule]]\nname = "y"\nwhen = { titel = "a" }\n',
                "30.toml": "[[rule]\n",
                "40.toml": '[[rule]]\nname = "z"\nsite = "mian"\nfields.summary = "{{ a }}{{ b }}"\n',
            },
            DEFAULTS,
        )
    assert [(e.file, e.line, e.key) for e in caught.value.mistakes] == [
        ("10.toml", 1, "x"),
        ("10.toml", 4, "when.titel"),
        ("20.toml", 3, "hold"),
        ("30.toml", 1, ""),
        ("40.toml", 3, "site"),
        ("40.toml", 4, "fields.summary"),
        ("40.toml", 4, "fields.summary"),
    ]


def test_a_mistake_in_defaults_is_told_once_however_many_rules_inherit_it() -> None:
    many = "".join(f'[[rule]]\nname = "r{n}"\n' for n in range(20))
    with pytest.raises(RuleErrors) as caught:
        rules('[defaults.fields]\npriority = "{{ severty }}"\n' + many)
    assert len(caught.value.mistakes) == 1


def test_a_rule_in_the_file_for_all_is_a_mistake() -> None:
    with pytest.raises(RuleErrors, match=r"_defaults.toml:1: rule: _defaults.toml speaks for all"):
        parse({"_defaults.toml": ONE, "10.toml": '[[rule]]\nname = "y"\n'}, DEFAULTS)


def test_the_same_name_in_two_files_is_a_mistake() -> None:
    with pytest.raises(RuleErrors) as caught:
        parse({"10.toml": ONE, "20.toml": "\n" + ONE}, DEFAULTS)
    assert str(caught.value) == (
        "20.toml:3: name: 'x' is the name of another rule already (10.toml:1). "
        "Give each rule a name of its own."
    )


def test_a_rule_must_name_its_site_where_there_is_no_default_site() -> None:
    with pytest.raises(RuleErrors) as caught:
        parse({"10.toml": ONE}, Defaults({"a": "A", "b": "B"}, ""))
    assert "10.toml:1: site: is missing, and config.toml has more than one site." in str(
        caught.value
    )


def test_a_folder_that_is_not_there_or_empty_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuleErrors, match="has no rule files"):
        load(tmp_path, DEFAULTS)
    with pytest.raises(RuleErrors, match="none: cannot be read: no such file or directory"):
        load(tmp_path / "none", DEFAULTS)


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b'[[rule]]\nname = "caf\xe9"\n')
    with pytest.raises(RuleErrors, match=r"a.toml:2: is not UTF-8 text. Save it as UTF-8."):
        load(tmp_path, DEFAULTS)


def test_a_rule_behind_one_that_takes_everything_is_warned_about() -> None:
    found = rules(
        '[[rule]]\nname = "all issues"\nwhen.kind = "issue"\n'
        '[[rule]]\nname = "late"\nwhen = { kind = "issue", title = "a*" }\n'
        '[[rule]]\nname = "incidents"\nwhen.kind = "incident"\n'
        '[[rule]]\nname = "rest"\n'
    )
    assert [str(w) for w in found.warnings] == [
        "10.toml:4: rule 'late': is never reached: 'all issues' (10.toml:1) takes everything it "
        "could match. Move it to before, in the file or by the file's name.",
        "10.toml:10: rule 'rest': is never reached: 'all issues' (10.toml:1) and 'incidents' "
        "(10.toml:7) take everything it could match. Move it to before, in the file or by the "
        "file's name.",
    ]


def test_a_rule_with_the_same_conditions_as_an_earlier_one_is_warned_about() -> None:
    found = rules(
        '[[rule]]\nname = "one"\nwhen.title = "a*"\n[[rule]]\nname = "two"\nwhen.title = "a*"\n'
    )
    assert [w.key for w in found.warnings] == ["rule 'two'"]
