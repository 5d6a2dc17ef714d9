"""The sections [notify.NAME]: what does not go together is said, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.operations.settings import settings_in_force
from sync.settings import Secrets, SettingsError, load
from sync.settings.show import as_data, as_toml
from sync.telemetry import concealed

GOOD = """[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
"""
SLACK = (
    '[notify.ops]\ntype = "slack"\nurl = "https://hooks.example.com/services/T0/B0/planted5e1f"\n'
)
HOOK = '[notify.ops]\ntype = "webhook"\nurl = "https://receiver.example.com/hook"\n'
MAIL = """[notify.ops]
type = "email"
host = "smtp.example.com"
sender = "ts@example.com"
to = "a@example.com"
"""


def mistakes(folder: Path, text: str) -> list[str]:
    (folder / "config.toml").write_text(GOOD + text, "utf-8")
    with pytest.raises(SettingsError) as raised:
        load(folder / "config.toml")
    lines = [str(one).removeprefix(f"{folder}/") for one in raised.value.mistakes]
    return [line.partition(": ")[2] for line in lines]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SLACK.replace("slack", "pigeon"), "[notify.ops] type: "),
        (SLACK.replace("ops", "Ops"), "'Ops' cannot name a channel"),
        ('[notify.ops]\ntype = "slack"\n', "[notify.ops] url: is missing. Set url = { env = "),
        (SLACK.replace("https", "http"), "would be called unencrypted"),
        (SLACK.replace("https:", "ftp:"), "is not a web address"),
        (SLACK.replace("https://", "https://us:pw@"), "has a user name or password in it"),
        (
            SLACK + 'host = "smtp.example.com"\n',
            '[notify.ops] host: is for channels of type "email"',
        ),
        (SLACK + 'kinds = ["parkd"]\n', "names 'parkd', which is no kind of concern. Did you mean"),
        (SLACK + 'timeout = "60s"\n', "[notify.ops] timeout: "),
        (SLACK + 'gap = "0s"\n', "[notify.ops] gap: is 0s, and must be at least 1s"),
        (SLACK + 'ca_bundle = "gone.pem"\n', "[notify.ops] ca_bundle: there is no file"),
        (HOOK, "[notify.ops] signing_secret: is missing"),
        (MAIL.replace("smtp.example.com", "smtp://x/y"), "is not the name of a host"),
        (MAIL.replace('host = "smtp.example.com"', ""), "[notify.ops] host: is missing"),
        (MAIL.replace("ts@example.com", "ts"), "[notify.ops] sender: is not an email address"),
        (MAIL.replace("a@example.com", "a, b@example.com"), "'a, b@example.com' is not an email"),
        (MAIL.replace('to = "a@example.com"', ""), "[notify.ops] to: names nobody"),
        (MAIL + 'user = "ts"\n', "[notify.ops] password: is missing beside user"),
        (
            MAIL + 'user = "ts"\npassword = "planted5e1f"\ntls = "off"\n',
            '[notify.ops] tls: is "off", so that the password would travel unencrypted',
        ),
        (
            '[notify.ops]\ntype = "apprise"\nurl = "syslog://planted5e1f"\n',
            "is not for a service of apprise that can be used here",
        ),
    ],
)
def test_what_does_not_go_together_is_said(text: str, told: str, tmp_path: Path) -> None:
    found = mistakes(tmp_path, text)
    assert len(found) == 1, found
    assert told in found[0]
    assert "planted" not in found[0]


@pytest.mark.parametrize(
    "text",
    [
        SLACK,
        SLACK.replace("https", "http") + "allow_http = true\n",
        SLACK.replace("https://hooks.example.com", "http://127.0.0.1:8065"),
        HOOK + 'signing_secret = "whsec_cGxhbnRlZA=="\ntoken = "tk"\nproxy = "http://p:3128"\n',
        MAIL,
        MAIL + 'tls = "off"\n',
        MAIL.replace("smtp.example.com", "127.0.0.1") + 'tls = "off"\nuser = "u"\npassword = "p"\n',
        '[notify.ops]\ntype = "apprise"\nurl = "ntfys://ntfy.example.com/topic"\n',
    ],
)
def test_each_type_needs_little(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(GOOD + text, "utf-8")
    assert list(load(tmp_path / "config.toml").notify) == ["ops"]


def test_a_channel_can_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(GOOD, "utf-8")
    monkeypatch.setenv("TICKET_SYNC_NOTIFY__OPS__TYPE", "slack")
    monkeypatch.setenv("TICKET_SYNC_NOTIFY__OPS__URL", "https://hooks.example.com/x")
    monkeypatch.setenv("TICKET_SYNC_NOTIFY__OPS__KINDS", '["site", "parked"]')
    assert load(tmp_path / "config.toml").notify["ops"].kinds == ["site", "parked"]


def test_absent_secrets_keep_nothing_from_being_checked(tmp_path: Path) -> None:
    text = HOOK.replace('"https://receiver.example.com/hook"', '{ env = "NOT_SET_HERE" }')
    (tmp_path / "config.toml").write_text(
        GOOD + text + 'signing_secret = { env = "NOT_SET_HERE_EITHER" }\n', "utf-8"
    )
    settings = load(tmp_path / "config.toml", secrets=Secrets.STOOD_IN)
    assert len(settings.absent) == 2


def test_no_secret_is_shown_and_what_quotes_one_is_concealed(tmp_path: Path) -> None:
    secrets = {
        "url": "https://hooks.example.com/services/T0/B0/planted5e1f-url",
        "signing_secret": "planted5e1f-signing",
        "token": "planted5e1f-token",
        "proxy": "http://us:planted5e1f-proxy@proxy.example.com:3128",
    }
    lines = "".join(f'{name} = "{value}"\n' for name, value in secrets.items())
    mail = MAIL.replace("notify.ops", "notify.mail") + 'user = "ts"\npassword = "planted5e1f-pw"\n'
    text = f'{GOOD}[notify.ops]\ntype = "webhook"\n{lines}{mail}'
    (tmp_path / "config.toml").write_text(text, "utf-8")
    settings = load(tmp_path / "config.toml")
    page = settings_in_force(settings)
    assert "planted" not in as_toml(settings) + str(as_data(settings)) + str(page) + repr(settings)
    assert as_data(settings)["notify"]["ops"]["url"] == "(secret)"
    [line] = [one for one in page.given if (one.table, one.name) == ("notify.ops", "url")]
    assert (line.value, line.secret) == ("set", True)
    for quoted in (
        "POST /services/T0/B0/planted5e1f-url HTTP/1.1",
        "Bearer planted5e1f-token",
        "us:planted5e1f-proxy@",
        "AUTH planted5e1f-pw",
    ):
        assert "planted" not in concealed(quoted)
