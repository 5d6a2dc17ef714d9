"""The gate of tokens, before any other: whoever sends one is let in by it alone."""

from __future__ import annotations

from collections.abc import Callable

from sync.operations import tokens
from sync.store.engine import Store
from sync.web.gate.entry import Entry, Gate, TurnedAway
from sync.web.gate.forms import AnyRequest

_BEARER = "bearer "


class TokenGate:
    """Lets requests in that carry a token of the API, and leaves others to ``inner``."""

    def __init__(self, inner: Gate, store: Store, now: Callable[[], float]) -> None:
        self._inner = inner
        self._store = store
        self._now = now

    def enter(self, request: AnyRequest) -> Entry:
        """As ``Gate.enter``. A browser never sends a token by itself, so no form needs another."""
        sent = request.headers.get("authorization", "")
        secret = sent[len(_BEARER) :].strip() if sent.lower().startswith(_BEARER) else ""
        # A proxy may send tokens of its own.
        if not secret.startswith(tokens.BEGINNING):
            return self._inner.enter(request)
        account = tokens.account_of(self._store, secret, self._now())
        if account is None:
            raise TurnedAway("This token is not known, has expired or was revoked.", 401)
        return Entry(account)

    def check_form(self, request: AnyRequest, entry: Entry, token: str) -> None:
        """As ``Gate.check_form``."""
        if entry.account.how != "token":
            self._inner.check_form(request, entry, token)
