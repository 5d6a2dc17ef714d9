"""The gate of those who sign in here. A session is a row of the store, found by the digest of its id.

The id is made at each login, so that nobody can prepare one for somebody else. A session ends with the
settings that let the account in: a user who is removed, gets another role or another password is out.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from litestar.datastructures import Cookie

from sync.operations.accounts import Account, Role
from sync.operations.acts import Act, record
from sync.operations.tokens import digest_of
from sync.store import web_sessions
from sync.store.admin_tables import WebSessionRow
from sync.store.engine import Store
from sync.web.gate.entry import Entry, SignInNeeded
from sync.web.gate.forms import AnyRequest, Cookies, check_token

_COOKIE = "ticket-sync"


@dataclass(frozen=True, slots=True)
class Grant:
    """Why an account is let in, as a digest of the settings; "" for nobody."""

    digest: str = ""

    @classmethod
    def of(cls, *settings: object) -> Grant:
        """The grant of these settings."""
        return cls(hashlib.sha256(repr(settings).encode(errors="surrogatepass")).hexdigest())


class Sessions:
    """Who is signed in. ``grant`` says by an account's name by which settings it is let in now."""

    def __init__(
        self,
        store: Store,
        cookies: Cookies,
        now: Callable[[], float],
        seconds: float,
        grant: Callable[[str], Grant],
    ) -> None:
        self.store = store
        self.cookies = cookies
        self.now = now
        self._seconds = seconds
        self._grant = grant

    def begin(self, request: AnyRequest, account: Account) -> Entry:
        """Sign an account in. The session that the browser had ends."""
        now, id_ = self.now(), secrets.token_urlsafe(32)
        row = WebSessionRow(
            hash=digest_of(id_),
            account=account.name,
            role=str(account.role),
            how=account.how,
            granted=self._grant(account.name).digest,
            form_token=secrets.token_urlsafe(32),
            created_at=now,
            until=now + self._seconds,
        )
        former = self.cookies.read(request, _COOKIE)
        token = row.form_token
        with self.store.write() as session:
            web_sessions.begin(session, row, instead_of=digest_of(former) if former else "")
        record(self.store, account, Act("sign in"), f"signed in ({account.how})", now)
        cookie = self.cookies.make(request, _COOKIE, id_, int(self._seconds))
        return Entry(account, token, (cookie,), leaves=True)

    def find(self, request: AnyRequest) -> Entry | None:
        """Who is signed in, None for nobody."""
        id_ = self.cookies.read(request, _COOKIE)
        if not id_:
            return None
        with self.store.read() as session:
            row = web_sessions.find(session, digest_of(id_), self.now())
        if row is None:
            return None
        if not row.granted or row.granted != self._grant(row.account).digest:
            self._end(id_)
            return None
        account = Account(row.account, Role(row.role), row.how)
        return Entry(account, row.form_token, leaves=True)

    def end(self, request: AnyRequest, entry: Entry) -> Cookie:
        """Sign an account out; what takes the cookie away."""
        id_ = self.cookies.read(request, _COOKIE)
        if id_:
            self._end(id_)
        record(self.store, entry.account, Act("sign out"), "signed out", self.now())
        return self.cookies.make(request, _COOKIE, "", 0)

    def _end(self, id_: str) -> None:
        with self.store.write() as session:
            web_sessions.end(session, digest_of(id_))


class SessionGate:
    """Lets those in who are signed in."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def enter(self, request: AnyRequest) -> Entry:
        """As ``Gate.enter``."""
        entry = self._sessions.find(request)
        if entry is None:
            raise SignInNeeded
        return entry

    def check_form(self, request: AnyRequest, entry: Entry, token: str) -> None:
        """As ``Gate.check_form``."""
        check_token(request, entry.form_token, token, self._sessions.cookies.url)
