"""``rules test``: what the tests beside the rules say, and what is wrong with them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sync.cli.main import app
from sync.operations.rules.tests import run_tests
from sync.rules import Defaults, load
from sync.rules.tests import SAMPLES, RuleTestErrors, load_tests
from sync.sandbox.coalesce import sample_body

RULES = """
[[rule]]
name = "finance"
when = { owner = "Finance*" }
project = "FIN"
[rule.fields]
summary = "{{ subject.title }}"
labels = ["money", "late"]
priority = "High"

[[rule]]
name = "urgent"
when = { impact = { product_priority = "P1", owner = "Finance*", count = ">= 10" } }

[[rule]]
name = "the rest"
when = { kind = "issue" }
project = "OPS"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tests = tmp_path / "mappings" / "tests"
    tests.mkdir(parents=True)
    (tmp_path / "mappings" / "rules.toml").write_text(RULES)
    return tests


def call(text: str, *args: str) -> tuple[int, str, str]:
    Path("mappings/tests/a.toml").write_text(text)
    done = CliRunner().invoke(app, ["rules", "test", *args])
    return done.exit_code, done.stdout, done.stderr


def one(expect: str, more: str = 'sample = "issue_created"') -> str:
    return f'[[test]]\nname = "it"\n{more}\nexpect = {{ {expect} }}\n'


@pytest.mark.parametrize(
    ("expect", "more"),
    [
        ('rule = "the rest", project = "OPS", site = "main", status = "open"', ""),
        ('rule = "fin*", fields = { labels = ["money", "lat?"] }', 'owner = "Finance data"'),
        (
            'fields = { Summary = "GONE*", priority = "high" }',
            'owner = "FINANCE"\ntitle = "gone rows"',
        ),
        ("made = false, rule = '/^$/'", 'title = "x"'),
        (
            'rule = "urgent"',
            'impact = { product_priority = "P1", owner = "Finance data", count = 12 }',
        ),
        ('rule = "the rest"', "impact = { count = 9 }"),
        ('fields = { labels = "late", environment = "" }', 'owner = "Finance data"'),
    ],
)
def test_what_is_so_passes(expect: str, more: str) -> None:
    sample = "incident_open" if "made" in expect else "issue_created"
    code, out, err = call(one(expect, f'sample = "{sample}"\n{more}'))
    assert (code, out) == (0, "1 test passed.\n"), out + err


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        (
            'rule = "finance"',
            "rule: 'finance' is expected, and it is 'the rest' (finance: owner is",
        ),
        ('project = "FIN"', "project: 'FIN' is expected, and it is 'OPS'"),
        ("made = false", "made: no ticket is expected, and: Bug or Task in OPS"),
        ('status = "closed"', "status: 'closed' is expected, and it is 'open'"),
        ('fields = { priority = "Low" }', "fields.priority: 'Low' is expected, and it is nothing"),
        ('fields = { labels = ["money"] }', "fields.labels: 'money' is expected, and it is "),
    ],
)
def test_what_is_not_so_is_told_with_the_place_of_the_test(expect: str, words: str) -> None:
    code, out, _ = call(one(expect))
    assert code == 1
    assert out.startswith("mappings/tests/a.toml:1: it\n  ")
    assert words in out
    assert out.endswith("1 test, 1 failed.\n")


def test_a_delivery_may_come_from_a_file_beside_the_tests(folder: Path) -> None:
    (folder / "body.json").write_bytes(sample_body("issue_closed"))
    assert call(one('status = "closed"', 'file = "body.json"'))[0] == 0
    (folder / "body.json").write_bytes(b"nonsense")
    code, out, _ = call(one('status = "closed"', 'file = "body.json"'), "--json")
    assert code == 1
    (tested,) = json.loads(out)
    assert tested["failures"][0]["key"] == "file"
    assert "cannot be read" in tested["failures"][0]["words"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a.toml: test: is missing"),
        (one('rul = "x"'), "a.toml:4: expect.rul: is not a key here. Did you mean 'rule'?"),
        (one('status = "opn"'), "a.toml:4: expect.status: cannot be 'opn'. Did you mean 'open'?"),
        (one("fields = { a = 3 }"), "a.toml:4: expect.fields.a: must be text, not 3"),
        (one('rule = "/(/"'), "a.toml:4: expect.rule: "),
        (
            one('rule = "x"', 'sample = "issue_created"\nimpact = { count = -1 }'),
            "a.toml:4: impact.count: ",
        ),
        (
            one('rule = "x"', 'sample = "issue_created"\nimpact = { cuont = 1 }'),
            "a.toml:4: impact.cuont: is not a key here. Did you mean 'count'?",
        ),
        (one('rule = "x"', 'sample = "issue_made"'), "a.toml:3: sample: cannot be 'issue_made'"),
        (one('rule = "x"', 'file = "no.json"'), "a.toml:1: file: no.json cannot be read"),
        (
            one('rule = "x"', ""),
            "a.toml:1: sample: needs one delivery. Give either sample or file.",
        ),
        ("[[test", "a.toml:1"),
    ],
)
def test_a_slip_in_a_test_is_told_with_its_line_and_remedy(text: str, words: str) -> None:
    code, _, err = call(text)
    assert (code, words in err) == (2, True), err


def test_without_tests_it_says_where_they_go(folder: Path) -> None:
    done = CliRunner().invoke(app, ["rules", "test"])
    assert done.exit_code == 2
    assert "mappings/tests: has no tests. Put a file such as default.toml there" in done.stderr


def test_the_tests_that_come_with_the_rules_pass_and_need_the_rules() -> None:
    shipped = Path(__file__).parents[2] / "mappings"
    code = CliRunner().invoke(app, ["rules", "test", str(shipped / "tests" / "default.toml")])
    assert code.exit_code == 1
    rules = load(shipped, Defaults({"main": "DATA"}, "main"))
    from sync.bootstrap.adapters import sources_of
    from sync.settings import Settings

    sources = list(sources_of(Settings()).values())
    found = run_tests(load_tests(shipped), sources, rules, {})
    assert [tested.failures for tested in found] == [()] * len(found)
    assert len(found) >= 4


def test_the_example_of_the_page_is_a_test_that_can_pass_and_fail() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    (example,) = re.findall(r"^```toml tests\n(.*?)^```", page, re.S | re.M)
    code, out, err = call(example)
    assert (code, "labels: 'data-quality' is expected" in out) == (1, True), err
    Path("mappings/rules.toml").write_text(RULES.replace('["money", "late"]', '["data-quality"]'))
    assert call(example)[0] == 0


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text_is_a_file_of_tests_or_a_told_mistake(text: str) -> None:
    Path("mappings/tests/a.toml").write_text(text, "utf-8")
    with pytest.raises(RuleTestErrors) as told:
        load_tests(Path("mappings"))
    assert all(str(mistake).startswith("mappings/tests/a.toml") for mistake in told.value.mistakes)


def test_every_sample_can_be_tested() -> None:
    from sync.cli.send import Sample

    assert set(SAMPLES) == {one.value for one in Sample}
