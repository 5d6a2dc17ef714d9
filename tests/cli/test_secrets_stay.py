"""Secrets planted in every setting, among servers that quote requests: nothing the program says or
keeps shows one."""

from __future__ import annotations

import base64
import html
import json
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import requests
from typer.testing import CliRunner

from sync.adapters.jira.calls.call import Calls
from sync.adapters.jira.calls.request import Call
from sync.adapters.jira.calls.site import JiraSite
from sync.bootstrap.simulated import SimulatedJira
from sync.cli.main import app
from sync.domain.errors import Fault
from sync.ports import SystemClock
from sync.sandbox.jira.ready_site import BOT
from tests.cli.test_serve import _folder, configured, daemon, eventually, jira, send

pytestmark = pytest.mark.proof

__all__ = ["_folder", "jira"]

TOKEN = 'jt-5e1f/+&="planted\\token<9>'
SIGNING = "ws-5e1f/+& planted signing\\key<7>"
OLD_SIGNING = "ws-0ld5e1f-planted-before"
CLIENT = 'cs-5e1f/+&="planted\\client<5>'
STORE = "pw-5e1f/+&=planted store<3>ü"
GATEWAY = "gw-5e1f planted gateway"
WEBHOOK = "wh-5e1f planted/webhook<2>"
SENT = "hs-5e1f+planted=header"
CHAT = "T0/nt-5e1f+planted-chat"
PROOF = "pf-5e1f+planted=of/notify"
PLANTED = (TOKEN, SIGNING, OLD_SIGNING, CLIENT, STORE, GATEWAY, WEBHOOK, SENT, CHAT, PROOF)


def every_form(secret: str) -> set[str]:
    """Written by hand, not with the program's own list of forms."""
    utf8 = secret.encode()
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    forms |= {base64.b64encode(utf8).decode().rstrip("="), base64.b64encode(utf8).hex()}
    for user in ("", "u", "us", "ticket-sync@example.com"):
        basic = base64.b64encode(f"{user}:{secret}".encode()).decode()
        # Less the user's name in front, and the end, which depends on the length.
        forms.add(
            basic[-len(basic) * 2 // 3 : -4] if not user else basic[len(user) * 4 // 3 + 6 : -4]
        )
    forms |= {html.escape(form) for form in forms}
    return forms | {json.dumps(form)[1:-1] for form in forms} | {repr(form)[1:-1] for form in forms}


def shown(text: str) -> list[str]:
    """The planted secrets that a text shows in some form."""
    return [secret for secret in PLANTED if any(form in text for form in every_form(secret))]


@contextmanager
def quoting_gateway() -> Iterator[str]:
    """A server that refuses every request, and quotes it whole."""

    class Quoting(BaseHTTPRequestHandler):
        asked = 0

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            said = f"not passed on: {self.path} {dict(self.headers)} {self.headers} {body}"
            Quoting.asked += 1
            status = (403, 500, 400)[Quoting.asked % 3]
            answer = json.dumps({"message": said, "error": said}).encode()
            if self.path == "/oauth2/token" and Quoting.asked > 4:
                status, answer = 200, b'{"access_token": "at-5e1f", "expires_in": 3600}'
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PATCH = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quoting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def planted(jira: SimulatedJira, upstream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jira.site.replace_secret(TOKEN)
    Path("token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("SIGNING", SIGNING)
    monkeypatch.setenv("CLIENT", f" {CLIENT} ")
    monkeypatch.setenv("TICKET_SYNC_LOG__LEVEL", "debug")
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__HEADERS", json.dumps({"X-Gateway": GATEWAY}))
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__WEBHOOK_SECRETS", json.dumps([WEBHOOK]))
    monkeypatch.setenv("TICKET_SYNC_SITES__MAIN__WEBHOOK_HEADER_SECRETS", json.dumps([SENT]))
    for name, value in {
        "CHAT__TYPE": "slack",
        "CHAT__URL": f"{upstream}/{CHAT}",
        "BUS__TYPE": "webhook",
        "BUS__URL": upstream,
        "BUS__SIGNING_SECRET": PROOF,
        "BUS__TOKEN": PROOF,
        "BUS__WAIT": "0s",
        "CHAT__WAIT": "0s",
    }.items():
        monkeypatch.setenv(f"TICKET_SYNC_NOTIFY__{name}", value)
    configured(jira)
    text = Path("config.toml").read_text()
    text = text.replace(f'token = "{BOT.secret}"', 'token = { file = "token" }')
    text = text.replace('signing_secrets = ["tested"]', "")
    text = text.replace(
        "[coalesce]",
        f'[coalesce]\nsigning_secrets = [{{ env = "SIGNING" }}, "{OLD_SIGNING}"]\n'
        '[coalesce.api]\nclient_id = "us"\nclient_secret = { env = "CLIENT" }\n'
        f'url = "{upstream}"\n[sweeps.upstream]\nevery = "10s"\n',
    )
    Path("config.toml").write_text(text)


def said_by(*args: str) -> str:
    result = CliRunner().invoke(app, list(args))
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    return f"{result.stdout}\n{result.stderr}"


def test_nothing_that_is_said_or_kept_shows_a_secret(
    jira: SimulatedJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = jira.site.faults
    with quoting_gateway() as upstream:
        planted(jira, upstream, monkeypatch)
        for status in (400, 403, 404, 409, 422, 500):
            faults.add("echo", method="POST", path="/issue$", status=status, count=1)
        outputs: dict[str, str] = {}
        with daemon() as running:
            for number in range(6):
                args = ("--sample", "issue_created", "--id", f"i-{number}")
                code, outputs["send"] = send(*args, "--url", running.url, "--secret", SIGNING)
                assert code == 0
            send("--sample", "ping", "--url", running.url, "--secret", "another")
            base = running.url.partition("/webhooks")[0]
            # A secret in the path, also where it is no secret of ours or the site is another.
            for path in (f"main/{quote(SENT, safe='')}", f"main/{SENT}x", f"other/{SENT}"):
                with suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(f"{base}/webhooks/jira/{path}", data=b"{}").close()
            eventually(lambda: len(jira.site.faults.active) == 6 and _struck(jira) == 6)
            # A site that lets our account in no more, and says with whose header.
            faults.add("echo", status=401)
            send(
                "--sample",
                "issue_updated",
                "--id",
                "i-5",
                "--url",
                running.url,
                "--secret",
                SIGNING,
            )
            eventually(lambda: "does not accept our credentials" in _get(f"{base}/health/ready"))
            eventually(lambda: _get(f"{base}/metrics").count('_failing{channel="') == 2)
            eventually(lambda: "notifications" in said_by("status"))
            for path in ("/health/ready", "/health/live", "/metrics", "/"):
                outputs[path] = _get(base + path)
            for verb in (
                "status",
                "parked",
                "check",
                "plan",
                "reconcile",
                "rules show",
                "dead list",
            ):
                outputs[verb] = said_by(*verb.split())
                outputs[f"{verb} --debug"] = said_by("--debug", *verb.split())
            for verb in ("status --json", "parked --json", "config show", "config show --json"):
                outputs[verb] = said_by(*verb.split())
            for number in range(6):
                outputs[f"why {number}"] = said_by("why", f"i-{number}")
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(30) == 0
            outputs["log"] = "".join(running.raw)
    for file in Path().glob("ticket-sync.db*"):
        outputs[file.name] = file.read_bytes().decode("utf-8", "replace")
    assert "not passed on: /*** {" in outputs["ticket-sync.db"]
    for name in ("ticket-sync.db", "why 0"):
        assert "The gateway did not pass on this request" in outputs[name]
    # The account's name is no secret; what follows it in the header is.
    known = base64.b64encode(f"{BOT.email}:".encode()).decode().rstrip("=")[:-1]
    assert f"authorization: Basic {known}" in outputs["ticket-sync.db"]
    assert {name: found for name, text in outputs.items() if (found := shown(text))} == {}


def _struck(jira: SimulatedJira) -> int:
    return sum(fault.hits for fault in jira.site.faults.active)


def _get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def test_a_password_of_the_store_stays_out_of_what_verbs_say(
    jira: SimulatedJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(jira)
    encoded = quote(STORE, safe="")
    for address in (
        f"postgresql://us:{encoded}@127.0.0.1:1/db",
        f"postgresql://us:{STORE}@127.0.0.1:1/db",
        f"postgresql://us:{STORE}@127.0.0.1:port/db",
    ):
        monkeypatch.setenv("TICKET_SYNC_STORE__URL", address)
        for verb in ("status", "config show", "db upgrade", "serve", "check --offline"):
            said = said_by(*verb.split()) + said_by("--debug", *verb.split())
            assert shown(said) == []


@pytest.mark.parametrize("email", ["", "jürgen@example.com", "bot@example.com"])
@pytest.mark.parametrize(
    "token", ["planted\n5e1f", "plantëd–5e1f", "planted\u200b5e1f", "東京planted5e1f"]
)
def test_a_header_that_cannot_be_written_ends_in_a_fault_without_it(
    email: str, token: str, jira: SimulatedJira
) -> None:
    """The settings refuse such tokens; the adapter does not rely on it."""
    site = JiraSite(name="main", url=jira.url, email=email, token=token, deployment="cloud")
    with pytest.raises(Fault) as caught:
        Calls(site, SystemClock()).make(Call.get("issue/1", "reading"))
    chain: list[BaseException] = [caught.value]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    assert not any("5e1f" in f"{link} {link!r}" for link in chain)
    assert not any(isinstance(link, requests.RequestException) for link in chain)
