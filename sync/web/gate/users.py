"""Sign-in with a password, for the users of the configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sync.operations.accounts import Account, Role
from sync.operations.acts import Act, record
from sync.operations.passwords import fits
from sync.settings.web import WebUser
from sync.web.gate.entry import Entry, TurnedAway
from sync.web.gate.forms import AnyRequest
from sync.web.gate.peers import neighbourhood, peer_of
from sync.web.gate.sessions import Grant, Sessions
from sync.web.gate.tries import BY_ADDRESS, BY_NAME, Tries

WRONG = "The name or the password is wrong."


class TooManyTries(TurnedAway):
    """Somebody tried too often. ``seconds``: when to come again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = math.ceil(seconds)
        minutes = math.ceil(seconds / 60)
        again = f"{minutes} min" if minutes > 1 else f"{self.seconds} s"
        super().__init__(f"Too many tries. Come again in {again}.", 429)


def grant_of_user(users: Mapping[str, WebUser], name: str) -> Grant:
    """Why a user is let in: nobody, once the configuration does not name them any more."""
    user = users.get(name)
    return (
        Grant.of("users", name, user.role, user.password_hash.get_secret_value())
        if user
        else Grant()
    )


class Passwords:
    """Signs users in. A wrong name takes as long as a wrong password."""

    def __init__(self, users: Mapping[str, WebUser], sessions: Sessions) -> None:
        self._users = users
        self._sessions = sessions
        self._by_address = Tries(BY_ADDRESS)
        self._by_name = Tries(BY_NAME)
        self._told = Tries(1)

    def sign_in(self, request: AnyRequest, name: str, password: str) -> Entry:
        """Let a user in. Raises TurnedAway (401) where name or password is wrong, and TooManyTries."""
        address = neighbourhood(peer_of(request))
        user = self._users.get(name)
        # What is typed as a name may be a password: only names that are known are told anywhere.
        known = name if user else ""
        self._count(address, name, known)
        hash_ = user.password_hash.get_secret_value() if user else ""
        if not fits(password, hash_) or user is None:
            self._refused(address, known, WRONG)
            raise TurnedAway(WRONG, 401)
        self._by_address.forgive(address)
        self._by_name.forgive(name)
        return self._sessions.begin(request, Account(name, Role(user.role), "users"))

    def _count(self, address: str, name: str, known: str) -> None:
        now = self._sessions.now()
        wait = self._by_address.wait(address, now) or self._by_name.wait(name[:200], now)
        if wait:
            limited = TooManyTries(wait)
            # Each window has one row for it: who floods the pages must not flood the log.
            if self._told.wait(f"{address} {known}", now) == 0:
                self._refused(address, known, str(limited))
            raise limited

    def _refused(self, address: str, known: str, words: str) -> None:
        account = Account(f"somebody at {address}", Role.VIEWER, "users")
        now = self._sessions.now()
        record(self._sessions.store, account, Act("sign in", known), words, now, refused=True)
