"""The section [web]: what does not go together is said with the line and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.settings import SettingsError, load
from sync.settings.show import as_data, as_toml
from sync.settings.web import Web

GOOD = """[coalesce]
allow_unsigned = true
[sites.main]
url = "https://jira.example.com"
token = "t"
"""
HASH = "$argon2id$v=19$m=19456,t=2,p=1$DPLggeoOmD4ikIZKlZ3S7A$jIxSLGv/QcfPqnvnUQOLGhN2+zCnnvmx"
DANA = f'[web.users."dana@example.com"]\npassword_hash = "{HASH}"\nrole = "editor"\n'


def mistakes(folder: Path, text: str) -> list[str]:
    (folder / "config.toml").write_text(GOOD + text, "utf-8")
    with pytest.raises(SettingsError) as raised:
        load(folder / "config.toml")
    lines = [str(one).removeprefix(f"{folder}/") for one in raised.value.mistakes]
    return [line.partition(": ")[2] for line in lines]


def web(folder: Path, text: str) -> Web:
    (folder / "config.toml").write_text(GOOD + text, "utf-8")
    return load(folder / "config.toml").web


def test_without_a_word_browsers_on_this_machine_get_in(tmp_path: Path) -> None:
    found = web(tmp_path, "")
    assert (found.login, found.https, found.session) == ("local", False, 12 * 3600)


def test_users_have_a_name_a_hash_and_a_role(tmp_path: Path) -> None:
    found = web(tmp_path, f'[web]\nlogin = "users"\n{DANA}')
    assert {name: user.role for name, user in found.users.items()} == {"dana@example.com": "editor"}


def test_a_hash_is_not_shown_and_a_name_with_a_dot_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(GOOD + DANA, "utf-8")
    settings = load(tmp_path / "config.toml")
    shown = as_toml(settings)
    assert '[web.users."dana@example.com"]' in shown
    assert "argon2id" not in shown
    assert as_data(settings)["web"]["users"]["dana@example.com"]["password_hash"] == "(secret)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[web]\nlogin = "users"\n',
            '[web] login: is "users", but there are none. Run `ticket-sync user add NAME --role '
            "editor`, and put what it prints here.",
        ),
        (
            '[web]\nlogin = "oidc"\n[web.oidc]\nissuer = "https://id.example.com"\n'
            'client_id = "x"\neditors = "data"\n',
            "[web] url: is missing; the provider has to send people back to it. Write the address "
            'that people use, as url = "https://ticket-sync.example.com".',
        ),
        (
            '[web]\nlogin = "oidc"\nurl = "https://t.example.com"\n[web.oidc]\n'
            'client_id = "x"\neditors = "data"\n',
            "[web.oidc] issuer: is missing. Write the address that the provider gave.",
        ),
        (
            '[web]\nlogin = "oidc"\nurl = "https://t.example.com"\n[web.oidc]\n'
            'issuer = "https://id.example.com"\nclient_id = "x"\n',
            "[web.oidc] viewers: gives nobody a role, as operators and editors do. Name groups, as "
            'editors = ["data-platform"], or viewers = ["*"] for everybody.',
        ),
        (
            '[web.oidc]\nissuer = "http://id.example.com"\n',
            "[web.oidc] issuer: would be asked unencrypted. Use an https:// address.",
        ),
        (
            '[web.oidc]\nscopes = "email"\n',
            '[web.oidc] scopes: lacks openid. Write "openid profile email", and more if needed.',
        ),
        (
            '[web]\nlogin = "proxy"\n[web.proxy]\nviewers = "*"\n',
            "[web.proxy] trusted: names no proxy whose headers are believed. Write the address of "
            'the proxy, as trusted = ["10.1.2.3"].',
        ),
        (
            '[web.proxy]\nuser_header = "X User"\n',
            "[web.proxy] user_header: 'X User' is not the name of a header. Write it as "
            '"X-Forwarded-User".',
        ),
        (
            '[web.proxy]\nuser_header = ""\n',
            '[web.proxy] user_header: is empty. Write the header, as "X-Forwarded-User".',
        ),
        (
            '[web]\nurl = "https://t.example.com/sync"\n',
            '[web] url: goes beyond the host. Write it as "https://ticket-sync.example.com".',
        ),
        (
            '[web]\nurl = "http://t.example.com"\n',
            "[web] url: would have people sign in unencrypted. Use an https:// address.",
        ),
        (
            '[web.users.dana]\nrole = "editor"\n',
            "[web.users.dana] password_hash: is missing. Run `ticket-sync user add NAME --role "
            "editor`, and put what it prints here.",
        ),
        (
            '[web.users.dana]\npassword_hash = "hunter2"\n',
            "[web.users.dana] password_hash: is not a hash of a password (argon2id) that can be "
            "checked in a moment. Run `ticket-sync user add NAME --role editor`, and put what it "
            "prints here.",
        ),
        (
            f'[web.users.dana]\npassword_hash = "{HASH.replace("19456", "9999999")}"\n',
            "[web.users.dana] password_hash: is not a hash of a password (argon2id) that can be "
            "checked in a moment. Run `ticket-sync user add NAME --role editor`, and put what it "
            "prints here.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_remedy(tmp_path: Path, text: str, told: str) -> None:
    assert told in mistakes(tmp_path, text)


def test_a_name_that_could_be_taken_for_another_account_is_refused(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, f'[web.users."token ci"]\npassword_hash = "{HASH}"\n')
    assert "'token ci' cannot name a user" in found


def test_oidc_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.settings.web.find_spec", lambda name: None)
    found = mistakes(tmp_path, '[web]\nlogin = "oidc"\n')
    assert (
        '[web] login: is "oidc", and a package for it is not installed. Install it: pip install '
        "'ticket-sync[oidc]'." in found
    )
