"""Secrets are checked when they are read, and no message shows one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.settings import Secrets, SettingsError, load
from sync.settings.show import as_toml

CONFIG = """
[coalesce]
signing_secrets = [{{ {signing} }}]
[coalesce.api]
client_id = "us"
client_secret = {{ {client} }}
[sites.main]
url = "https://jira.example.com"
token = {{ {token} }}
project = "DATA"
"""
NAMES = ("signing", "client", "token")
GOOD = "planted-5e1f"


def _config(odd_one: str, value: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where = {}
    for name in NAMES:
        text = value if name == odd_one else GOOD
        if form == "env":
            monkeypatch.setenv(f"ITS_{name}", text)
            where[name] = f'env = "ITS_{name}"'
        else:
            Path(name).write_bytes(text.encode("utf-8", "surrogateescape"))
            where[name] = f'file = "{name}"'
    Path("config.toml").write_text(CONFIG.format(**where))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["env", "file"])
@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", " {} ", "\t{}\n\n", "\ufeff{}", "{}\u00a0"])
def test_white_space_around_a_secret_is_not_part_of_it(
    name: str, form: str, around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _config(name, around.format(GOOD), form, monkeypatch)
    settings = load()
    read = [
        settings.coalesce.signing_secrets[0],
        settings.coalesce.api.client_secret,
        settings.sites["main"].token,
    ]
    assert [secret.get_secret_value() for secret in read] == [GOOD] * 3
    assert "planted" not in as_toml(settings)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["env", "file"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("planted\n5e1f", "a line end at character 8"),
        ("planted5e1f\u200b", "a zero-width space at character 12"),
        ("plantéd5e1f", "a character that is not ASCII at character 6"),
        ("planted\x015e1f", "a control character (U+0001) at character 8"),
    ],
)
def test_an_odd_character_is_named_and_the_secret_is_not(
    name: str, form: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _config(name, value, form, monkeypatch)
    with pytest.raises(SettingsError) as caught:
        load()
    words = str(caught.value)
    assert f"has {told}, which no such secret has" in words
    assert not any(part in words for part in ("plant", "5e1f"))


def test_a_space_within_is_refused_in_what_goes_into_a_header_and_taken_in_a_signing_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _config("token", "planted 5e1f", "env", monkeypatch)
    with pytest.raises(SettingsError, match="has a space at character 8"):
        load()
    _config("signing", "planted 5e1f", "env", monkeypatch)
    assert load().coalesce.signing_secrets[0].get_secret_value() == "planted 5e1f"


def test_secrets_of_webhooks_that_are_absent_are_stood_in_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _config("token", GOOD, "env", monkeypatch)
    with Path("config.toml").open("a") as file:
        file.write('webhook_secrets = { env = "AWAY" }\n')
        file.write('webhook_header_secrets = [{ env = "AWAY_TOO" }]\n')
    settings = load(secrets=Secrets.STOOD_IN)
    assert [str(one) for one in settings.absent] == [
        "config.toml:11: [sites.main] webhook_secrets: the environment variable AWAY is not set. Set "
        'AWAY, or give the secret as a file: { file = "path" }.',
        "config.toml:12: [sites.main] webhook_header_secrets[0]: the environment variable AWAY_TOO is "
        'not set. Set AWAY_TOO, or give the secret as a file: { file = "path" }.',
    ]


def test_no_message_about_text_in_the_place_of_a_table_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("config.toml").write_text('[coalesce]\nsigning_secrets = ["s"]\n')
    for name in ("STORE", "COALESCE", "COALESCE__API", "SITES", "SITES__MAIN", "LOG"):
        with monkeypatch.context() as context:
            context.setenv(f"TICKET_SYNC_{name}", "postgresql://us:planted-5e1f@db.example.com/x")
            with pytest.raises(SettingsError) as caught:
                load()
        assert f"environment variable TICKET_SYNC_{name}: " in str(caught.value)
        assert "must be a table, not text" in str(caught.value)
        assert "5e1f" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        'token = "planted',
        "token = planted-5e1f",
        'token = ["planted-5e1f"]',
        'token = { value = "planted-5e1f" }',
        'token = { file = "a", planted = "5e1f" }',
        'tokne = "planted-5e1f"',
        'email = "planted-5e1f"',
        'browse_url = "https://us:planted-5e1f@jira.example.com"',
        'browse_url = "https://us:planted-5e1f@jira.example.com:port"',
        'browse_url = "https://us:plan ted/5e1f@jira.example.com"',
        'browse_url = "ftp://us:planted-5e1f@jira.example.com"',
        'browse_url = "https://jira.example.com/?token=planted-5e1f"',
        'browse_url = "https://jira.example.com:port/?token=planted-5e1f"',
        'browse_url = "https://jira.example.com/#planted-5e1f"',
    ],
)
def test_no_message_about_the_file_shows_a_secret(line: str) -> None:
    text = CONFIG.replace("token = {{ {token} }}", "")
    text = text.format(signing='env = "HOME"', client='env = "HOME"') + line + "\n"
    Path("config.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load()
    assert not any(part in str(caught.value) for part in ("planted", "plan ted", "5e1f"))
