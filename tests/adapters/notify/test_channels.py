"""Each channel, to a real receiver on this machine: what arrives, and what is said when nothing does."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.adapters.notify import (
    AppriseChannel,
    EmailAccess,
    EmailChannel,
    HttpAccess,
    Letter,
    NotSent,
    SignedChannel,
    SlackChannel,
    Thing,
)
from sync.telemetry import keep_secret
from tests.adapters.notify.receivers import Certificates, Hook, Mailbox, certificates, hook, mailbox
from tests.ports import nobody_listens

THING = Thing(
    state="new",
    kind="parked",
    words="3 tickets are set aside: <!channel> no field 'Severity'",
    detail="Correct it.",
    rule="stale tables",
    link="https://tickets.example.com/parked?group=1f",
    count=3,
    since=1_789_999_000.0,
)
LETTER = Letter(
    id="msg_1",
    title="ticket-sync: 1 & <more>",
    text="New:\n• 3 tickets are set aside: <!channel> Größe",
    link="https://tickets.example.com",
    at=1_790_000_000.0,
    things=(THING,),
)
SECRET = "T0/B0/planted-5e1f-path"


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as running:
        yield running


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


def refused(channel: Any) -> NotSent:
    with pytest.raises(NotSent) as caught:
        channel.send(LETTER)
    return caught.value


def test_slack_gets_a_text_in_which_nothing_mentions_anybody(receiver: Hook) -> None:
    done = SlackChannel(HttpAccess(f"{receiver.url}/{SECRET}")).send(LETTER)
    assert done.words == "127.0.0.1 answered 200"
    [got] = receiver.got
    assert (got.path, got.headers["content-type"]) == (f"/{SECRET}", "application/json")
    assert got.data == {
        "text": "*ticket-sync: 1 &amp; &lt;more&gt;*\n"
        "New:\n• 3 tickets are set aside: &lt;!channel&gt; Größe"
    }


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("whsec_" + base64.b64encode(b"the key").decode(), b"the key"),
        ("any text", b"any text"),
        ("whsec_no base64", b"whsec_no base64"),
    ],
)
def test_a_webhook_is_signed_so_that_its_receiver_can_check_it(
    receiver: Hook, secret: str, key: bytes
) -> None:
    SignedChannel(HttpAccess(receiver.url, token="tk-5e1f"), secret).send(LETTER)
    [got] = receiver.got
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{digest}"
    assert (got.headers["webhook-id"], got.headers["webhook-timestamp"]) == ("msg_1", "1790000000")
    assert got.headers["authorization"] == "Bearer tk-5e1f"
    assert got.data["data"]["things"] == [
        {
            "state": "new",
            "kind": "parked",
            "words": THING.words,
            "detail": "Correct it.",
            "rule": "stale tables",
            "link": THING.link,
            "count": 3,
            "since": "2026-09-21T13:56:40+00:00",
        }
    ]
    assert got.data["data"]["link"] == LETTER.link


def test_a_refusal_is_told_with_the_receivers_words_and_without_the_address(receiver: Hook) -> None:
    keep_secret(SECRET)
    receiver.answers, receiver.headers = [429, 500], {"retry-after": "90"}
    receiver.said = f"slow\x1b[31m down,\n/{SECRET}".encode()
    channel = SlackChannel(HttpAccess(f"{receiver.url}/{SECRET}"))
    error = refused(channel)
    assert (str(error), error.retry_after) == (
        "127.0.0.1 answered 429: slow\ufffd[31m down, /***",
        90.0,
    )
    assert SECRET not in str(refused(channel))


def test_a_redirect_is_not_followed(receiver: Hook) -> None:
    receiver.answers, receiver.said = [302], b""
    receiver.headers = {"location": f"{receiver.url}/elsewhere"}
    error = refused(SlackChannel(HttpAccess(f"{receiver.url}/here")))
    assert str(error) == "127.0.0.1 answered 302, a redirect, which is not followed"
    assert [one.path for one in receiver.got] == ["/here"]


def test_a_receiver_that_is_away_or_hangs_is_named_by_its_host_alone(receiver: Hook) -> None:
    with nobody_listens() as port:
        assert str(refused(SlackChannel(HttpAccess(f"http://127.0.0.1:{port}/{SECRET}")))) == (
            "127.0.0.1 cannot be reached (ConnectError)"
        )
    receiver.goes_on.clear()
    channel = SlackChannel(HttpAccess(f"{receiver.url}/{SECRET}", timeout=0.2))
    assert str(refused(channel)) == "127.0.0.1 did not answer within 0.2 s"


def test_only_a_certificate_of_a_trusted_authority_is_taken(
    certified: Certificates, tmp_path: Path
) -> None:
    with hook(certified.server) as receiver:
        SlackChannel(HttpAccess(receiver.url, ca_bundle=certified.authority)).send(LETTER)
        assert "cannot be reached" in str(refused(SlackChannel(HttpAccess(receiver.url))))
        gone = SlackChannel(HttpAccess(receiver.url, ca_bundle=tmp_path / "gone.pem"))
        assert str(refused(gone)) == "ca_bundle cannot be read (No such file or directory)"
        assert len(receiver.got) == 1


def email(box: Mailbox, **more: Any) -> EmailChannel:
    how = {"tls": "off", "sender": "ticket-sync@example.com", "to": ["a@example.com"], **more}
    return EmailChannel(EmailAccess("127.0.0.1", port=box.port, timeout=20, **how))


def test_an_email_arrives_as_plain_text() -> None:
    with mailbox() as box:
        done = email(box, to=["a@example.com", "b@example.com"]).send(LETTER)
        assert done.words == "127.0.0.1 took it for 2"
        [mail] = box.got
        assert box.envelopes == [("ticket-sync@example.com", ["a@example.com", "b@example.com"])]
    assert mail["Subject"] == LETTER.title
    assert (mail["From"], mail["To"]) == ("ticket-sync@example.com", "a@example.com, b@example.com")
    assert mail["Message-ID"] == "<msg_1@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == LETTER.text + "\n"


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_user_and_password_go_encrypted(certified: Certificates, way: str) -> None:
    account = {"user": "ts", "password": "sesame-open-wide", "tls": way}
    with mailbox(certified.server, from_start=way == "tls", auth=True) as box:
        email(box, ca_bundle=certified.authority, **account).send(LETTER)
        assert (box.logins, box.encrypted) == ([("ts", "sesame-open-wide")], [True])
        # Without the authority nothing is sent, the password neither.
        assert "cannot be reached" in str(refused(email(box, **account)))
        wrong = {**account, "password": "planted-wrong-5e1f", "ca_bundle": certified.authority}
        said = str(refused(email(box, **wrong)))
        assert said.startswith("127.0.0.1 refused user and password (535 ")
        assert len(box.got) == 1


def test_starttls_is_never_left_out() -> None:
    with mailbox() as box:
        assert "does not offer what is needed" in str(refused(email(box, tls="starttls")))
        assert box.got == []


def test_who_is_refused_beside_others_is_named_and_nobody_taken_is_a_failure() -> None:
    with mailbox() as box:
        box.refuses = {"b@example.com"}
        both = email(box, to=["a@example.com", "b@example.com"])
        assert both.send(LETTER).words == "127.0.0.1 took it, but not for b@example.com"
        assert str(refused(email(box, to=["b@example.com"]))) == "127.0.0.1 refused b@example.com"
        box.says = "451 try again\r"
        assert str(refused(email(box))) == "127.0.0.1 refused (451 try again)"


def test_apprise_sends_and_its_words_stay_with_it(
    receiver: Hook, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    port = receiver.url.rpartition(":")[2]
    url = f"json://127.0.0.1:{port}/hook?+X-Key=planted-5e1f-header"
    assert AppriseChannel(url).send(LETTER).words == "json took it"
    [got] = receiver.got
    assert (got.data["title"], got.data["message"]) == (LETTER.title, LETTER.text)
    assert got.headers["x-key"] == "planted-5e1f-header"
    receiver.answers = [500]
    assert str(refused(AppriseChannel(url))) == "json did not take the message, or did not answer"
    assert str(refused(AppriseChannel("json://"))) == "apprise does not take this address for json"
    assert (*capfd.readouterr(), caplog.text) == ("", "", "")
