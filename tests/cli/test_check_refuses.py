"""``check --offline`` refuses what ``serve`` refuses at its start, in the same words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sync.bootstrap.program import build
from sync.cli.main import app
from sync.settings import load
from sync.toml import MistakesFound

# Where the secrets are: none of them is set where `check` runs.
SECRETS = {
    "IT_SIGNS": "signing",
    "IT_TOKEN": "token",
    "IT_PASSWORD": "password",
    "IT_CLIENT": "client",
    "IT_HEADER": "header",
    "IT_PROXY": "http://us:them@proxy.example.com:3128",
}
GOOD: dict[str, dict[str, str]] = {
    "": {},
    "coalesce": {"signing_secrets": '[{ env = "IT_SIGNS" }]'},
    "coalesce.api": {"client_id": '"us"', "client_secret": '{ env = "IT_CLIENT" }'},
    "sites.main": {
        "url": '"https://jira.example.com"',
        "token": '{ env = "IT_TOKEN" }',
        "project": '"DATA"',
        "proxy": '{ env = "IT_PROXY" }',
        "headers": '{ X-One = { env = "IT_HEADER" } }',
    },
    "worker": {},
    "server": {},
    "sweeps.own": {},
    "mappings": {},
}
# What a person may do to a setting: another value, or "" to leave it out.
EDITS: list[tuple[str, str, str]] = [
    ("", "default_site", '"other"'),
    ("coalesce", "signing_secrets", ""),
    ("coalesce", "signing_secrets", '[{ env = "IT_SIGNS" }, " "]'),
    ("coalesce", "replay_window", '"soon"'),
    ("coalesce", "allow_unsigned", '"perhaps"'),
    ("coalesce.api", "client_id", ""),
    ("coalesce.api", "client_secret", ""),
    ("coalesce.api", "url", '"http://api.example.com"'),
    ("coalesce.api", "region", '"mars"'),
    ("sites.main", "url", '"http://jira.example.com"'),
    ("sites.main", "url", '"https://jira.example.com/browse/DATA-1"'),
    ("sites.main", "url", '"https://api.atlassian.com/ex/jira/1"'),
    ("sites.main", "url", '"https://team.atlassian.net"'),
    ("sites.main", "url", ""),
    ("sites.main", "token", ""),
    ("sites.main", "email", '"nobody"'),
    ("sites.main", "email", '"bot@example.com"'),
    ("sites.main", "deployment", '"datacenter"'),
    ("sites.main", "deployment", '"cloud"'),
    ("sites.main", "user", '"bot"'),
    ("sites.main", "password", '{ env = "IT_PASSWORD" }'),
    ("sites.main", "project", '"Data team"'),
    ("sites.main", "project", ""),
    ("sites.main", "emial", '"x"'),
    ("sites.main", "ca_bundle", '"nowhere.pem"'),
    ("sites.main", "headers", '{ Cookie = { env = "IT_HEADER" }, "X Y" = "1" }'),
    ("sites.main", "headers", '{ X-One = { env = "IT_HEADER" }, X-Two = "" }'),
    ("sites.main", "read_timeout", '"10m"'),
    ("sites.second", "url", '"https://other.example.com"'),
    ("sites.second", "token", '{ env = "IT_TOKEN" }'),
    ("worker", "lease", '"6s"'),
    ("worker", "threads", "0"),
    ("server", "port", '"http"'),
    ("sweeps.own", "cron", '"* *"'),
    ("sweeps.own", "cron", '"99 * * * *"'),
    ("sweeps.own", "every", '"1s"'),
    ("mappings", "directory", '"nowhere"'),
]
RULES = [
    '[[rule]]\nname = "all"\n',
    '[[rule]]\nname = "all"\nsite = "other"\n',
    '[[rule]]\nname = "all"\nproject = "{{ x }}"\n',
    '[[rule]]\nname = "all"\n[rule.fields]\nsummary = "{{ isue.title }}"\n',
    '[[rule]]\nname = "all"\nwhen = { titel = "x" }\n',
    '[[rule]]\nname = "all"\n[[rule]]\nname = "all"\n',
    "[[rule]\n",
    "",
]


def written(folder: Path, edits: list[tuple[str, str, str]], rules: str) -> None:
    sections = {name: dict(keys) for name, keys in GOOD.items()}
    for section, key, value in edits:
        sections.setdefault(section, {})[key] = value
    lines = []
    for section, keys in sections.items():
        lines += [f"[{section}]"] if section else []
        lines += [f"{key} = {value}" for key, value in keys.items() if value]
    (folder / "config.toml").write_text("\n".join(lines) + "\n")
    (folder / "mappings").mkdir()
    (folder / "mappings/rules.toml").write_text(rules)


@contextmanager
def environment(folder: Path, secrets: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.delenv(name, raising=False)
        for name, value in secrets.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        yield


def refused_by_serve() -> list[str]:
    """The mistakes on which the daemon ends at its start."""
    try:
        program = build(load())
    except MistakesFound as error:
        return [str(mistake) for mistake in error.mistakes]
    program.stop(5.0)
    return []


def check(*args: str) -> Any:
    return CliRunner().invoke(app, ["check", "--offline", *args])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(EDITS), max_size=3), st.sampled_from(RULES), st.booleans())
@example([("sweeps.own", "cron", '"99 * * * *"')], RULES[0], False)
@example([("worker", "lease", '"6s"')], RULES[0], False)
@example([("sites.second", "url", '"https://other.example.com"')], RULES[0], False)
@example([], RULES[0], False)
def test_what_serve_refuses_check_refuses_in_the_same_words_without_secrets(
    edits: list[tuple[str, str, str]], rules: str, there: bool
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(os.path.realpath(name))
        written(folder, edits, rules)
        with environment(folder, SECRETS):
            refused = refused_by_serve()
        with environment(folder, SECRETS if there else {}):
            result = check()
    told = [line for line in result.stdout.splitlines() if not line.startswith(("Note", "Not "))]
    assert told[:-1] == refused
    assert result.exit_code == (1 if refused else 0)
    assert ("Not checked: config.toml" in result.stdout) is not there
    assert "All is well." not in result.stdout, "Jira was not asked"


def test_each_absent_secret_is_named_with_its_place(tmp_path: Path) -> None:
    written(tmp_path, [("sites.main", "client_key", '"/run/secrets/key.pem"')], RULES[0])
    with environment(tmp_path, {"IT_SIGNS": "signing", "IT_TOKEN": "token"}):
        result = check()
    lines = result.stdout.splitlines()
    for place in (
        "config.toml:5: [coalesce.api] client_secret: the environment variable IT_CLIENT is not set.",
        "config.toml:10: [sites.main] proxy: the environment variable IT_PROXY is not set.",
        "config.toml:11: [sites.main.headers] X-One: the environment variable IT_HEADER is not set.",
        "config.toml:12: [sites.main] client_key: there is no file /run/secrets/key.pem.",
    ):
        assert any(line.startswith(f"Not checked: {place}") for line in lines), lines
    assert not any("IT_TOKEN" in line for line in lines), "it is there"
    assert lines[-1] == (
        "All that could be checked is well: the configuration and the rules. "
        "Not checked: Jira and 4 absent secrets."
    )
    assert result.exit_code == 0


def test_a_secret_that_is_there_is_checked_without_jira_too(tmp_path: Path) -> None:
    written(tmp_path, [], RULES[0])
    with environment(tmp_path, {**SECRETS, "IT_TOKEN": "planted 5e1f", "IT_CLIENT": ""}):
        refused, result = refused_by_serve(), check()
    assert len(refused) == 2
    assert result.stdout.splitlines()[:2] == refused
    assert result.stdout.splitlines()[-1] == "2 mistakes. Not checked: the rules and Jira."
