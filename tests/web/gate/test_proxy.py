"""Login by a proxy in front: its headers are believed, and those of nobody else."""

from __future__ import annotations

import pytest

from tests.web.gate.conftest import Entrance, NewEntrance, words

CONFIG = """[web]
login = "proxy"
url = "https://tickets.example.com"
[web.proxy]
trusted = ["10.1.0.0/16", "fd00::5"]
viewers = "*"
operators = ["on-call", "data"]
editors = "platform"
"""
DANA = {"X-Forwarded-User": "dana@example.com"}


@pytest.fixture
def there(entrance: NewEntrance) -> Entrance:
    """The pages, behind a proxy."""
    return entrance(CONFIG, base="https://tickets.example.com", peer="10.1.2.3")


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "fd00::5"])
def test_the_proxy_says_who_it_is_and_the_groups_give_the_role(there: Entrance, peer: str) -> None:
    there.place.peer = peer
    for groups, role in {"": "viewer", "a, data": "operator", "data,platform": "editor"}.items():
        page = there.get("/", **DANA, X_Forwarded_Groups=groups)
        assert f"dana@example.com {role}" in words(page)


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.2.0.1", "::1", "203.0.113.1", "x"])
def test_nobody_else_is_believed(there: Entrance, peer: str) -> None:
    there.place.peer = peer
    told = words(there.get("/", 403, **DANA, X_Forwarded_For="10.1.2.3"))
    assert "which is not among trusted under [web.proxy]" in told
    assert there.client.get("/api/v1/status", headers=DANA).status_code == 403


@pytest.mark.parametrize("name", ["", "  ", "token ci", "a\tb", "dana,evil", "é" * 201])
def test_a_header_that_names_nobody_is_refused(there: Entrance, name: str) -> None:
    there.place.headers = [("X-Forwarded-User", name)]
    told = words(there.get("/", 403))
    assert "The proxy does not say who this is" in told


def test_a_name_with_letters_of_any_language_is_taken(there: Entrance) -> None:
    there.place.headers = [("X-Forwarded-User", "žofie")]
    assert "žofie viewer" in words(there.get("/"))


@pytest.mark.parametrize("header", ["X-Forwarded-User", "X-Forwarded-Groups"])
def test_a_header_that_came_twice_may_be_the_browsers(there: Entrance, header: str) -> None:
    there.place.headers = [*DANA.items(), ("X-Forwarded-Groups", "data"), (header, "platform")]
    assert f"The header {header} came more than once" in words(there.get("/", 403))


def test_who_has_no_role_is_told_where_roles_come_from(entrance: NewEntrance) -> None:
    there = entrance(CONFIG.replace('viewers = "*"\n', ""), peer="10.1.2.3")
    told = words(there.get("/", 403, **DANA, X_Forwarded_Groups="others"))
    assert "dana@example.com has no role here: [web.proxy] gives none to any of the groups" in told


def test_an_act_needs_the_token_that_belongs_to_the_browser(there: Entrance) -> None:
    sent = {**DANA, "X-Forwarded-Groups": "data"}
    there.send("/try", {"_token": "x"}, 403, **sent)
    cookie = there.get("/", **sent).headers["set-cookie"]
    assert cookie.startswith("__Host-ticket-sync-form=")
    assert "Secure" in cookie
    token = there.client.get("/api/v1/account", headers=sent).json()["form_token"]
    there.send("/try", {"_token": token}, 403, **sent, origin="https://evil.example")
    there.send("/try", {"_token": token}, **sent, origin="https://tickets.example.com")
    assert [(row.account, row.act) for row in there.acts()] == [("dana@example.com", "try")]
    there.send("/try", {"_token": token}, 403, **DANA)
