"""One call and its outcome: what handlers are given, what they answer, and how they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

if TYPE_CHECKING:
    from sync.sandbox.jira.site.model import User


class Outcome(StrEnum):
    """What the caller's socket sees."""

    REPLY = "reply"
    DROP = "drop"
    CUT = "cut"
    REFUSE = "refuse"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"


@dataclass(slots=True)
class Response:
    """An answer. ``data`` is encoded as JSON; ``raw`` goes out as it is (HTML, plain text)."""

    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    outcome: Outcome = Outcome.REPLY

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

    def response(self) -> Response:
        data = {"errorMessages": self.messages, "errors": self.errors}
        return Response(self.status, data, self.headers, self.raw)


@dataclass(slots=True)
class Call:
    """A call under way. ``api`` is "2" (wiki text) or "3" (ADF); ``user`` None means anonymous."""

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
    # A search that passes over names that do not exist (Data Center's validateQuery=false).
    lenient: bool = False

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
        try:
            return msgspec.json.decode(self.body) if self.body else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Problem(
                400, "There was an error parsing JSON. Check that your request body is valid."
            ) from None

    def names(self, name: str) -> list[str]:
        """A comma-separated query value as a list."""
        return [part.strip() for part in self.query.get(name, "").split(",") if part.strip()]

    def number(self, name: str, default: int) -> int:
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
    """A finished call, for observers. Bodies are decoded JSON (None where there was none); ``faulted``
    says that the answer is a fault's and not the site's; status 0 that there was none."""

    method: str
    path: str
    template: str
    query: Mapping[str, str]
    request_body: Any
    status: int
    response_body: Any
    headers: Mapping[str, str]
    outcome: Outcome
    faulted: bool = False


def query_of(query: str | Mapping[str, Any]) -> dict[str, str]:
    """Query parameters, repeated ones joined by commas."""
    pairs = parse_qsl(query, keep_blank_values=True) if isinstance(query, str) else query.items()
    found: dict[str, str] = {}
    for name, value in pairs:
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        found[name] = f"{found[name]},{text}" if name in found else text
    return found
