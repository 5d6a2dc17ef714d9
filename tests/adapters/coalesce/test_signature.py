"""What a valid signature is, and what must not pass."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.adapters.coalesce import CoalesceSource, sign, signed_headers
from sync.ports import verified
from tests.reference import reference

SECRET = "whsec_test"
OTHER = "whsec_other"
BODY = '{"title":"Überfällig ⏰"}'.encode()
NOW = 1_790_000_000


def headers(timestamp: str = str(NOW), signature: str | None = None) -> dict[str, str]:
    return {
        "x-coalesce-timestamp": timestamp,
        "x-coalesce-signature": sign(SECRET, timestamp, BODY) if signature is None else signature,
    }


def passes(given_headers: dict[str, str], *, now: float = NOW, body: bytes = BODY) -> bool:
    return verified(CoalesceSource([SECRET]), given_headers, body, now).ok


def test_every_published_vector_comes_out_as_published() -> None:
    vectors = json.loads(reference("upstream/signature-vectors.json").read_text())
    found = {
        vector["name"]: verified(
            CoalesceSource(vector["secrets"]),
            vector["headers"],
            vector["body"].encode(),
            vector["now"],
        ).ok
        for vector in vectors
    }
    assert found == {vector["name"]: vector["valid"] for vector in vectors}
    assert len(found) > 10


def test_what_is_signed_is_the_timestamp_a_dot_and_the_raw_body() -> None:
    wanted = hmac.new(b"key", b"1790000000." + BODY, hashlib.sha256).hexdigest()
    assert sign("key", 1_790_000_000, BODY) == f"v1={wanted}"


def test_a_vector_of_our_own_stays_as_it_is() -> None:
    digest = "7a4d26944722100249410c8c7f2e76c3cc6e9735fcc98b39e44a122da5490ffc"
    assert sign("key", "1790000000", b'{"a":1}') == f"v1={digest}"


def test_headers_made_for_a_body_verify() -> None:
    assert passes(signed_headers(SECRET, BODY, at=NOW))


@pytest.mark.parametrize("age", [0, 30 * 60, 45 * 60, -5 * 60])
def test_a_late_retry_and_a_slightly_fast_clock_pass(age: int) -> None:
    assert passes(headers(), now=NOW + age)


@pytest.mark.parametrize("age", [45 * 60 + 1, -5 * 60 - 1, 10**9, -(10**9), float("nan")])
def test_a_replay_and_a_signature_from_the_future_do_not_pass(age: float) -> None:
    assert not passes(headers(), now=NOW + age)


def test_the_windows_can_be_set() -> None:
    source = CoalesceSource([SECRET], replay_window=10, clock_skew=1)
    assert verified(source, headers(), BODY, NOW + 10).ok
    assert not verified(source, headers(), BODY, NOW + 11).ok
    assert not verified(source, headers(), BODY, NOW - 2).ok


@pytest.mark.parametrize(
    "timestamp",
    [
        "１７９００００００００",
        "1e9",
        "+5",
        " 5",
        "5 ",
        "1_0",
        "-5",
        "",
        "0x10",
        "1.0",
        "9" * 5000,
        "nan",
        "٣",
        "1\n",
    ],
)
def test_a_timestamp_that_is_not_plain_digits_does_not_pass_even_if_signed(timestamp: str) -> None:
    assert not verified(
        CoalesceSource([SECRET], replay_window=1e30), headers(timestamp), BODY, NOW
    ).ok


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "v1=",
        "v1",
        "=",
        "v1=zz",
        "v1=" + "0" * 64,
        "v1=" + "é" * 64,
        "v1=\ud800",
        "V1=" + sign(SECRET, NOW, BODY)[3:],
        "v2=" + sign(SECRET, NOW, BODY)[3:],
        sign(SECRET, NOW, BODY)[3:],
        sign(SECRET, NOW, BODY)[:-1],
        sign(SECRET, NOW, BODY) + "0",
        sign(OTHER, NOW, BODY),
        "v1 = " + sign(SECRET, NOW, BODY)[3:],
        "v1=" * 100_000,
    ],
)
def test_anything_but_the_right_signature_does_not_pass(signature: str) -> None:
    assert not passes(headers(signature=signature))


@pytest.mark.parametrize(
    "signature",
    [
        f"v2=abc {sign(SECRET, NOW, BODY)}",
        f"{sign(SECRET, NOW, BODY)} v3=",
        f"v1={'0' * 64} {sign(SECRET, NOW, BODY)}",
        f"  {sign(SECRET, NOW, BODY)}  ",
        f"v1={'0' * 64}\t{sign(SECRET, NOW, BODY)}",
        f"{f'v1={0:064} ' * 400}{sign(SECRET, NOW, BODY)}",
        "v1=" + sign(SECRET, NOW, BODY)[3:].upper(),
    ],
)
def test_any_valid_v1_item_passes(signature: str) -> None:
    assert passes(headers(signature=signature))


def test_each_of_several_secrets_passes_while_they_rotate() -> None:
    source = CoalesceSource([OTHER, SECRET])
    for secret in (SECRET, OTHER):
        assert verified(source, signed_headers(secret, BODY, at=NOW), BODY, NOW).ok


def test_header_names_count_in_any_case() -> None:
    assert passes({name.upper(): value for name, value in headers().items()})


def test_an_empty_secret_is_no_secret() -> None:
    assert not verified(CoalesceSource([""]), signed_headers("", BODY, at=NOW), BODY, NOW).ok
    assert not verified(CoalesceSource([]), signed_headers("", BODY, at=NOW), BODY, NOW).ok


def test_unsigned_passes_only_where_it_is_allowed() -> None:
    assert not verified(CoalesceSource([SECRET]), {}, BODY, NOW).ok
    assert verified(CoalesceSource(allow_unsigned=True), {}, BODY, NOW).ok


def test_a_wrong_signature_does_not_pass_where_unsigned_is_allowed() -> None:
    source = CoalesceSource([SECRET], allow_unsigned=True)
    assert verified(source, {}, BODY, NOW).ok
    assert verified(source, headers(), BODY, NOW).ok
    assert not verified(source, signed_headers(OTHER, BODY, at=NOW), BODY, NOW).ok


def test_the_reason_names_no_secret_and_no_signature() -> None:
    found = verified(CoalesceSource([SECRET]), headers(signature=sign(OTHER, NOW, BODY)), BODY, NOW)
    assert found.reason == "the signature fits none of the secrets"


@given(
    st.dictionaries(
        st.sampled_from(["x-coalesce-timestamp", "X-Coalesce-Signature", "other"]), st.text()
    ),
    st.binary(),
    st.floats(),
)
def test_garbage_neither_passes_nor_raises(given_headers, body, now) -> None:
    assert not verified(CoalesceSource([SECRET]), given_headers, body, now).ok


@given(st.integers(0, len(BODY) * 8 - 1))
def test_no_single_bit_of_the_body_can_change(bit: int) -> None:
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8
    assert not passes(headers(), body=bytes(changed))
