"""Who asks, the log of acts, and the tokens of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from sync.operations import tokens
from sync.operations.accounts import Role
from sync.operations.log import MOST, PAGE, LogPage, log_page
from sync.operations.tokens import Made, Token
from sync.web.api.endpoints import Endpoint
from sync.web.pages.frame import Desk
from sync.web.pages.visit import Visit


@dataclass(frozen=True, slots=True)
class Me:
    """The account that asks. ``form_token`` has to come with each act of a browser, in the header
    ``X-CSRF-Token``; it is "" for a token of the API, which needs none."""

    name: str
    role: Role
    how: str
    form_token: str


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which acts: of one account, with one verb, older than the act ``after``."""

    who: str = ""
    act: str = ""
    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST)] = PAGE


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to make. ``days``: for how long it holds, null for until it is revoked."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    role: Role = Role.VIEWER
    days: Annotated[float, Meta(gt=0, le=tokens.LONGEST_DAYS)] | None = 90.0


@dataclass(frozen=True, slots=True)
class Words:
    """What was done."""

    words: str


def endpoints(desk: Desk) -> list[Endpoint]:
    """``/account``, ``/log`` and ``/tokens``."""
    store = desk.deployment.store

    def me(visit: Visit) -> Me:
        account = visit.account
        return Me(account.name, account.role, account.how, visit.form_token)

    def acts(visit: Visit) -> LogPage:
        asked = visit.asked(LogQuery)
        return log_page(store, who=asked.who, act=asked.act, after=asked.after, limit=asked.limit)

    def listed(visit: Visit) -> list[Token]:
        return tokens.listed(store, visit.now)

    def make(visit: Visit) -> Made:
        new = visit.given(NewToken)
        return tokens.make(store, visit.account, new.name, new.role, new.days, visit.now)

    def revoke(visit: Visit) -> Words:
        return Words(tokens.revoke(store, visit.account, visit.path["name"], visit.now))

    editor = Role.EDITOR
    return [
        Endpoint("GET", "/account", "Who asks", me, Me),
        Endpoint("GET", "/log", "Who did what, newest first", acts, LogPage, query=LogQuery),
        Endpoint("GET", "/tokens", "The tokens of the API", listed, list[Token], role=editor),
        Endpoint("POST", "/tokens", "Make a token", make, Made, body=NewToken, role=editor),
        Endpoint("POST", "/tokens/{name:str}/revoke", "Revoke a token", revoke, Words, role=editor),
    ]
