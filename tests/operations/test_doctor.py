"""Where deliveries end on their way: one sentence for the first link that does not fit."""

from __future__ import annotations

import pytest

from sync.operations.doctor import Received, Sent, diagnose, examine
from sync.store.engine import Store

DELIVERED = frozenset({"issue_created"})
HERE = Received(read=7)
CASES = {
    "all is well": (
        Sent({"delivered": 7}, delivered_types=DELIVERED), HERE, "", "is here, and was read",
    ),
    "the secret is wrong": (
        Sent({"failed": 3}, answers={401: 3}), Received(), "sent", "the signing secret here is not",
    ),
    "nobody answers": (Sent({"failed": 3}, answers={0: 3}), Received(), "sent", "no answer came"),
    "a proxy answers": (Sent({"failed": 2}, answers={502: 2}), Received(), "sent", "answer was 502"),
    "a type is left out": (
        Sent({"delivered": 7, "skipped": 4}, {("issue_closed", "1"): 4}, DELIVERED),
        HERE, "sent", "ISSUE_CLOSED is not among the events of your integration.",
    ),
    "some of a type are skipped": (
        Sent({"delivered": 7, "skipped": 4}, {("issue_created", "6"): 4}, DELIVERED),
        HERE, "", "is here, and was read",
    ),
    "nothing is routed": (
        Sent({"not_routed": 4}, {("issue_created", "not_routed"): 4}),
        Received(), "sent", "4 deliveries of ISSUE_CREATED went to no integration.",
    ),
    "another store takes them": (
        Sent({"delivered": 7}, delivered_types=DELIVERED, elsewhere=7), Received(),
        "received", "7 deliveries were answered with success and are not here.",
    ),
    "nothing is sent": (Sent(), Received(), "received", "Nothing was sent in the last day"),
    "nobody reads": (
        Sent({"delivered": 7}, delivered_types=DELIVERED), Received(waiting=7, waits=600),
        "became tickets", "are here and not read, the oldest for 10 min.",
    ),
    "just arriving": (
        Sent({"delivered": 7}, delivered_types=DELIVERED), Received(read=6, waiting=1, waits=2), "",
        "is here, and was read",
    ),
    "not readable": (
        Sent({"delivered": 7}, delivered_types=DELIVERED), Received(read=6, dead=1),
        "became tickets", "1 delivery is here and could not be read.",
    ),
    "the sender cannot be asked": (None, HERE, "", "What was received was read."),
    "the sender cannot be asked and nobody reads": (
        None, Received(dead=2), "became tickets", "2 deliveries are here and could not be read.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "received", "where", "words"), CASES.values(), ids=CASES)
def test_the_first_link_that_does_not_fit_gets_one_sentence(
    sent: Sent | None, received: Received, where: str, words: str
) -> None:
    found = diagnose(sent, received, "no credentials")
    assert words in found.words
    assert [one.name for one in found.links if one.token == "bad"] == ([where] if where else [])
    assert found.fits is not bool(where)
    assert found.links[0].token == ("idle" if sent is None else found.links[0].token)


def test_without_credentials_the_senders_log_is_not_known(sqlite_store: Store) -> None:
    found = examine(sqlite_store, {}, 1_790_000_000.0)
    assert found.links[0].words == "not known: give `[coalesce.api]`, and the sender's log is read"
