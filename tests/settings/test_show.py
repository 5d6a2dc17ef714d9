"""``config show``: the settings in force, as they are written, each with its origin."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain import durations
from sync.settings import load
from sync.settings.show import as_data, as_toml

CONFIG = """\
[coalesce]
signing_secrets = ["s"]

[server]
body_timeout = "90s"
stop_timeout = 25

[sites.main]
url = "https://jira.example.com"
token = "t"
project = "DATA"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def test_each_value_says_where_it_comes_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKET_SYNC_RETENTION__JOURNAL", "4w")
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__INDEX_LAG", "2m30s")
    lines = {
        part.partition(" = ")[0]: part.partition(" = ")[2]
        for part in as_toml(load(file)).splitlines()
    }
    said = {key: tuple(text.split("  # ")) for key, text in lines.items()}
    shown = {key: (one[0].strip(), one[-1].strip()) for key, one in said.items()}
    assert shown["body_timeout"] == ('"90s"', f"{file}:5")
    assert shown["stop_timeout"] == ("25", f"{file}:6")
    assert shown["journal"] == ('"4w"', "environment variable TICKET_SYNC_RETENTION__JOURNAL")
    assert shown["index_lag"][0] == '"2m30s"'
    assert shown["deliveries"] == ('"90d"', "default")
    assert shown["max_body"][1] == "default"
    assert shown["token"] == ('"(secret)"', f"{file}:10")


def test_what_is_shown_is_a_configuration_that_means_the_same(file: Path, tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    settings = load(file)
    again = tmp_path / "again" / "config.toml"
    again.parent.mkdir()
    again.write_text(as_toml(settings).replace("(secret)", "s"))
    tomllib.loads(again.read_text())
    assert as_data(load(again)) == as_data(settings)


@given(st.integers(0, 10**12))
def test_a_duration_written_out_reads_as_itself(milliseconds: int) -> None:
    text = durations.written(milliseconds / 1000)
    assert durations.seconds_in(text) == pytest.approx(milliseconds / 1000)
