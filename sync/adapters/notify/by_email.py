"""Email by SMTP."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from sync.adapters.notify.channel import Letter, NotSent, Sent
from sync.adapters.notify.http import trusted
from sync.domain.text import harmless
from sync.telemetry import concealed

_PORTS = {"starttls": 587, "tls": 465, "off": 25}
_MOST_SAID = 160


@dataclass(frozen=True, slots=True)
class EmailAccess:
    """How a mail server is reached, and who writes to whom. ``port`` None is the usual one of ``tls``;
    ``timeout`` is in seconds, for each step."""

    host: str
    sender: str
    to: Sequence[str]
    tls: Literal["starttls", "tls", "off"] = "starttls"
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 10.0
    ca_bundle: Path | None = None


class EmailChannel:
    """Sends plain text."""

    def __init__(self, access: EmailAccess) -> None:
        self._access = access

    def send(self, letter: Letter) -> Sent:
        """Send a message, with one connection. Raises NotSent if nobody is sent it; those whose address
        the server refuses beside others are named in the words."""
        access = self._access
        try:
            with self._connected() as server:
                refused = server.send_message(_mail(letter, access))
        except smtplib.SMTPException as error:
            raise NotSent(f"{access.host} {_said(error)}") from None
        except (OSError, ValueError) as error:
            raise NotSent(f"{access.host} cannot be reached ({_of_network(error)})") from None
        if refused:
            return Sent(f"{access.host} took it, but not for {', '.join(sorted(refused))}")
        return Sent(f"{access.host} took it for {len(access.to)}")

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        access = self._access
        port = access.port or _PORTS[access.tls]
        # By default smtplib asks the DNS for the name of this machine, which may take long.
        own = socket.gethostname().split(".")[0] or "localhost"
        if access.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                access.host, port, own, timeout=access.timeout, context=trusted(access.ca_bundle)
            )
        else:
            server = smtplib.SMTP(access.host, port, own, access.timeout)
        try:
            if access.tls == "starttls":
                server.starttls(context=trusted(access.ca_bundle))
            if access.user:
                server.login(access.user, access.password)
            yield server
            # The message is taken; how the two part decides nothing any more.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        finally:
            server.close()


def _mail(letter: Letter, access: EmailAccess) -> EmailMessage:
    # By default a long subject begins on a line of its own, and some programs show the space before it.
    mail = EmailMessage(policy=SMTP.clone(max_line_length=900))
    mail["From"] = access.sender
    mail["To"] = ", ".join(access.to)
    mail["Subject"] = " ".join(letter.title.split())
    mail["Date"] = format_datetime(datetime.fromtimestamp(letter.at, UTC))
    mail["Message-ID"] = f"<{letter.id}@{access.sender.rpartition('@')[2]}>"
    # Holiday notes and the like do not answer such a message.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text + "\n", cte="quoted-printable")
    return mail


def _said(error: smtplib.SMTPException) -> str:
    """What the mail server said, on one line and without our secrets."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"refused {', '.join(sorted(error.recipients))}"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        words = " ".join(concealed(harmless(text)).split())[:_MOST_SAID]
        what = "refused user and password" if error.smtp_code == 535 else "refused"
        return f"{what} ({error.smtp_code} {words})"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "hung up"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"does not offer what is needed ({concealed(harmless(str(error)))})"
    return f"failed ({type(error).__name__})"


def _of_network(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return concealed(harmless(str(strerror))) if strerror else type(error).__name__
