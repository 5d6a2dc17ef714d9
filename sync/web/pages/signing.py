"""The login, and the way back to an act in whose middle a login ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sync.operations.errors import Refused
from sync.web.gate.door import is_local
from sync.web.gate.entry import Entry, TurnedAway
from sync.web.gate.forms import AnyRequest, token_of_browser

if TYPE_CHECKING:
    from sync.web.pages.frame import Desk, Reply

Form = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Typed:
    """An act that was not done, by its address, and the form that came with it, as JSON. ``name`` is
    what was typed to sign in."""

    act: str = ""
    kept: str = ""
    name: str = ""


_NOTHING = Typed()


def login_over(desk: Desk, request: AnyRequest, form: Form) -> Reply:
    """For an act of somebody who is not signed in any more: the login, which keeps what was typed."""
    pairs = [(name, value) for name, values in form.items() for value in values if name != "_token"]
    kept = msgspec.json.encode(pairs).decode()
    return login(desk, request, typed=Typed(request.scope["path"], kept), status=401)


def login(
    desk: Desk,
    request: AnyRequest,
    *,
    next_: str = "/",
    typed: Typed = _NOTHING,
    words: str = "",
    status: int = 200,
) -> Reply:
    """The page of the login. ``typed`` is what was being done, ``words`` say what was wrong."""
    door = desk.door
    if door is None:
        return desk.trouble("Nobody signs in here.", 404)
    token, cookies = token_of_browser(request, door.sessions.cookies)
    data = {
        "sentence": "Your login is over" if typed.act else "Sign in",
        "next": next_ if is_local(next_) else "/",
        "act": typed.act,
        "kept": typed.kept,
        "name": typed.name,
        "words": words,
        "button": door.provider.button if door.provider else "",
        "form_token": token,
    }
    found = desk.bare("sign_in.html", data, status)
    return type(found)(found.body, status, headers=found.headers, cookies=cookies)


def filled(desk: Desk, entry: Entry, typed: Typed) -> Reply:
    """The form that somebody sent without being signed in, to be sent again by whoever is now."""
    try:
        pairs = msgspec.json.decode(typed.kept, type=list[tuple[str, str]])
    except (msgspec.DecodeError, UnicodeError):
        raise Refused("What was typed cannot be read any more.") from None
    if not is_local(typed.act):
        raise TurnedAway("This form does not belong here.")
    data = {
        "sentence": "You are signed in, and nothing is done yet",
        "act": typed.act,
        "pairs": pairs,
    }
    return desk.bare("filled.html", data, entry=entry)
