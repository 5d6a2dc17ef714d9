"""One look at a page, or one act, decoded; and what can be answered."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import UnionType
from typing import Any, TypeVar

import msgspec

from sync.operations.accounts import Account
from sync.operations.acts import Done
from sync.operations.errors import Refused

T = TypeVar("T")

# Seconds for which what is looked for seldom counts as known.
_KNOWN_FOR = 15.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who was let in.

    ``path`` has the parts of the address that a route names; ``query``, ``form`` and ``body`` (JSON, for
    the API) what came with it. ``form_token`` has to come back with each form. ``live``: htmx asks for a
    part of the page. ``now``: seconds since the epoch. ``address`` is the path with the query.
    """

    account: Account
    now: float
    method: str = "GET"
    address: str = "/"
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    form_token: str = field(default="", repr=False)
    body: bytes = b""
    cookies: Mapping[str, str] = field(default_factory=dict)
    live: bool = False

    def asked(self, wanted: type[T]) -> T:
        """The query as a dataclass whose fields all have defaults: unknown names are left out, an empty
        value is as none. Raises Refused for a value that is of no use."""
        return _decoded(self.query, wanted)

    def given(self, wanted: type[T]) -> T:
        """The form, or the JSON body of a call to the API, as a dataclass. Raises Refused."""
        if not self.body:
            return _decoded(self.form, wanted)
        try:
            return msgspec.json.decode(self.body, type=wanted)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused(f"The body is not what this call takes: {error}") from None


@dataclass(frozen=True, slots=True)
class Shown:
    """A page made from a template. ``nonce`` lets style elements in that carry it."""

    template: str
    data: Mapping[str, Any]
    status: int = 200
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """On to another address of ours, as a GET."""

    to: str


def after(address: str, done: Done) -> Redirect:
    """On to the page at ``address`` (path, query, no fragment), which tells what an act has done."""
    joint = "&" if "?" in address else "?"
    return Redirect(f"{address}{joint}did={done.id}{'&already=1' if done.already else ''}")


def seldom(look: Callable[[], T]) -> Callable[[float], T]:
    """What ``look`` found, looked for anew after 15 seconds; it is asked with the time of now. Counting
    all values to filter by reads an index from end to end."""
    found: list[tuple[float, T]] = []

    def known(now: float) -> T:
        if not found or not 0 <= now - found[-1][0] < _KNOWN_FOR:
            found[:] = [(now, look())]
        return found[-1][1]

    return known


@dataclass(frozen=True, slots=True)
class Download:
    """A file. With a ``filename`` the browser saves it."""

    body: str | bytes
    media_type: str
    filename: str = ""


Answer = Shown | Redirect | Download


def _decoded(values: Mapping[str, Sequence[str]], wanted: type[T]) -> T:
    hints = typing.get_type_hints(wanted)
    known: dict[str, Any] = {}
    for one in fields(wanted):  # type: ignore[arg-type]
        given = [value for value in values.get(one.name, ()) if value != ""]
        if given:
            known[one.name] = given if _is_list(hints[one.name]) else given[-1]
    try:
        return msgspec.convert(known, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(
            f"The address or form holds a value that is of no use here: {error}"
        ) from None


def _is_list(hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_is_list(one) for one in typing.get_args(hint))
    return typing.get_origin(hint) in (list, tuple, Sequence)
