"""How a site is reached: its address, its proxy, its certificates, its headers, its log-in."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from sync.settings import SettingsError, load
from sync.settings.connection import beyond_the_site
from sync.settings.show import as_toml

START = '[coalesce]\nsigning_secrets = ["s"]\n[sites.main]\n'
WORDS = st.sampled_from(
    ["rest", "secure", "projects", "browse", "jira", "software", "issues", "api"]
)
REST = st.from_regex(r"\A[a-z0-9-]{0,8}[a-z0-9]\Z").filter(lambda text: not text.startswith("-"))
NAMES = st.builds("{}{}".format, WORDS, REST) | WORDS


def read(lines: str) -> str:
    Path("config.toml").write_text(START + 'url = "https://jira.example.com"\n' + lines)
    return as_toml(load())


def refused(lines: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(lines)
    return str(caught.value)


@given(host=NAMES, domain=st.sampled_from(["", ".example.com"]), path=st.lists(NAMES, max_size=2))
def test_hosts_and_context_paths_may_have_any_name(host: str, domain: str, path: list[str]) -> None:
    at = f"/{'/'.join(path)}/"
    if not any(deep in at for deep in ("/rest/api/", "/jira/software/")):
        assert beyond_the_site("/".join([f"https://{host}{domain}", *path])) == ("", "")


@given(context=st.sampled_from(["", "/jira", "/rest", "/secure", "/projects", "/browse/tools"]))
def test_pages_and_apis_within_a_jira_are_told_from_its_context_path(context: str) -> None:
    site = f"https://jira.example.com{context}"
    for further in (
        "/browse/DATA-1",
        "/browse/DATA",
        "/rest/api",
        "/rest/api/2/issue",
        "/rest/agile/1.0",
        "/secure/Dashboard.jspa",
        "/secure/RapidBoard.jspa",
        "/projects/DATA/issues",
        "/projects/DATA",
        "/login.jsp",
    ):
        found, part = beyond_the_site(site + further)
        assert found == site
        assert further.startswith(part)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://team.atlassian.net/jira", "https://team.atlassian.net"),
        ("https://team.atlassian.net/projects", "https://team.atlassian.net"),
        ("https://api.atlassian.com/ex/jira/1-2/rest", "https://api.atlassian.com/ex/jira/1-2"),
        ("https://team.atlassian.net", ""),
        ("https://api.atlassian.com/ex/jira/1-2", ""),
        ("https://jira.restaurant.example.com", ""),
    ],
)
def test_cloud_has_one_address_for_a_site(url: str, site: str) -> None:
    assert beyond_the_site(url)[0] == site


def test_the_password_of_a_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXY", "http://us:planted%2F5e1f@proxy.example.com:3128/\n")
    shown = read('token = "t"\nproxy = { env = "PROXY" }\n')
    assert 'proxy = "http://us:***@proxy.example.com:3128"' in shown
    proxy = load().sites["main"].proxy.get_secret_value()
    assert proxy == "http://us:planted%2F5e1f@proxy.example.com:3128"
    assert "planted" not in repr(load())


@pytest.mark.parametrize(
    "proxy",
    [
        "http://us:planted/5e1f@proxy.example.com",
        "http://us:planted5e1f@proxy.example.com:port",
        "us:planted5e1f@proxy.example.com:3128",
        "socks5://us:planted5e1f@proxy.example.com:3128",
        "http://us:planted 5e1f@proxy.example.com:3128",
        "http://us:planted\u200b5e1f@proxy.example.com:3128",
        "http://us:plantéd5e1f@proxy.example.com:3128",
    ],
)
def test_a_wrong_proxy_is_told_without_its_password(proxy: str) -> None:
    told = refused(f'token = "t"\nproxy = "{proxy}"\n')
    assert "[sites.main] proxy: " in told
    assert "user:password@proxy" in told
    assert not any(part in told for part in ("plant", "5e1f"))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('user = "bot"\n', "[sites.main] password: is missing beside user"),
        ('password = "planted5e1f"\n', "[sites.main] user: is missing beside password"),
        ('user = "bot"\npassword = "planted5e1f"\ntoken = "t"\n', "only one of them can log in"),
        (
            'user = "bot"\npassword = "planted5e1f"\nemail = "a@b.c"\n',
            "only one of them can log in",
        ),
        (
            'user = "bot"\npassword = "planted5e1f"\ndeployment = "cloud"\n',
            "[sites.main] user: is given, but Jira Cloud takes an API token",
        ),
        ('user = "b:t"\npassword = "planted5e1f"\n', "has a character that no user name has"),
        ('token = "t"\nheaders = { "X Y" = "planted5e1f" }\n', "is no name of a header"),
        ('token = "t"\nheaders = { Authorization = "planted5e1f" }\n', "ticket-sync sets itself"),
        ('token = "t"\nheaders = { host = "planted5e1f" }\n', "ticket-sync sets itself"),
        (
            'token = "t"\nheaders = { X-Way = "planted\\n5e1f" }\n',
            "X-Way: has a line end at character 8",
        ),
        ('token = "t"\nheaders = { X-Way = { env = "NOT_SET" } }\n', "variable NOT_SET is not set"),
        ('token = "t"\nheaders = { X-Way = "" }\n', "X-Way: is empty"),
        ('token = "t"\nheaders = "X-Way: planted5e1f"\n', "must be a table of headers"),
    ],
)
def test_mistakes_of_log_in_and_headers_are_told_without_values(lines: str, told: str) -> None:
    words = refused(lines)
    assert told in words
    assert not any(part in words for part in ("planted", "5e1f"))


def test_a_user_and_a_password_of_any_letters_are_taken() -> None:
    shown = read('user = "bot"\npassword = " grüße an 東京 "\n')
    assert load().sites["main"].password.get_secret_value() == "grüße an 東京"
    assert 'password = "(secret)"' in shown


def test_a_token_alone_goes_for_cloud_too() -> None:
    assert 'deployment = "cloud"' in read('token = "t"\ndeployment = "cloud"\n')


@pytest.fixture
def pems(folder: Path) -> Path:
    """The files of a CA, of two certificates, and of others that are none."""
    ca = trustme.CA()
    one, two = ca.issue_cert("one"), ca.issue_cert("two")
    ca.cert_pem.write_to_path("ca.pem")
    one.private_key_and_cert_chain_pem.write_to_path("both.pem")
    one.cert_chain_pems[0].write_to_path("one.pem")
    one.private_key_pem.write_to_path("one.key")
    two.private_key_pem.write_to_path("two.key")
    key = serialization.load_pem_private_key(one.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"planted5e1f"),
    )
    Path("locked.key").write_bytes(locked)
    Path("text.pem").write_text("no certificate")
    Path("empty.pem").write_text("")
    return folder


def test_certificates_are_read_when_the_settings_are(pems: Path) -> None:
    for files in (
        'ca_bundle = "ca.pem"',
        'client_certificate = "both.pem"',
        'client_certificate = "one.pem"\nclient_key = "one.key"',
    ):
        read(f'token = "t"\n{files}\n')


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ('ca_bundle = "none.pem"', "ca_bundle: there is no file {folder}/none.pem"),
        (
            'ca_bundle = "text.pem"',
            "ca_bundle: {folder}/text.pem does not hold what is needed in PEM",
        ),
        (
            'ca_bundle = "empty.pem"',
            "ca_bundle: {folder}/empty.pem does not hold what is needed in PEM",
        ),
        (
            'client_certificate = "one.pem"',
            "client_certificate: {folder}/one.pem does not hold what",
        ),
        ('client_certificate = "ca.pem"\nclient_key = "no.key"', "client_key: there is no file"),
        ('client_key = "one.key"', "client_certificate: is missing beside client_key"),
        (
            'client_certificate = "one.pem"\nclient_key = "two.key"',
            "client_certificate: and its private key do not belong together",
        ),
        (
            'client_certificate = "one.pem"\nclient_key = "locked.key"',
            "client_certificate: has a private key with a passphrase",
        ),
    ],
)
def test_certificates_that_cannot_be_used_are_told(files: str, told: str, pems: Path) -> None:
    assert told.format(folder=pems) in refused(f'token = "t"\n{files}\n')
