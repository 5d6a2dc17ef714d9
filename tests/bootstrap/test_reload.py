"""Reading again: what is said, and that the end is told whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from sync.bootstrap.reload import Reloading
from sync.settings import Secrets, Settings, load
from sync.settings.changes import changed
from sync.store.engine import StoreUnavailable

GOOD = """
[coalesce]
signing_secrets = ["one"]
[sites.main]
url = "https://jira.example.com"
token = { file = "token" }
project = "DATA"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "token").write_text("first")
    (tmp_path / "config.toml").write_text(GOOD)
    return load(tmp_path / "config.toml")


def read_again(reloading: Reloading) -> list[dict[str, Any]]:
    """What the log says of one reading, which has to tell its end."""
    ended = threading.Event()
    with structlog.testing.capture_logs() as said:
        reloading.begin(ended.set)
        assert ended.wait(60)
    return [dict(one) for one in said]


def raises(error: Exception) -> Callable[[], object]:
    def call() -> object:
        raise error

    return call


def test_without_a_change_only_the_rules_are_spoken_of(settings: Settings) -> None:
    said = read_again(Reloading(settings, lambda: None, lambda: "an edit waits"))
    assert said == [
        {"event": "read the rules again", "waits": "an edit waits", "log_level": "info"}
    ]
    assert read_again(Reloading(settings, None)) == []


def test_a_secret_that_was_changed_in_its_file_needs_a_restart(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("second")
    (said,) = read_again(Reloading(settings, None))
    assert said["settings"] == ["[sites.main] token"]
    assert "second" not in str(said)


def test_sites_that_come_or_go_are_named(settings: Settings, tmp_path: Path) -> None:
    text = (tmp_path / "config.toml").read_text()
    more = text.replace("[sites.main]", "[sites.other]").partition("[sites")[2]
    (tmp_path / "config.toml").write_text(f"default_site = 'main'\n{text}[sites{more}")
    assert changed(settings) == ["[sites] other", "default_site"]


def test_what_came_through_a_pipe_or_from_the_environment_alone_is_not_missed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "config.toml").open() as opened:
        passed = load(Path(f"/dev/fd/{opened.fileno()}"))
    (tmp_path / "config.toml").unlink()
    assert changed(passed) == []
    monkeypatch.setenv("TICKET_SYNC_STORE__URL", "sqlite:///here.db")
    monkeypatch.setenv("TICKET_SYNC_COALESCE__SIGNING_SECRETS", "one")
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__URL", "https://jira.example.com")
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__TOKEN__FILE", "token")
    alone = load(secrets=Secrets.NEEDED)
    assert changed(alone) == []
    (tmp_path / "token").write_text("second")
    assert changed(alone) == ["[sites.main] token"]


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (StoreUnavailable("it is away"), "the rules were not read again: the store is away"),
        (RuntimeError("a defect"), "reading the rules again failed"),
    ],
)
def test_the_end_is_told_whatever_happens(settings: Settings, error: Exception, event: str) -> None:
    (said,) = read_again(Reloading(settings, raises(error)))
    assert said["event"] == event
