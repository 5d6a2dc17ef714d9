"""Login by users of the configuration: sessions, tries, and the way back to what was typed."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest
from sqlmodel import select

from sync.operations.passwords import hashed
from sync.store.admin_tables import WebSessionRow
from sync.store.errors import StoreUnavailable
from sync.web.gate.door import is_local
from sync.web.gate.tries import BY_ADDRESS, BY_NAME, WINDOW_SECONDS
from tests.web.gate.conftest import PASSWORD, Entrance, NewEntrance, hidden, words


@pytest.fixture
def users(password_hash: str) -> str:
    """Two users who sign in with PASSWORD."""
    return "\n".join(
        [
            '[web]\nlogin = "users"\nurl = "https://tickets.example.com"',
            f'[web.users.dana]\npassword_hash = "{password_hash}"\nrole = "editor"',
            f'[web.users.vic]\npassword_hash = "{password_hash}"\nrole = "viewer"',
        ]
    )


@pytest.fixture
def there(entrance: NewEntrance, users: str) -> Entrance:
    """The pages, for users, by https."""
    return entrance(users, base="https://tickets.example.com", peer="203.0.113.9")


def sessions(there: Entrance) -> list[WebSessionRow]:
    with there.store.read() as session:
        return list(session.exec(select(WebSessionRow)))


def test_a_user_signs_in_looks_and_signs_out(there: Entrance) -> None:
    assert there.get("/", 303).headers["location"] == "/sign-in?next=%2F"
    assert there.client.get("/api/v1/status").status_code == 401
    reply = there.sign_in("dana", next="/?x=1")
    assert reply.headers["location"] == "/?x=1"
    cookie = reply.headers["set-cookie"]
    for part in ("__Host-ticket-sync=", "Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    page = there.get("/")
    assert "dana editor" in words(page)
    assert there.client.get("/api/v1/account").json()["name"] == "dana"
    assert there.get("/sign-in?next=/log", 303).headers["location"] == "/log"
    there.send("/sign-out", {"_token": "wrong"}, 403)
    there.get("/")
    reply = there.send("/sign-out", {"_token": hidden(page.text, "_token")})
    assert reply.headers["location"] == "/sign-in"
    there.get("/", 303)
    assert sessions(there) == []
    told = [(row.account, row.act, row.words, row.refused) for row in there.acts()]
    assert told == [
        ("dana", "sign in", "signed in (users)", False),
        ("dana", "sign out", "signed out", False),
    ]


def test_a_part_of_a_page_is_not_replaced_by_the_login(there: Entrance) -> None:
    assert "Your login is over" in words(there.get("/", 401, hx_request="true"))


def test_the_id_of_a_session_is_new_at_each_login_and_only_its_digest_is_stored(
    there: Entrance,
) -> None:
    name = "__Host-ticket-sync"
    there.client.cookies.set(name, "an-id-that-somebody-prepared", domain="tickets.example.com")
    there.sign_in("dana")
    first = there.client.cookies.get(name, domain="tickets.example.com")
    ids = {one.value for one in there.client.cookies.jar if one.name == name}
    assert len(ids - {"an-id-that-somebody-prepared"}) == 1
    (row,) = sessions(there)
    assert row.hash not in ids
    assert first != row.hash


def test_a_login_in_the_same_browser_ends_the_one_before(there: Entrance) -> None:
    form = {"_token": hidden(there.get("/sign-in").text, "_token"), "password": PASSWORD}
    there.send("/sign-in", {**form, "name": "dana"})
    there.send("/sign-in", {**form, "name": "vic"})
    assert [row.account for row in sessions(there)] == ["vic"]


def test_a_login_ends_by_itself(there: Entrance) -> None:
    there.sign_in("dana")
    there.clock.now += 12 * 3600 - 1
    there.get("/")
    there.clock.now += 2
    there.get("/", 303)


@pytest.mark.parametrize(
    "change",
    [
        ('role = "editor"', 'role = "viewer"'),
        ("[web.users.dana]", "[web.users.dora]"),
        ("PASSWORD", "another password"),
    ],
)
def test_a_login_ends_when_the_configuration_says_something_else_of_the_user(
    entrance: NewEntrance, there: Entrance, users: str, change: tuple[str, str]
) -> None:
    there.sign_in("dana")
    cookie = next(one for one in there.client.cookies.jar if one.name == "__Host-ticket-sync")
    before, after = change
    if before == "PASSWORD":
        before, after = (
            there.settings.web.users["dana"].password_hash.get_secret_value(),
            hashed(after),
        )
    again = entrance(users.replace(before, after, 1), base="https://tickets.example.com")
    again.client.cookies.set(cookie.name, cookie.value or "", domain="tickets.example.com")
    again.get("/", 303)
    assert sessions(there) == []


def test_a_wrong_name_and_a_wrong_password_are_told_alike_and_take_as_long(there: Entrance) -> None:
    def took(name: str) -> tuple[str, float]:
        # Of this process, whatever else the machine has to do.
        began = time.process_time()
        reply = there.sign_in(name, "wrong password", 401)
        return words(reply).partition("Name")[0], time.process_time() - began

    took("dana")
    known, unknown = [took("dana") for _ in range(3)], [took("nobody") for _ in range(3)]
    assert {told for told, _ in known} == {told for told, _ in unknown}
    assert "The name or the password is wrong." in known[0][0]
    fast, slow = sorted((min(t for _, t in known), min(t for _, t in unknown)))
    assert slow < 3 * fast
    told = {(row.account, row.about, row.refused) for row in there.acts()}
    assert told == {("somebody at 203.0.113.9", name, True) for name in ("dana", "")}


def test_a_password_typed_as_a_name_is_told_nowhere(there: Entrance) -> None:
    there.sign_in(PASSWORD, "dana", 401)
    assert all(PASSWORD not in f"{row.account}{row.about}{row.words}" for row in there.acts())


def test_who_tries_too_often_with_one_name_has_to_wait(there: Entrance) -> None:
    for _ in range(BY_NAME):
        there.sign_in("dana", "wrong", 401)
    for _ in range(2):
        reply = there.sign_in("dana", status=429)
        assert 0 < int(reply.headers["retry-after"]) <= WINDOW_SECONDS
        assert "Too many tries. Come again in 5 min." in words(reply)
    refused = [row.words for row in there.acts() if "Too many" in row.words]
    assert len(refused) == 1
    there.sign_in("vic")
    there.clock.now += WINDOW_SECONDS + 1
    there.client.cookies.delete("__Host-ticket-sync")
    there.sign_in("dana")


def test_who_tries_many_names_from_one_place_has_to_wait(
    there: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.web.gate.users.fits", lambda password, hash_: False)
    there.place.peer = "2001:db8:1:2::1"
    for number in range(BY_ADDRESS):
        there.place.peer = f"2001:db8:1:2::{number}"
        there.sign_in(f"nobody{number}", "wrong", 401)
    there.sign_in("somebody", "wrong", 429)
    there.place.peer = "2001:db8:1:3::1"
    there.sign_in("somebody", "wrong", 401)


def test_a_login_form_from_elsewhere_is_refused(there: Entrance) -> None:
    form = {"name": "dana", "password": PASSWORD, "_token": "x"}
    there.send("/sign-in", form, 403)
    form["_token"] = hidden(there.get("/sign-in").text, "_token")
    there.send("/sign-in", form, 403, sec_fetch_site="cross-site")
    there.send("/sign-in", form, 403, origin="https://evil.example")
    there.send("/sign-in", form, 303, origin="https://tickets.example.com")


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "",
        "evil",
        "/é",
    ],
)
def test_after_the_login_nobody_is_led_elsewhere(there: Entrance, address: str) -> None:
    assert not is_local(address)
    assert there.sign_in("dana", next=address).headers["location"] == "/"


def test_plain_http_has_cookies_of_another_name(entrance: NewEntrance, users: str) -> None:
    plain = users.replace('url = "https://tickets.example.com"', "")
    there = entrance(plain, base="http://127.0.0.1:8080")
    cookie = there.sign_in("dana").headers["set-cookie"]
    assert cookie.startswith("ticket-sync=")
    assert "Secure" not in cookie
    there.get("/")
    # A proxy in front that speaks https says so.
    there.get("/", 303, x_forwarded_proto="https")
    cookie = there.get("/sign-in", x_forwarded_proto="https").headers["set-cookie"]
    assert cookie.startswith("__Host-ticket-sync-form=")
    assert "Secure" in cookie


def test_a_viewer_may_look_and_no_more(there: Entrance) -> None:
    there.sign_in("vic")
    there.get("/")
    token = there.client.get("/api/v1/account").json()["form_token"]
    sent = {"x-csrf-token": token}
    reply = there.client.post("/api/v1/tokens", json={"name": "a"}, headers=sent)
    assert reply.status_code == 403
    assert "needs the role editor, and vic is viewer" in reply.json()["error"]


def test_the_token_of_one_login_is_not_that_of_another(there: Entrance) -> None:
    there.sign_in("dana")
    token = there.client.get("/api/v1/account").json()["form_token"]
    there.client.cookies.delete("__Host-ticket-sync")
    there.sign_in("vic")
    there.send("/sign-out", {"_token": token}, 403)


def test_what_was_typed_before_the_login_ended_is_there_after_the_next(there: Entrance) -> None:
    there.sign_in("dana")
    there.clock.now += 13 * 3600
    reason = '<b>"why"\nnot'
    over = there.send("/try", {"_token": "of the old login", "reason": reason, "n": "14"}, 401)
    assert "Nothing was done. What you typed is kept" in words(over)
    form = {one: hidden(over.text, one) for one in ("_token", "_act", "_kept", "next")}
    wrong = there.send("/sign-in", {**form, "name": "dana", "password": "x"}, 401)
    assert hidden(wrong.text, "_kept") == form["_kept"]
    again = there.send("/sign-in", {**form, "name": "dana", "password": PASSWORD}, 200)
    assert "You are signed in, and nothing is done yet" in words(again)
    assert "try" not in [row.act for row in there.acts()]
    assert 'action="/try"' in again.text
    typed = re.findall(r'<textarea name="(\w+)" hidden>\n(.*?)</textarea>', again.text, re.S)
    kept = {name: unescape(value) for name, value in typed}
    assert kept == {"reason": reason, "n": "14"}
    there.send("/try", {**kept, "_token": hidden(again.text, "_token")})
    assert there.acts()[-1].words == repr(kept)


@pytest.mark.parametrize("act", ["//evil.example/x", "https://evil.example", "javascript:x"])
def test_what_was_typed_goes_nowhere_else(there: Entrance, act: str) -> None:
    there.sign_in("dana", status=403, _act=act, _kept="[]")
    there.client.cookies.delete("__Host-ticket-sync")
    there.sign_in("dana", status=422, _act="/try", _kept="{")


def test_while_the_store_is_away_the_login_says_so(
    there: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = hidden(there.get("/sign-in").text, "_token")

    def away() -> None:
        raise StoreUnavailable("the store cannot be used now: the disk is full")

    monkeypatch.setattr(there.store, "write", away)
    form = {"_token": token, "name": "dana", "password": PASSWORD}
    assert "the disk is full" in words(there.send("/sign-in", form, 503))
