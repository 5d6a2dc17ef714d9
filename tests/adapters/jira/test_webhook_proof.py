"""Which webhooks of Jira count as proven: every way to prove, and what must not pass."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.adapters.jira.webhook import HEADER, JiraNotices, WebhookSecrets

NEW, OLD, SENT = "the new signing secret", "the old signing secret", "sent-along-5e1f"
BODY = b'{"webhookEvent":"jira:issue_updated","issue":{"id":"10001"}}'
SECRETS = WebhookSecrets(signing=(NEW, OLD), sent=(SENT,))


def signed(secret: str, body: bytes = BODY, method: str = "sha256") -> dict[str, str]:
    return {"x-hub-signature": f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"}


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"jira:{password}".encode()).decode()}


def verdict(
    headers: dict[str, str],
    *,
    in_path: str = "",
    body: bytes = BODY,
    secrets: WebhookSecrets = SECRETS,
) -> tuple[bool, str]:
    verifier = JiraNotices("main", secrets).verifier(headers, in_path)
    verifier.update(body[:7])
    verifier.update(body[7:])
    found = verifier.verdict(0.0)
    return found.ok, found.reason


def test_the_signature_of_atlassians_documentation_is_right() -> None:
    published = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    secrets = WebhookSecrets(signing=("It's a Secret to Everybody",))
    assert verdict({"x-hub-signature": published}, body=b"Hello World!", secrets=secrets)[0]


@pytest.mark.parametrize("secret", [NEW, OLD])
@pytest.mark.parametrize("method", ["sha256", "sha384", "sha512"])
def test_a_signature_by_any_secret_and_any_strong_method_passes(secret: str, method: str) -> None:
    assert verdict(signed(secret, method=method)) == (True, "")
    shouted = {"x-hub-signature": signed(secret, method=method)["x-hub-signature"].upper()}
    assert verdict(shouted) == (True, "")


def test_one_right_signature_among_several_is_enough() -> None:
    both = [signed(one)["x-hub-signature"] for one in ("another", NEW)]
    assert verdict({"x-hub-signature": " ".join(both)}) == (True, "")
    assert verdict({"x-hub-signature": ",".join(reversed(both))}) == (True, "")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "it has neither a signature nor a secret"),
        (signed("another"), "the signature fits none of webhook_secrets"),
        (signed(NEW, b"{}"), "the signature fits none of webhook_secrets"),
        (signed(SENT), "the signature fits none of webhook_secrets"),
        (signed(NEW, method="sha1"), "the signature is by no method that is taken"),
        (signed(NEW, method="md5"), "the signature is by no method that is taken"),
        ({"x-hub-signature": "sha256="}, "the signature is by no method that is taken"),
        ({"x-hub-signature": "sha256"}, "it has neither a signature nor a secret"),
        ({HEADER.lower(): NEW}, "fits none of webhook_header_secrets"),
        (basic("wrong"), "fits none of webhook_header_secrets"),
        ({"authorization": "Basic !!!"}, "it has neither a signature nor a secret"),
        ({"authorization": f"Bearer {SENT}"}, "it has neither a signature nor a secret"),
    ],
)
def test_anything_else_is_refused(headers: dict[str, str], reason: str) -> None:
    ok, words = verdict(headers)
    assert not ok
    assert reason in words
    assert not any(secret in words for secret in (NEW, OLD, SENT))


def test_a_body_that_something_has_written_anew_is_refused() -> None:
    assert not verdict(signed(NEW), body=BODY.replace(b":", b": "))[0]


def test_a_secret_passes_in_the_header_as_a_password_and_in_the_path() -> None:
    assert verdict({HEADER.lower(): SENT}) == (True, "")
    assert verdict(basic(SENT)) == (True, "")
    assert verdict({}, in_path=SENT) == (True, "")
    assert not verdict({}, in_path=SENT[:-1])[0]


def test_what_signs_does_not_pass_when_it_is_sent_and_the_other_way_round() -> None:
    assert not verdict({}, in_path=NEW)[0]
    assert not verdict(signed(SENT))[0]


def test_an_empty_secret_proves_nothing() -> None:
    empty = WebhookSecrets(signing=("",), sent=("",))
    assert not verdict(signed(""), secrets=empty)[0]
    assert not verdict({HEADER.lower(): ""}, secrets=empty)[0]
    assert not verdict(basic(""), secrets=empty)[0]


def test_without_a_proof_a_webhook_passes_only_where_that_is_allowed() -> None:
    allowed = WebhookSecrets(signing=(NEW,), sent=(SENT,), unsigned=True)
    assert verdict({}, secrets=allowed)[0]
    # A proof that is there is held against the secrets that are there.
    assert not verdict(signed("another"), secrets=allowed)[0]
    assert not verdict({}, in_path="another", secrets=allowed)[0]
    assert verdict(signed("another"), secrets=WebhookSecrets(unsigned=True))[0]


def test_where_no_secret_of_the_kind_is_set_the_reason_names_the_setting() -> None:
    assert "set webhook_secrets" in verdict(signed(NEW), secrets=WebhookSecrets(sent=(SENT,)))[1]
    words = verdict({HEADER.lower(): SENT}, secrets=WebhookSecrets(signing=(NEW,)))[1]
    assert "set webhook_header_secrets" in words


@given(
    st.dictionaries(
        st.sampled_from(["x-hub-signature", "authorization", HEADER.lower()]), st.text()
    ),
    st.text(),
    st.binary(max_size=40),
)
def test_no_header_and_no_path_makes_the_check_fail_by_itself(
    headers: dict[str, str], in_path: str, body: bytes
) -> None:
    assert not verdict(headers, in_path=in_path, body=body)[0]


def test_the_digest_is_worked_out_by_the_method_that_the_header_names() -> None:
    digest = hmac.new(NEW.encode(), BODY, hashlib.sha512).hexdigest()
    assert not verdict({"x-hub-signature": f"sha256={digest[:64]}"})[0]
