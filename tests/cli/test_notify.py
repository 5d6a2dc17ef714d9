"""``notify test``: a sample through each channel, and what its receiver said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sync.cli.main import app
from tests.adapters.notify.receivers import Hook, Mailbox, hook, mailbox

CONFIG = """
[web]
url = "https://tickets.example.com"
[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
project = "DATA"
[notify.chat]
type = "slack"
url = "{hook}/planted-5e1f"
[notify.mail]
type = "email"
host = "127.0.0.1"
port = {port}
tls = "off"
sender = "ticket-sync@example.com"
to = ["a@example.com"]
"""


@pytest.fixture
def receivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Hook, Mailbox]]:
    monkeypatch.chdir(tmp_path)
    with hook() as chat, mailbox() as box:
        Path("config.toml").write_text(CONFIG.format(hook=chat.url, port=box.port))
        yield chat, box


def said(*args: str) -> Result:
    return CliRunner().invoke(app, ["notify", "test", *args])


def test_each_channel_gets_a_sample(receivers: tuple[Hook, Mailbox]) -> None:
    chat, box = receivers
    done = said()
    assert done.exit_code == 0, done.output
    first, second = done.stdout.splitlines()
    assert first.startswith("✓ chat: 127.0.0.1 answered 200 (")
    assert second.startswith("✓ mail: 127.0.0.1 took it for 1 (")
    words = "This is a test of the channel 'chat'. Nothing is wrong."
    assert words in chat.got[0].data["text"]
    assert box.got[0]["Subject"] == "ticket-sync: a test"


def test_one_that_fails_says_why_and_the_others_are_tried(receivers: tuple[Hook, Mailbox]) -> None:
    chat, box = receivers
    chat.answers, chat.said = [404], b"no_service"
    done = said("--json")
    assert done.exit_code == 1
    found = {one["channel"]: (one["sent"], one["words"]) for one in json.loads(done.stdout)}
    assert found == {
        "chat": (False, "127.0.0.1 answered 404: no_service"),
        "mail": (True, "127.0.0.1 took it for 1"),
    }
    assert len(box.got) == 1
    assert "planted" not in done.output


def test_one_channel_alone_can_be_tried_by_its_name(receivers: tuple[Hook, Mailbox]) -> None:
    chat, box = receivers
    assert said("mail").exit_code == 0
    assert (len(chat.got), len(box.got)) == (0, 1)
    unknown = said("pager")
    assert unknown.exit_code == 2
    assert "There is no channel 'pager'. There are: chat, mail." in unknown.stderr


def test_without_a_channel_it_says_what_to_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(CONFIG.partition("[notify.chat]")[0])
    done = said()
    assert done.exit_code == 2
    assert "add a table [notify.NAME]" in done.stderr


def test_check_notes_a_channel_that_goes_by_rules_that_there_are_not(
    receivers: tuple[Hook, Mailbox],
) -> None:
    Path("mappings").mkdir()
    Path("mappings/rules.toml").write_text('[[rule]]\nname = "finance tables"\n')
    text = Path("config.toml").read_text()
    Path("config.toml").write_text(
        text.replace("[notify.mail]", 'rules = ["finance*", "fnance"]\n[notify.mail]')
    )
    done = CliRunner().invoke(app, ["check", "--offline"])
    assert done.exit_code == 0, done.output
    assert "Note: config.toml:13: [notify.chat] rules: no rule is called 'fnance'." in done.stdout
    assert receivers[0].got == []
