"""Requests to the simulated REST API, answers, and errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from sync.sandbox.coalesce.subjects import nanos
from sync.sandbox.coalesce.webhook_body import camel

MOST_PER_PAGE = 1000
PER_PAGE = 50


class ApiError(Exception):
    """An answer that is not 2xx. ``code`` is a gRPC code; ``retry_after`` is in seconds. ``headers`` go
    with the answer."""

    def __init__(
        self, status: int, code: int, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers: dict[str, str] = {}
        if retry_after is not None:
            self.headers["retry-after"] = f"{max(0, round(retry_after))}"


def invalid(message: str) -> ApiError:
    """The error for a request that breaks the API's rules."""
    return ApiError(400, 3, message)


def not_found(what: str) -> ApiError:
    """The error for something that does not exist."""
    return ApiError(404, 5, f"{what} not found")


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Header names are in lower case; ``query`` has a list of values for each name."""

    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter, or ``default``."""
        return self.query.get(name, [default])[0]

    def whole(self, name: str, default: int) -> int:
        """A query parameter that is a whole number. Raises ApiError(400)."""
        value = self.first(name) or str(default)
        if not value.isascii() or not value.isdigit():
            raise invalid(f"{name} is not a number")
        return int(value)

    def page_size(self) -> int:
        """The most entries on a page. An absent size and 0 both mean ``PER_PAGE``."""
        return min(self.whole("pagination.pageSize", PER_PAGE) or PER_PAGE, MOST_PER_PAGE)

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises ApiError(400)."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            raise invalid("the body is not JSON") from None
        if not isinstance(value, dict):
            raise invalid("the body is not an object")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, sent as JSON. With the status 0 no answer is sent, and the connection is dropped."""

    status: int
    content: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return json.dumps(self.content).encode()


def query_of(text: str) -> dict[str, list[str]]:
    """The parameters of a query string: a list of values for each name."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def field_of(body: Mapping[str, Any], name: str) -> Any:
    """A field of a body by its name in snake_case, written in snake_case or in camelCase; None where
    absent."""
    return body.get(name, body.get(camel(name)))


def uuid_of(value: Any, name: str) -> str:
    """An id in a request. Raises ApiError(400)."""
    try:
        uuid.UUID(str(value))
    except ValueError:
        raise invalid(f"{name}: not a UUID: {value}") from None
    return str(value)


def nanos_of(value: Any, name: str) -> int:
    """A time in a request, in nanoseconds since the epoch. Raises ApiError(400)."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise invalid(f"{name} is not a timestamp") from None
    if at.tzinfo is None:
        raise invalid(f"{name} has no offset")
    return nanos(at.timestamp())
