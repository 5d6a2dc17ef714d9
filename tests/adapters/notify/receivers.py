"""Those who are told: a web server and a mail server, both real and on this machine."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


@dataclass
class Posted:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass
class Hook:
    """A web server. ``answers`` are the next statuses, 200 when there are none left. ``hangs`` keeps all
    answers back until it is set."""

    url: str = ""
    got: list[Posted] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    said: bytes = b"ok"
    goes_on: threading.Event = field(default_factory=threading.Event)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self.got.append(Posted(path, headers, body))
        self.goes_on.wait(90)
        return self.answers.pop(0) if self.answers else 200


@contextmanager
def hook(tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """A web server that runs."""
    script = Hook()
    script.goes_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = script.take(self.path, headers, body)
            self.send_response(status)
            for name, value in script.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(script.said)))
            self.end_headers()
            self.wfile.write(script.said)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    script.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.goes_on.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Mailbox:
    """A mail server. ``refuses`` are recipients that it does not take; ``says``, if set, is its answer
    to every message."""

    port: int = 0
    got: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    says: str = ""
    tls_from_start: bool = False

    # The names of these two are aiosmtpd's.
    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        if self.says:
            return self.says
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.got.append(mail)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        self.encrypted.append(self.tls_from_start or session.ssl is not None)
        return "250 OK"

    def login(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        # What is not "handled" is answered 535.
        right = data.password == b"sesame-open-wide"
        return AuthResult(success=right, handled=right)


class _OnFreePort(Controller):
    def _trigger_server(self) -> None:
        # To see whether it answers, the controller asks the port that it was given, which is 0.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mailbox(
    tls: ssl.SSLContext | None = None, *, from_start: bool = False, auth: bool = False
) -> Iterator[Mailbox]:
    """A mail server that runs; with ``tls`` it demands STARTTLS, or speaks TLS ``from_start``."""
    box = Mailbox(tls_from_start=from_start)
    controller = _OnFreePort(
        box,
        hostname="127.0.0.1",
        port=0,
        ssl_context=tls if from_start else None,
        tls_context=None if from_start else tls,
        require_starttls=tls is not None and not from_start,
        auth_required=auth,
        # It does not know of encryption from the start.
        auth_require_tls=tls is not None and not from_start,
        authenticator=box.login if auth else None,
        server_hostname="mail.example.com",
        ready_timeout=30.0,
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


@dataclass(frozen=True)
class Certificates:
    """The server's side, and the file of the authority that clients trust."""

    server: ssl.SSLContext
    authority: Path


def certificates(folder: Path) -> Certificates:
    """A certificate for 127.0.0.1 by an authority of its own."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(file)
    return Certificates(context, file)


def eventually(holds: Any, seconds: float = 60.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
