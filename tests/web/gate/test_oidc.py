"""Login by a provider of OpenID Connect, over real sockets and with real signatures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc.jwk import OctKey, RSAKey

from sync.web.gate import oidc_claims
from tests.web.gate.conftest import HTML, NOW, Entrance, NewEntrance, hidden, words
from tests.web.gate.provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.proof

URL = "https://tickets.example.com"


@pytest.fixture(scope="module")
def serving() -> Iterator[Provider]:
    """A provider that answers."""
    found = Provider(NOW)
    server = found.started()
    yield found
    server.stop(5)


@pytest.fixture
def provider(serving: Provider) -> Provider:
    """A provider at which dana is signed in, a member of two groups."""
    person = {"sub": "u-1", "preferred_username": "dana", "groups": ["data", "on-call"]}
    serving.__dict__.update(vars(Provider(NOW, person, issuer=serving.issuer)))
    return serving


def config(provider: Provider, more: str = "", secret: str = SECRET) -> str:
    return f"""[web]
login = "oidc"
url = "{URL}"
[web.oidc]
issuer = "{provider.issuer}/"
client_id = "{CLIENT}"
client_secret = {json.dumps(secret)}
operators = "on-call"
button = "Sign in with Example"
{more}
"""


@pytest.fixture
def there(entrance: NewEntrance, provider: Provider) -> Entrance:
    """The pages, for accounts of the provider."""
    return entrance(config(provider), base=URL)


def away(there: Entrance, next_: str = "/log?who=dana") -> str:
    """The address at the provider that the button leads to."""
    page = there.get(f"/sign-in?next={next_}")
    assert "Sign in with Example" in words(page)
    link = page.text.split('class="button primary" href="')[1].split('"')[0]
    return str(there.get(link.replace("&amp;", "&"), 303).headers["location"])


def at_provider(address: str) -> str:
    """Where the provider sends the browser: the path and query at the pages."""
    back = urlsplit(httpx2.get(address, trust_env=False).headers["location"])
    assert f"{back.scheme}://{back.netloc}" == URL
    return f"{back.path}?{back.query}"


def sign_in(there: Entrance, status: int = 303) -> Any:
    return there.get(at_provider(away(there)), status)


def test_somebody_signs_in_at_the_provider_and_comes_back_to_the_page(
    there: Entrance, provider: Provider
) -> None:
    assert there.get("/", 303).headers["location"] == "/sign-in?next=%2F"
    reply = sign_in(there)
    assert reply.headers["location"] == "/log?who=dana"
    cookies = reply.headers.get_list("set-cookie")
    assert any(one.startswith("__Host-ticket-sync=") and "Secure" in one for one in cookies)
    assert any(one.startswith('__Host-ticket-sync-way=""; ') for one in cookies) or any(
        "__Host-ticket-sync-way=" in one and "Max-Age=0" in one for one in cookies
    )
    page = there.get("/")
    assert "dana operator" in words(page)
    there.send("/sign-out", {"_token": hidden(page.text, "_token")})
    there.get("/", 303)
    assert [(row.account, row.act) for row in there.acts()] == [
        ("dana", "sign in"),
        ("dana", "sign out"),
    ]
    sign_in(there)
    assert provider.asked.count("metadata") == 1
    assert provider.asked.count("keys") == 1


def test_what_the_provider_is_asked_binds_the_way_back_to_this_browser(there: Entrance) -> None:
    one, two = (parse_qs(urlsplit(away(there)).query) for _ in range(2))
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name][0]) >= 43
        assert one[name] != two[name]
    assert one["redirect_uri"] == [f"{URL}/sign-in/back"]
    assert one["scope"] == ["openid profile email"]


def test_a_way_back_that_began_elsewhere_or_long_ago_is_refused(
    there: Entrance, entrance: NewEntrance, provider: Provider
) -> None:
    back = at_provider(away(there))
    other = entrance(config(provider), base=URL)
    told = words(other.get(back, 403))
    assert "did not begin in this browser" in told
    away(there)
    assert "did not begin in this browser" in words(there.get(back, 403)), "another state"
    there.get("/sign-in/back?code=x", 403)
    there.client.cookies.set("__Host-ticket-sync-way", "nonsense", domain="tickets.example.com")
    there.get("/sign-in/back?code=x&state=y", 403)
    assert there.acts() == []


def test_a_code_is_taken_once(there: Entrance) -> None:
    address = away(there)
    cookie = there.client.cookies.get("__Host-ticket-sync-way", domain="tickets.example.com")
    back = at_provider(address)
    there.get(back, 303)
    there.client.cookies.set("__Host-ticket-sync-way", cookie or "", domain="tickets.example.com")
    assert "The sign-in provider refused" in words(there.get(back, 401))


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"iss": "https://evil.example"}, "is from another provider"),
        ({"aud": "another"}, "is for another program"),
        ({"aud": None}, "is for another program"),
        ({"aud": [CLIENT, "another"]}, "was given to another program"),
        ({"azp": "another"}, "was given to another program"),
        ({"exp": int(NOW) - 61}, "has expired"),
        ({"exp": None}, "has expired"),
        ({"exp": "tomorrow"}, "has expired"),
        ({"iat": int(NOW) + 120}, "is from the future"),
        ({"nonce": "another"}, "is for another sign-in"),
        ({"nonce": None}, "is for another sign-in"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(
    there: Entrance, provider: Provider, claims: dict[str, Any], told: str
) -> None:
    provider.claims = claims
    assert f"The provider's token {told}. Begin again." in words(sign_in(there, 401))
    there.get("/", 303)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSAKey.generate_key(2048, {"kid": "one"})),
        ("RS256", RSAKey.generate_key(2048, {"kid": "two"})),
        ("HS256", OctKey.import_key(SECRET, {"kid": "one"})),
        ("none", OctKey.import_key(SECRET, {"kid": "one"})),
    ],
)
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    there: Entrance, provider: Provider, algorithm: str, key: Any
) -> None:
    provider.algorithm, provider.signing_key = algorithm, key
    told = words(sign_in(there, 401))
    assert "is not signed by a key of the provider" in told


def test_a_token_in_whose_text_something_was_changed_lets_nobody_in(
    there: Entrance, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = oidc_claims._signed

    def changed(token: str, *rest: Any) -> Any:
        head, body, signature = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        text = json.dumps({**claims, "groups": ["admins"]}).encode()
        body = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
        return signed(f"{head}.{body}.{signature}", *rest)

    monkeypatch.setattr(oidc_claims, "_signed", changed)
    sign_in(there, 401)


def test_keys_that_the_provider_changed_are_asked_for_anew(
    there: Entrance, provider: Provider
) -> None:
    sign_in(there)
    provider.key = RSAKey.generate_key(2048, {"kid": "two"})
    there.client.cookies.clear()
    there.clock.now += 11
    sign_in(there)
    assert provider.asked.count("keys") == 2


def test_roles_come_from_groups_and_nobody_else_gets_in(
    there: Entrance, provider: Provider
) -> None:
    provider.person["groups"] = ["others"]
    assert "dana has no role here" in words(sign_in(there, 403))
    provider.person["groups"] = "on-call"
    sign_in(there)
    assert "dana operator" in words(there.get("/"))


def test_groups_that_the_token_lacks_are_asked_for(
    entrance: NewEntrance, provider: Provider
) -> None:
    del provider.person["groups"]
    there = entrance(config(provider, 'groups_claim = "realm.roles"'), base=URL)
    provider.info = {"realm": {"roles": ["on-call"]}}
    sign_in(there)
    assert "userinfo" in provider.asked
    there.client.cookies.clear()
    # What is said of somebody else counts for nothing.
    provider.info["sub"] = "u-2"
    sign_in(there, 403)


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"preferred_username": "token ci", "email": "d@example.com"}, "d@example.com"),
        ({"preferred_username": 7}, "u-1"),
        ({"preferred_username": None}, "u-1"),
    ],
)
def test_a_name_that_could_be_taken_for_another_is_not_used(
    there: Entrance, provider: Provider, person: dict[str, Any], name: str
) -> None:
    provider.person |= person
    sign_in(there)
    assert f"{name} operator" in words(there.get("/"))


def test_a_provider_that_is_away_is_told_in_words(there: Entrance, provider: Provider) -> None:
    provider.down = True
    there.get("/sign-in")
    assert "The sign-in provider" in words(there.get("/sign-in/away", 502))
    provider.down = False
    back = at_provider(away(there))
    provider.down = True
    assert "The sign-in provider" in words(there.get(back, 502))
    provider.down = False
    sign_in(there)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "ftp://evil.example"},
        {"jwks_uri": None},
    ],
)
def test_a_provider_that_is_another_than_the_configured_is_refused(
    there: Entrance, provider: Provider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    there.get("/sign-in/away", 502)


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("error=access_denied&error_description=No%20%3Cb%3E", 401, "did not sign you in: No <b>"),
        ("code=x&iss=https://evil.example", 403, "This answer is from another provider."),
        ("code=", 401, "The sign-in provider refused the sign-in"),
    ],
)
def test_an_answer_of_the_provider_that_is_none_is_told_in_words(
    there: Entrance, query: str, status: int, told: str
) -> None:
    state = parse_qs(urlsplit(away(there)).query)["state"][0]
    assert told in words(there.get(f"/sign-in/back?{query}&state={state}", status))


@pytest.mark.parametrize("next_", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_nobody_is_led_elsewhere_by_way_of_the_provider(there: Entrance, next_: str) -> None:
    address = there.get(f"/sign-in/away?next={next_}", 303).headers["location"]
    assert there.get(at_provider(address), 303).headers["location"] == "/"


def test_a_public_client_has_no_secret(entrance: NewEntrance, provider: Provider) -> None:
    there = entrance(config(provider, secret=""), base=URL)
    sign_in(there)


def test_a_login_ends_when_other_groups_get_the_role(
    entrance: NewEntrance, there: Entrance, provider: Provider
) -> None:
    sign_in(there)
    kept = there.client.cookies.get("__Host-ticket-sync", domain="tickets.example.com")
    text = config(provider).replace('operators = "on-call"', 'viewers = "on-call"')
    again = entrance(text, base=URL)
    again.client.cookies.set("__Host-ticket-sync", kept or "", domain="tickets.example.com")
    again.get("/", 303)


def test_what_was_typed_before_the_login_ended_waits_in_its_tab(there: Entrance) -> None:
    over = there.send("/try", {"_token": "old", "reason": "why"}, 401)
    assert 'target="_blank"' in over.text
    form = {one: hidden(over.text, one) for one in ("_act", "_kept")}
    assert "You are not signed in yet." in words(there.send("/sign-in/resume", form, 401))
    sign_in(there)
    assert "Go back to the other tab" in words(there.get("/sign-in/done"))
    again = there.send("/sign-in/resume", form, 200)
    token = hidden(again.text, "_token")
    there.send("/try", {"_token": token, "reason": "why"})
    assert there.acts()[-1].words == "{'reason': 'why'}"
    reply = there.client.post(
        "/sign-in/resume", data={"_act": "//evil", "_kept": "[]"}, headers=HTML
    )
    assert reply.status_code == 403
