"""What the README shows can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.cli.main import app
from sync.rules import Defaults, load
from sync.settings import load as load_settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CONFIG, RULES, TELLING = re.findall(r"```toml\n(.*?)```", README, re.S)


def test_its_configuration_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COALESCE_SIGNING_SECRET", "s")
    monkeypatch.setenv("JIRA_TOKEN", "t")
    (tmp_path / "config.toml").write_text(CONFIG)
    assert load_settings(tmp_path / "config.toml").sites["main"].project == "DATA"


def test_its_rules_load(tmp_path: Path) -> None:
    (tmp_path / "10-finance.toml").write_text(RULES)
    rules = load(tmp_path, Defaults(sites={"main": None}, default_site="main")).rules
    assert [(rule.ref.name, rule.project) for rule in rules] == [
        ("finance is urgent", "DATA"),
        ("everything else", "DATA"),
    ]


def test_its_rule_that_tells_upstream_loads(tmp_path: Path) -> None:
    (tmp_path / "10-both.toml").write_text(TELLING)
    found = load(tmp_path, Defaults(sites={"main": "DATA"}, default_site="main"))
    assert [rule.tells for rule in found.rules] == [True]
    assert not found.warnings


def test_each_verb_it_names_exists() -> None:
    named = re.findall(r"(?:`| {4})ticket-sync ((?:[a-z]+ ?)+)", README)
    assert len(named) > 5
    for words in {tuple(name.split()) for name in named}:
        code = CliRunner().invoke(app, [*words, "--help"]).exit_code
        assert code == 0, " ".join(words)


def test_each_make_target_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"(?:`| {4})make ([a-z]+)", README)):
        assert re.search(rf"(?m)^{target}:", makefile), target


def test_each_file_it_links_to_exists() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
