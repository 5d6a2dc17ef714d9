"""The ways to a Jira: real TLS, a real proxy, log-ins of each kind, gateways, and addresses that are no
Jira. Every site is read from a configuration file."""

from __future__ import annotations

import datetime
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvicorn

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call, Safety
from sync.bootstrap.adapters import jira_site
from sync.domain.errors import Fault, Refused, SiteDown, Unknown
from sync.ports import SystemClock
from sync.sandbox.jira import Dialect, JiraSandbox
from sync.sandbox.jira.app import create_app
from sync.sandbox.jira.ready_site import BOT
from sync.settings import load
from sync.web.server import listen
from tests.adapters.cookies import baking, kept

pytestmark = pytest.mark.proof

PASSWORD = "pä:ss/w@rd 東京"
ENCODED = "p%C3%A4%3Ass%2Fw%40rd%20%E6%9D%B1%E4%BA%AC"
CREATE = Call(
    "POST",
    "issue",
    "creating",
    Safety.ONCE,
    body={"fields": {"project": {"key": "DATA"}, "issuetype": {"name": "Bug"}, "summary": "made"}},
)


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ca: trustme.CA) -> None:
    monkeypatch.chdir(tmp_path)
    ca.cert_pem.write_to_path("ca.pem")
    ca.issue_cert("bot@example.com").private_key_and_cert_chain_pem.write_to_path("client.pem")


@contextmanager
def served(app: Any, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """An ASGI application on a port of this machine, with TLS where there is a context."""
    bound = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1)
    config.load()
    config.ssl = context
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def alerting(context: ssl.SSLContext) -> Iterator[int]:
    """A server that ends every TLS handshake that it does not like with an alert."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()


def tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A forward proxy in a process of its own, for the user ``us`` with the password; its port."""
    file = tmp_path_factory.mktemp("proxy") / "port"
    arguments = [
        "--hostname",
        "127.0.0.1",
        "--port",
        "0",
        "--port-file",
        str(file),
        "--log-level",
        "c",
    ]
    workers = ["--num-workers", "1", "--num-acceptors", "1", "--basic-auth", f"us:{PASSWORD}"]
    command = [sys.executable, "-m", "proxy", *arguments, *workers]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            end = time.monotonic() + 30
            while not (file.exists() and file.read_text().strip()):
                assert process.poll() is None, process.stderr and process.stderr.read()
                assert time.monotonic() < end
                time.sleep(0.02)
            yield int(file.read_text())
        finally:
            process.terminate()
            process.wait(20)


def configured(lines: str) -> Calls:
    """The calls to the site with these settings."""
    Path("config.toml").write_text(f'[coalesce]\nsigning_secrets = ["s"]\n[sites.main]\n{lines}\n')
    return Calls(jira_site("main", load().sites["main"]), SystemClock())


def logged_in(url: str, more: str = "") -> Calls:
    return configured(
        f'url = "{url}"\nemail = "{BOT.email}"\ntoken = "{BOT.secret}"\nproject = "DATA"\n{more}'
    )


def makes_a_ticket(calls: Calls, site: JiraSandbox) -> None:
    before = len(site.tickets())
    calls.make(CREATE)
    assert len(site.tickets()) == before + 1


def refusal(calls: Calls) -> str:
    """What asking who we are ends in; no secret is in it."""
    with pytest.raises(Fault) as caught:
        calls.whoami()
    words = str(caught.value)
    assert not any(part in words for part in (PASSWORD, ENCODED, "5e1f", BOT.secret))
    return words


WAYS = ["direct", "TLS", "proxy", "proxy and TLS"]


@pytest.mark.parametrize("way", WAYS)
def test_a_ticket_is_made_by_every_way(way: str, ca: trustme.CA, proxy: int) -> None:
    site = JiraSandbox(Dialect.CLOUD)
    secure, lines = "TLS" in way, ""
    if "proxy" in way:
        lines = f'proxy = "http://us:{ENCODED}@127.0.0.1:{proxy}"\n'
    if secure:
        lines += 'ca_bundle = "ca.pem"\n'
    with served(create_app(site), tls(ca.issue_cert("localhost")) if secure else None) as port:
        makes_a_ticket(logged_in(f"http{'s' * secure}://localhost:{port}", lines), site)


@pytest.mark.parametrize("login", ["us:planted5e1f@", "", "planted5e1f@"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_does_not_know_us_is_told_as_such(login: str, scheme: str, proxy: int) -> None:
    tracker = logged_in(f"{scheme}://localhost:1", f'proxy = "http://{login}127.0.0.1:{proxy}"\n')
    told = refusal(tracker)
    assert "the proxy does not accept our user and password (407); correct them in `proxy`" in told
    with pytest.raises((Refused, SiteDown)):
        # Nothing reached Jira.
        logged_in(f"{scheme}://localhost:1", f'proxy = "http://127.0.0.1:{proxy}"\n').make(CREATE)


def _certificate(ca: trustme.CA, case: str) -> trustme.LeafCert:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    if case == "expired":
        return ca.issue_cert("localhost", not_before=yesterday, not_after=yesterday)
    return ca.issue_cert("jira.example.com" if case == "of another name" else "localhost")


@pytest.mark.parametrize("way", ["TLS", "proxy and TLS"])
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("untrusted", "name the file of the authority that issued it as `ca_bundle` of the site"),
        ("expired", "the site's certificate is not valid today (certificate has expired)"),
        ("of another name", "the site's certificate is for another name (Hostname mismatch"),
    ],
)
def test_a_certificate_that_cannot_be_trusted_says_why(
    case: str, told: str, way: str, ca: trustme.CA, proxy: int
) -> None:
    lines = "" if case == "untrusted" else 'ca_bundle = "ca.pem"\n'
    if "proxy" in way:
        lines += f'proxy = "http://us:{ENCODED}@127.0.0.1:{proxy}"\n'
    site = JiraSandbox(Dialect.CLOUD)
    with served(create_app(site), tls(_certificate(ca, case))) as port:
        tracker = logged_in(f"https://localhost:{port}", lines)
        assert told in refusal(tracker)
        with pytest.raises(Refused):
            tracker.make(CREATE)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:1", "nothing takes connections at its address"),
        ("jira.invalid", "the name of its host is not known here"),
    ],
)
@pytest.mark.parametrize("proxied", [False, True])
def test_an_address_where_nobody_is_says_so_and_what_to_check(
    address: str, told: str, proxied: bool
) -> None:
    lines = f'proxy = "http://{address}"\n' if proxied else ""
    words = refusal(logged_in(f"https://{'localhost' if proxied else address}", lines))
    assert f"{told}; check `url`, and `proxy` where there is one, of the site in config" in words


def test_a_site_without_tls_behind_https_says_so() -> None:
    with served(create_app(JiraSandbox(Dialect.CLOUD))) as port:
        told = refusal(logged_in(f"https://localhost:{port}"))
    assert "the other side does not speak TLS; check https:// in `url`" in told


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_site_that_asks_for_a_client_certificate_gets_it_or_is_told_of(
    version: ssl.TLSVersion, ca: trustme.CA
) -> None:
    context = tls(ca.issue_cert("localhost"))
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version
    site = JiraSandbox(Dialect.CLOUD)
    with served(create_app(site), context) as port:
        url, trust = f"https://localhost:{port}", 'ca_bundle = "ca.pem"\n'
        makes_a_ticket(logged_in(url, f'{trust}client_certificate = "client.pem"\n'), site)
    # uvicorn hangs up on callers without a certificate; most servers send a TLS alert first.
    with alerting(context) as port:
        url = f"https://localhost:{port}"
        told = refusal(logged_in(url, trust))
        assert "name one that it knows as `client_certificate` of the site" in told
        other = trustme.CA().issue_cert("bot@example.com")
        other.private_key_and_cert_chain_pem.write_to_path("other.pem")
        told = refusal(logged_in(url, f'{trust}client_certificate = "other.pem"\n'))
        assert "name one that it knows as `client_certificate` of the site" in told


def test_user_and_password_log_in_on_data_center() -> None:
    site = JiraSandbox(Dialect.DATACENTER)
    site.replace_secret(PASSWORD)
    with served(create_app(site)) as port:
        start = f'url = "http://localhost:{port}"\nuser = "{BOT.name}"\nproject = "DATA"\n'
        makes_a_ticket(configured(f'{start}password = "{PASSWORD}"\n'), site)
        assert "user and password" in refusal(configured(f'{start}password = "planted5e1f"\n'))


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("deployment", ["auto", "as it is"])
def test_a_token_alone_goes_as_bearer(dialect: Dialect, deployment: str) -> None:
    site = JiraSandbox(dialect)
    kind = {"auto": "auto"}.get(deployment, "cloud" if dialect is Dialect.CLOUD else "datacenter")
    with served(create_app(site)) as port:
        lines = f'url = "http://localhost:{port}"\ntoken = "{BOT.secret}"\nproject = "DATA"\n'
        makes_a_ticket(configured(f'{lines}deployment = "{kind}"\n'), site)
        wrong = configured(lines.replace(BOT.secret, "planted-5e1f"))
        assert "an API token of Jira Cloud is taken only with the email" in refusal(wrong)


def test_a_gateway_gets_the_headers_that_it_asks_for() -> None:
    site = JiraSandbox(Dialect.CLOUD)
    jira = create_app(site)

    async def gateway(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if scope["type"] == "http" and headers.get(b"x-way-secret") != b"planted 5e1f":
            said = b"<html><title>Access &amp; login</title></html>"
            start = {"type": "http.response.start", "status": 200}
            await send({**start, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": said})
            return
        await jira(scope, receive, send)

    with served(gateway) as port:
        url = f"http://localhost:{port}"
        makes_a_ticket(logged_in(url, 'headers = { X-Way-Secret = "planted 5e1f" }\n'), site)
        told = refusal(logged_in(url))
        assert 'is a web page ("Access & login"), not Jira\'s API; if this is a login page' in told
        assert (
            "give what it asks for in `headers`; else check `url` of the site in config.toml"
            in told
        )


def _answering(status: int, body: bytes, **headers: str) -> Callable[..., Any]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        wire = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": wire})
        await send({"type": "http.response.body", "body": body})

    return app


JSON = {"content-type": "application/json"}
PAGE = {"content-type": "text/html; charset=utf-8"}
STRANGERS = {
    "a login page": (200, b"<!doctype html><title>Sign in</title><form>", PAGE, "is a web page"),
    "a page without a type": (200, b"\n <HTML><body>hello</body></HTML>", {}, "is a web page"),
    "a redirect to a login": (
        302,
        b"",
        {"location": "https://sso.example.com/login?token=planted-5e1f"},
        "redirects to https://sso.example.com/login;",
    ),
    "a redirect to a page": (301, b"", {"location": "/start"}, "redirects to http://localhost:"),
    "another API": (200, json.dumps({"hello": "world"}).encode(), JSON, "JSON, but not Jira's"),
    "another API's list": (200, b"[1, 2]", JSON, "JSON, but not Jira's"),
    "a number": (200, b"42", JSON, "JSON, but not Jira's"),
    "text": (200, b"OK", {"content-type": "text/plain"}, "is not what Jira's API answers"),
    "nothing": (200, b"", {}, "not Jira's"),
    "no such page": (404, b"<title>Not here</title>", PAGE, "every Jira has this call"),
    "no such API": (404, b'{"message": "no Route matched"}', JSON, "every Jira has this call"),
}


@pytest.mark.parametrize("deployment", ["auto", "cloud", "datacenter"])
@pytest.mark.parametrize("case", STRANGERS.values(), ids=STRANGERS.keys())
def test_an_address_that_is_not_a_jira_is_told_as_such(
    case: tuple[int, bytes, dict[str, str], str], deployment: str
) -> None:
    status, body, headers, told = case
    with served(_answering(status, body, **headers)) as port:
        lines = f'url = "http://localhost:{port}"\ntoken = "t"\ndeployment = "{deployment}"\n'
        words = refusal(configured(lines))
        assert told in words
        assert "check `url` of the site in config.toml" in words
        with pytest.raises(Refused) as caught:
            configured(lines).verify()
        assert told in str(caught.value)
        if status < 400 and body[:1] != b"4" and b"{" not in body and b"[" not in body and body:
            # A write that a stranger seems to have taken may have been done.
            with pytest.raises(Unknown if deployment != "auto" else Fault) as caught:
                configured(lines).make(CREATE)
            assert told in str(caught.value)


def test_cookies_lead_back_to_the_node_and_are_not_kept_for_each_ticket() -> None:
    before = kept()
    with baking() as (url, shown):
        calls = logged_in(url)
        for number in range(250):
            calls.make(Call.get(f"issue/{number}/transitions", "reading"))
        assert kept() - before < 150
        calls.close()
    assert sum("node=a" in one for one in shown) > 240
