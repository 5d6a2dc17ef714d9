"""A running daemon's API, asked by a verb in place of the store (``--server``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from sync.cli.problems import RUNTIME, USAGE, Problem

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

TOKEN_VARIABLE = "TICKET_SYNC_TOKEN"  # noqa: S105  (the name of a variable)
_SECONDS = 60.0

ServerOption = Annotated[
    str,
    typer.Option(
        "--server",
        metavar="URL",
        help="Ask the daemon at this address instead of the store; a token is taken from "
        f"${TOKEN_VARIABLE}.",
    ),
]


class Server:
    """The API of a daemon.

        Server("https://tickets.example.com").get("/status", Status)

    Both methods raise Problem with the words of the daemon, or with what kept it from answering.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def get(self, path: str, returns: type[T], **query: str | int | bool) -> T:
        """What the API says at ``path``, below ``/api/v1``. Empty values are left out of the query."""
        found = {name: str(value) for name, value in query.items() if value not in ("", False, 0)}
        return self._asked("GET", path, returns, query=found)

    def post(self, path: str, returns: type[T], body: Mapping[str, Any] | None = None) -> T:
        """What an act at ``path`` says it has done."""
        return self._asked("POST", path, returns, body=dict(body or {}))

    def _asked(self, method: str, path: str, returns: type[T], **what: Any) -> T:
        import msgspec

        answer = self._answer(method, path, **what)
        try:
            if answer.status_code == 200:
                return msgspec.json.decode(answer.content, type=returns)
            said = msgspec.json.decode(answer.content, type=dict[str, Any])["error"]
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
            raise Problem(
                f"{self._url} answered {answer.status_code}, and not as ticket-sync {_version()} does. "
                "Is it the address of the daemon's pages, and is the daemon of the same version?"
            ) from None
        more = "" if answer.status_code != 401 else f" Set {TOKEN_VARIABLE} to a token of the API."
        raise Problem(f"{said}{more}", USAGE if answer.status_code == 422 else RUNTIME)

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx2.Response:
        import httpx2

        from sync.telemetry import keep_secret

        token = os.environ.get(TOKEN_VARIABLE, "")
        keep_secret(token)
        headers = {"accept": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        try:
            with httpx2.Client(timeout=_SECONDS, trust_env=False) as client:
                if method != "GET" and not token:
                    # Without a token an act is as a browser's, which has to bring what a page gave it.
                    asked = client.get(f"{self._url}/api/v1/account")
                    headers["x-csrf-token"] = _form_token(asked)
                return client.request(
                    method,
                    f"{self._url}/api/v1{path}",
                    params=dict(query or {}),
                    json=body,
                    headers=headers,
                )
        except httpx2.TimeoutException as error:
            raise Problem(f"No answer from {self._url} within {_SECONDS:g} seconds.") from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise Problem(f"{self._url!r} is not an address ({error}).", USAGE) from error
        except (httpx2.TransportError, ValueError) as error:
            raise Problem(
                f"Nothing answers at {self._url} ({error}). Name the address of the daemon's pages: "
                "host and port in [server], or admin_host and admin_port."
            ) from error


def _form_token(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["form_token"])
    except (ValueError, KeyError, TypeError):
        return ""


def _version() -> str:
    from sync import __version__

    return __version__
