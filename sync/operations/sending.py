"""Sending a signed delivery to a daemon, as the source would."""

from __future__ import annotations

from dataclasses import dataclass

import httpx2

from sync.adapters.coalesce import signed_headers
from sync.operations.errors import Refused, Unanswered
from sync.sandbox.coalesce import sample_body
from sync.settings import Settings
from sync.telemetry import keep_secret

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A daemon's answer to a delivery."""

    status: int
    text: str


def receiver_of(settings: Settings) -> str:
    """The address at which the daemon of these settings takes deliveries, from this machine."""
    host = settings.server.host
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host}:{settings.server.port}/webhooks/coalesce"


def deliver(url: str, body: bytes, secret: str) -> Answer:
    """Post a body, signed where there is a secret. Raises Refused for an address that is none, and
    Unanswered."""
    keep_secret(secret)
    headers = {"content-type": "application/json"}
    if secret:
        headers |= signed_headers(secret, body)
    try:
        with httpx2.Client(timeout=_SECONDS, trust_env=False) as client:
            answer = client.post(url, content=body, headers=headers)
    except httpx2.TimeoutException as error:
        raise Unanswered(f"No answer from {url} within {_SECONDS:g} seconds.") from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise Refused(f"{url!r} is not an address that can be sent to ({error}).") from error
    except httpx2.TransportError as error:
        raise Unanswered(
            f"Nothing answers at {url} ({error}). Is the daemon running (`ticket-sync serve`), and does "
            "it listen there? --url names another address."
        ) from error
    return Answer(answer.status_code, answer.text.strip()[:2000])


def send_test(settings: Settings) -> str:
    """Send a signed test delivery (a ping) to the daemon of these settings, and say what came of it.
    Raises Refused and Unanswered."""
    secrets = settings.coalesce.signing_secrets
    secret = secrets[0].get_secret_value() if secrets else ""
    url = receiver_of(settings)
    answer = deliver(url, sample_body("ping"), secret)
    if answer.status in (200, 202):
        return f"A test delivery went to {url} and was taken ({answer.status}). It makes no ticket."
    raise Refused(f"A test delivery to {url} was answered {answer.status}: {answer.text}")
