"""Tokens of the API: made, listed and revoked. A token is shown once; the store has its digest alone."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from sync.domain.times import moment, stamp
from sync.operations.accounts import Account, Role
from sync.operations.acts import Act, record
from sync.operations.errors import NotFound, Refused
from sync.store import api_tokens
from sync.store.admin_tables import ApiTokenRow
from sync.store.engine import Store

# What each token begins with, by which people and scanners know it.
BEGINNING = "ts_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
DAY = 86_400.0
# How many days a token holds at most.
LONGEST_DAYS = 3650.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without what has to be sent. Times are ISO 8601; ``until`` None: it does not expire."""

    name: str
    role: str
    made_by: str
    created_at: str | None
    until: str | None
    used_at: str | None
    expired: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. ``secret`` is what has to be sent, and is shown this one time."""

    name: str
    role: str
    secret: str
    until: str | None
    words: str


def digest_of(secret: str) -> str:
    """What the store has of a token, and of the id of a session."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def make(
    store: Store, account: Account, name: str, role: Role, days: float | None, now: float
) -> Made:
    """Make a token that holds for ``days``, or until it is revoked (None).

    Raises Refused where the name is taken or no name, and where ``days`` makes no sense.
    """
    if not _NAME.fullmatch(name):
        raise Refused(
            "A token's name has letters, digits and . _ -, and begins with one of the first."
        )
    if days is not None and not 0 < days <= LONGEST_DAYS:
        raise Refused(f"A token holds for more than 0 and at most {LONGEST_DAYS:g} days.")
    secret = BEGINNING + secrets.token_urlsafe(32)
    until = None if days is None else now + days * DAY
    row = ApiTokenRow(
        name=name,
        hash=digest_of(secret),
        role=str(role),
        made_by=account.name[:200],
        created_at=now,
        until=until,
    )
    with store.write() as session:
        added = api_tokens.add(session, row)
    if not added:
        raise Refused(f"There is a token {name} already. Revoke it, or choose another name.")
    ends = f"it holds until {moment(until)} UTC" if until else "it does not expire"
    words = f"made a token {name} with the role {role}; {ends}"
    record(store, account, Act("token add", name), words, now)
    return Made(name, str(role), secret, stamp(until), words)


def listed(store: Store, now: float) -> list[Token]:
    """All tokens, by name."""
    with store.read() as session:
        rows = api_tokens.all_(session)
    return [
        Token(
            name=row.name,
            role=row.role,
            made_by=row.made_by,
            created_at=stamp(row.created_at),
            until=stamp(row.until),
            used_at=stamp(row.used_at),
            expired=row.until is not None and row.until <= now,
        )
        for row in rows
    ]


def revoke(store: Store, account: Account, name: str, now: float) -> str:
    """Let a token hold no more; in words. Raises NotFound."""
    with store.write() as session:
        gone = api_tokens.revoke(session, name)
    if not gone:
        raise NotFound(f"There is no token {name}.")
    words = f"revoked the token {name}"
    record(store, account, Act("token revoke", name), words, now)
    return words


def account_of(store: Store, secret: str, now: float) -> Account | None:
    """Whose token this is; None where it is not known, has expired or was revoked."""
    if not secret.startswith(BEGINNING):
        return None
    digest = digest_of(secret)
    with store.read() as session:
        row = api_tokens.find(session, digest, now)
    if row is None:
        return None
    if not api_tokens.is_noted(row, now):
        with store.write() as session:
            api_tokens.note_use(session, digest, now)
    return Account(f"token {row.name}", Role(row.role), "token")
