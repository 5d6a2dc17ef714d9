"""Tokens of the API: they let in whichever way people sign in, until they expire or are revoked."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from sync.operations import tokens
from sync.operations.accounts import Account, Role
from sync.operations.errors import NotFound, Refused
from sync.store import api_tokens
from sync.store.admin_tables import ApiTokenRow
from sync.store.engine import Store
from tests.web.gate.conftest import NOW, Entrance, NewEntrance

DANA = Account("dana", Role.EDITOR, "command line")
PROXY = '[web]\nlogin = "proxy"\n[web.proxy]\ntrusted = "10.1.2.3"\nviewers = "*"\n'


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def call(there: Entrance, method: str, path: str, secret: str, **body: Any) -> Any:
    """The status and the document of a call with a token."""
    sent = {"json": body} if method == "POST" else {}
    reply = there.client.request(method, f"/api/v1{path}", headers=bearer(secret), **sent)
    return reply.status_code, reply.json()


@pytest.mark.parametrize("login", ["", PROXY])
def test_a_token_lets_in_from_anywhere_as_what_it_is(entrance: NewEntrance, login: str) -> None:
    there = entrance(login, peer="203.0.113.4")
    made = tokens.make(there.store, DANA, "ci", Role.OPERATOR, 30, NOW)
    assert made.secret.startswith("ts_")
    status, me = call(there, "GET", "/account", made.secret)
    assert (status, me) == (
        200,
        {"name": "token ci", "role": "operator", "how": "token", "form_token": ""},
    )
    there.send("/try", {}, **bearer(made.secret))
    assert call(there, "POST", "/tokens", made.secret, name="more")[0] == 403
    told = [(row.account, row.act, row.about) for row in there.acts()]
    assert told == [("dana", "token add", "ci"), ("token ci", "try", "")]


def test_a_token_that_expired_was_revoked_or_never_was_lets_nobody_in(
    entrance: NewEntrance,
) -> None:
    there = entrance("")
    made = tokens.make(there.store, DANA, "ci", Role.VIEWER, 1, NOW)
    other = tokens.make(there.store, DANA, "other", Role.VIEWER, None, NOW)
    there.clock.now += tokens.DAY + 1
    refused = (401, {"error": "This token is not known, has expired or was revoked."})
    for secret in (made.secret, made.secret[:-1], "ts_", "ts_" + "x" * 5000):
        # Not even where the browser would be let in without one.
        assert call(there, "GET", "/account", secret) == refused
    assert call(there, "GET", "/account", other.secret)[0] == 200
    tokens.revoke(there.store, DANA, "other", there.clock.now)
    assert call(there, "GET", "/account", other.secret) == refused


def test_a_token_of_somebody_elses_is_not_ours_to_judge(entrance: NewEntrance) -> None:
    assert call(entrance(""), "GET", "/account", "eyJ.of.a-proxy")[1]["how"] == "local"


def test_editors_make_list_and_revoke_tokens_by_the_api(entrance: NewEntrance) -> None:
    there = entrance("")
    editor = tokens.make(there.store, DANA, "first", Role.EDITOR, None, NOW).secret
    status, made = call(there, "POST", "/tokens", editor, name="ci", role="operator", days=7)
    assert (status, made["role"], made["until"]) == (200, "operator", "2026-09-28T14:13:20+00:00")
    assert call(there, "POST", "/tokens", editor, name="ci")[0] == 422
    status, found = call(there, "GET", "/tokens", editor)
    assert [(one["name"], one["role"], one["made_by"]) for one in found] == [
        ("ci", "operator", "token first"),
        ("first", "editor", "dana"),
    ]
    assert made["secret"] not in str(found)
    assert call(there, "POST", "/tokens/ci/revoke", editor) == (
        200,
        {"words": "revoked the token ci"},
    )
    assert call(there, "POST", "/tokens/ci/revoke", editor)[0] == 404
    told = [(row.account, row.act, row.about) for row in there.acts()][1:]
    assert told == [("token first", "token add", "ci"), ("token first", "token revoke", "ci")]


def test_only_the_digest_of_a_token_is_stored_and_its_use_once_a_minute(store: Store) -> None:
    made = tokens.make(store, DANA, "ci", Role.VIEWER, None, NOW)

    def row() -> ApiTokenRow:
        with store.read() as session:
            return session.exec(select(ApiTokenRow)).one()

    assert made.secret not in str(row())
    used = []
    for later in (0, 30, 61, 90, 130):
        assert tokens.account_of(store, made.secret, NOW + later) == Account(
            "token ci", Role.VIEWER, "token"
        )
        used.append((row().used_at or 0) - NOW)
    assert used == [0, 0, 61, 61, 130]
    with store.write() as session:
        api_tokens.note_use(session, row().hash, NOW + 140)
    assert row().used_at == NOW + 130, "another process has just noted it"


@pytest.mark.parametrize(
    ("name", "days"), [("", 1), ("a b", 1), ("-a", 1), ("a" * 65, 1), ("a", 0), ("a", 1e9)]
)
def test_a_token_that_makes_no_sense_is_refused(store: Store, name: str, days: float) -> None:
    with pytest.raises(Refused):
        tokens.make(store, DANA, name, Role.VIEWER, days, NOW)
    with pytest.raises(NotFound):
        tokens.revoke(store, DANA, name, NOW)
    assert tokens.listed(store, NOW) == []
