"""Without login: browsers on this machine, straight, and under a name that is known."""

from __future__ import annotations

import pytest

from tests.web.gate.conftest import NewEntrance, words


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_browser_on_this_machine_is_an_editor(entrance: NewEntrance, peer: str) -> None:
    there = entrance("", peer=peer)
    assert "local editor" in words(there.get("/"))
    assert "Sign out" not in words(there.get("/"))


@pytest.mark.parametrize("peer", ["172.17.0.1", "10.0.0.5", "fe80::1%eth0", "::ffff:10.0.0.5", "x"])
def test_who_comes_from_elsewhere_is_told_what_to_do(entrance: NewEntrance, peer: str) -> None:
    there = entrance("", peer=peer)
    told = words(there.get("/", 403))
    assert "open to browsers on this machine alone" in told
    assert 'set login = "users" under [web]' in told
    reply = there.client.get("/api/v1/status")
    assert reply.status_code == 403
    assert "as what comes through a port that Docker maps does" in reply.json()["error"]
    assert there.client.get("/health/live").status_code == 200
    assert there.client.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"]
)
def test_what_came_through_a_proxy_is_not_taken_for_this_machine(
    entrance: NewEntrance, header: str
) -> None:
    there = entrance("")
    told = words(there.get("/", 403, **{header: "203.0.113.7"}))
    assert f"came through a proxy (it has the header {header.lower()})" in told


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1:9000",
        "[::1]:8080",
        "192.168.1.9",
        "tickets",
        "t:81",
    ],
)
def test_a_known_name_is_answered_on_any_port(entrance: NewEntrance, host: str) -> None:
    there = entrance('[web]\nhosts = ["tickets", "t:81"]\n')
    there.get("/", host=host)
    there.get("/health/ready", host=host)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "t:82", "127.0.0.1.evil.example", "a b"]
)
@pytest.mark.parametrize("path", ["/", "/api/v1/status", "/metrics", "/health/ready"])
def test_under_any_other_name_nothing_is_told(entrance: NewEntrance, host: str, path: str) -> None:
    there = entrance('[web]\nhosts = "t:81"\n')
    reply = there.get(path, 421 if " " not in host else 400, host=host)
    if " " not in host:
        assert "add the name to hosts under [web]" in words(reply)
    there.get("/health/live", host="evil.example")


def test_a_name_is_refused_in_words_that_programs_can_read(entrance: NewEntrance) -> None:
    reply = entrance("").client.get("/metrics", headers={"host": "evil.example"})
    assert reply.status_code == 421
    assert "not known as 'evil.example'" in reply.json()["error"]


def test_an_act_needs_the_token_of_a_form_of_ours(entrance: NewEntrance) -> None:
    there = entrance("")
    body = {"name": "ci", "role": "viewer"}
    there.get("/")
    reply = there.client.post("/api/v1/tokens", json=body)
    assert (reply.status_code, "not one of ours" in reply.text) == (403, True)
    token = there.client.get("/api/v1/account").json()["form_token"]
    wrong = {"x-csrf-token": token[::-1]}
    assert there.client.post("/api/v1/tokens", json=body, headers=wrong).status_code == 403
    for elsewhere in ({"sec-fetch-site": "same-site"}, {"origin": "http://localhost:3000"}):
        sent = {"x-csrf-token": token, **elsewhere}
        reply = there.client.post("/api/v1/tokens", json=body, headers=sent)
        assert (reply.status_code, "a page elsewhere" in reply.text) == (403, True)
    for here in ({"sec-fetch-site": "same-origin"}, {"origin": "null"}, {}):
        sent = {"x-csrf-token": token, **here}
        reply = there.client.post(
            "/api/v1/tokens", json=body | {"name": f"ci{len(here)}"}, headers=sent
        )
        assert reply.status_code in (200, 422)
    assert [row.act for row in there.acts()] == ["token add", "token add"]


def test_the_cookie_of_forms_is_for_no_script(entrance: NewEntrance) -> None:
    cookie = entrance("").get("/").headers["set-cookie"]
    assert cookie.startswith("ticket-sync-form=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/"):
        assert part in cookie


def test_pages_that_are_off_are_not_there_and_health_and_metrics_are(entrance: NewEntrance) -> None:
    there = entrance('[web]\nlogin = "off"\n')
    for path in ("/", "/tickets", "/sign-in", "/api/v1/status", "/api/v1/openapi.json"):
        assert "There is nothing" not in there.get(path, 404).text
    for path in ("/health/live", "/health/ready", "/metrics"):
        there.get(path)
    there.get("/metrics", 421, host="evil.example")


def test_a_page_carries_the_title_of_its_configuration(entrance: NewEntrance) -> None:
    there = entrance('[web]\ntitle = "production"\n')
    assert "ticket-sync production" in words(there.get("/"))


def test_without_a_login_there_is_no_page_to_sign_in(entrance: NewEntrance) -> None:
    entrance("").get("/sign-in", 404)


def test_head_answers_as_get_does(entrance: NewEntrance) -> None:
    there = entrance("")
    assert there.client.head("/").status_code == 200
    assert there.client.head("/api/v1/account").status_code == 200
    there.place.peer = "10.0.0.5"
    assert there.client.head("/").status_code == 403
