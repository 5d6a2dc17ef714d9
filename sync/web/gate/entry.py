"""What a gate is: it tells who asks, before anything is looked at or done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from litestar import Request
from litestar.datastructures import Cookie

from sync.operations.accounts import Account


class TurnedAway(Exception):
    """A request that gets no answer but this one: the text says why, and what to do."""

    def __init__(self, words: str, status: int = 403) -> None:
        super().__init__(words)
        self.status = status


class SignInNeeded(Exception):
    """Nobody is signed in, and somebody could be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A request that was let in. ``form_token`` has to come back with each form; it is "" where the
    request carries a token that a page elsewhere cannot make a browser send. ``cookies`` are to be set
    by the answer. ``leaves``: somebody is signed in, who can sign out."""

    account: Account
    form_token: str = ""
    cookies: tuple[Cookie, ...] = ()
    leaves: bool = False


class Gate(Protocol):
    """Lets requests in. Both methods are called in a thread and may use the store."""

    def enter(self, request: Request[Any, Any, Any]) -> Entry:
        """Who asks. Raises SignInNeeded and TurnedAway."""
        ...

    def check_form(self, request: Request[Any, Any, Any], entry: Entry, token: str) -> None:
        """Let an act pass whose form or header carried ``token``. Raises TurnedAway for an act that
        another site may have made the browser send."""
        ...
