"""One HTTP call to the site: the request, the response, and the refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from sync.sandbox.jira.site.model import User


class WireResult(StrEnum):
    """What the caller's socket sees: a reply, or how the connection fails."""

    REPLY = "reply"
    DROP = "drop"
    CUT = "cut"
    REFUSE = "refuse"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"


@dataclass(slots=True)
class Response:
    """A response. ``data`` is sent as JSON; ``raw``, if given, is sent instead (HTML, plain text)."""

    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    wire: WireResult = WireResult.REPLY

    @property
    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.data is None else msgspec.json.encode(self.data)


class Problem(Exception):
    """A refusal in Jira's shape: ``{"errorMessages": [...], "errors": {field: message}}``."""

    def __init__(
        self,
        status: int,
        *messages: str,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> None:
        super().__init__(status, *messages, dict(errors or {}))
        self.status = status
        self.messages = list(messages)
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})
        self.raw = raw

    def body(self) -> dict[str, Any]:
        return {"errorMessages": self.messages, "errors": self.errors}

    def response(self) -> Response:
        return Response(self.status, self.body(), self.headers, self.raw)


def html_page(status: int, title: str, headers: Mapping[str, str] | None = None) -> Problem:
    """A refusal that is a web page instead of JSON."""
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    headers = {"Content-Type": "text/html;charset=UTF-8", **(headers or {})}
    return Problem(status, headers=headers, raw=page.encode())


@dataclass(slots=True)
class Call:
    """A call in progress.

    ``api`` is "2" (rich text is wiki text) or "3" (rich text is an Atlassian document); ``user`` None is
    an anonymous caller. ``template`` and ``params`` come from the route. ``faulted``: a fault answers in
    place of the site. ``lenient``: a search ignores names that do not exist (Data Center's
    ``validateQuery=false``). ``words`` translates names into the caller's language. ``bulk``: the
    call is part of a bulk change.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    now: float
    api: str = "2"
    user: User | None = None
    params: dict[str, str] = field(default_factory=dict)
    template: str = ""
    faulted: bool = False
    lenient: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    bulk: bool = False

    def named(self, name: str, *, untranslated: bool = False) -> dict[str, str]:
        """A name as it is shown to the caller, on request together with the name before translation."""
        also = {"untranslatedName": name} if untranslated else {}
        return {"name": self.words.get(name, name), **also}

    @property
    def root(self) -> str:
        """The start of every ``self`` link."""
        return f"{self.base}/rest/api/{self.api}"

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises Problem(400) as Jira does for anything else."""
        data = self.any_json()
        if not isinstance(data, dict):
            raise Problem(
                400, "Invalid request payload. Refer to the REST API documentation and try again."
            )
        return data

    def any_json(self) -> Any:
        """The body's JSON value, ``{}`` for an empty body. Raises Problem(400)."""
        try:
            return msgspec.json.decode(self.body) if self.body else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Problem(
                400, "There was an error parsing JSON. Check that your request body is valid."
            ) from None

    def names(self, name: str) -> list[str]:
        """A comma-separated query parameter as a list."""
        return [part.strip() for part in self.query.get(name, "").split(",") if part.strip()]

    def number(self, name: str, default: int) -> int:
        """A query parameter that is a number. Raises Problem(400)."""
        try:
            return int(self.query.get(name, default))
        except ValueError:
            raise Problem(400, f"The value of '{name}' must be a number.") from None

    def page(self, default: int, most: int) -> tuple[int, int]:
        """``startAt`` and ``maxResults``."""
        start, size = self.number("startAt", 0), self.number("maxResults", default)
        return max(0, start), min(most, default if size < 0 else size)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A finished call, for observers.

    Bodies are decoded JSON, None where a body is empty or not JSON. ``status`` is 0 where no reply was
    sent. ``faulted``: the reply comes from a fault and not from the site.
    """

    method: str
    path: str
    template: str
    query: Mapping[str, str]
    request_body: Any
    status: int
    response_body: Any
    headers: Mapping[str, str]
    wire: WireResult
    faulted: bool = False


def query_of(query: str | Mapping[str, Any]) -> dict[str, str]:
    """Query parameters by name. The values of a repeated parameter are joined by commas."""
    pairs = parse_qsl(query, keep_blank_values=True) if isinstance(query, str) else query.items()
    found: dict[str, str] = {}
    for name, value in pairs:
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        found[name] = f"{found[name]},{text}" if name in found else text
    return found
