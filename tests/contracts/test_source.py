"""What every source makes of deliveries: who sent them, which they are, and the events in them."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.errors import Unreadable
from sync.domain.subject import SubjectRef
from sync.ports import verified
from tests.clock import START
from tests.contracts.sources import SENDERS, Sender, events_of

LONGEST_ID = 200


@pytest.fixture(params=SENDERS)
def sender(request: pytest.FixtureRequest) -> Sender:
    """Each source in turn, with who sends to it."""
    return SENDERS[request.param]()


def test_a_name_fits_into_a_path_and_into_the_name_of_a_subject(sender: Sender) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_-]*", sender.source.name)


def test_a_delivery_as_it_was_signed_is_authentic(sender: Sender) -> None:
    for body in sender.bodies:
        said = verified(sender.source, sender.sign(body, START), body, START)
        assert (said.ok, said.reason) == (True, "")


@settings(max_examples=50, deadline=None)
@given(name=st.sampled_from(sorted(SENDERS)), body=st.binary(), cuts=st.lists(st.integers(0, 99)))
def test_a_body_that_comes_in_parts_is_as_authentic_as_in_one(
    name: str, body: bytes, cuts: list[int]
) -> None:
    sender = SENDERS[name]()
    verifier = sender.source.verifier(sender.sign(body, START))
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        verifier.update(body[start:end])
    assert verifier.verdict(START).ok


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(SENDERS)), data=st.data())
def test_the_head_of_a_body_shows_nothing_that_the_whole_body_does_not(
    name: str, data: st.DataObject
) -> None:
    source = SENDERS[name]().source
    body = data.draw(st.sampled_from(list(SENDERS[name]().bodies)))
    shown = source.outline(body[: data.draw(st.integers(0, len(body)))])
    assert shown.id in ("", source.identify(body)[0])
    refs = {e.snapshot.ref if e.snapshot else e.about for e in events_of(source.read(body))}
    assert shown.about in {None, *refs}
    assert source.outline(body).id == source.identify(body)[0]
    assert source.outline(body).about in refs


def test_a_delivery_that_was_changed_or_not_signed_is_not_and_the_log_gets_a_reason(
    sender: Sender,
) -> None:
    body = sender.bodies[0]
    for headers, sent in ((sender.sign(body, START), body + b" "), ({}, body)):
        said = verified(sender.source, headers, sent, START)
        assert not said.ok
        assert said.reason


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(sorted(SENDERS)), body=st.binary(), value=st.text())
def test_no_headers_and_no_body_make_it_raise_before_it_is_read(
    name: str, body: bytes, value: str
) -> None:
    sender = SENDERS[name]()
    for header in ({}, *({key: value} for key in sender.sign(b"", START))):
        assert not verified(sender.source, header, body, START).ok
    assert all(isinstance(part, str) for part in sender.source.identify(body))


def test_a_delivery_that_comes_again_has_the_same_id(sender: Sender) -> None:
    for body in sender.bodies:
        id_, _ = sender.source.identify(body)
        assert 0 < len(id_) <= LONGEST_ID
        assert sender.source.identify(bytes(body))[0] == id_


def test_events_speak_of_subjects_of_this_source_and_can_be_stored(sender: Sender) -> None:
    for body in sender.bodies:
        for event in events_of(sender.source.read(body)):
            assert 0 < len(event.id) <= LONGEST_ID
            assert event.time > START * 1e9 - 7 * 86_400e9, "nanoseconds since the epoch"
            if event.snapshot is None:
                continue
            ref = event.snapshot.ref
            assert ref.source == sender.source.name
            assert SubjectRef.parse(str(ref)) == ref
            assert event.snapshot.event_time == event.time
            assert "\x00" not in json.dumps(dict(event.snapshot.payload))


def test_a_body_that_is_read_again_tells_the_same(sender: Sender) -> None:
    for body in sender.bodies:
        assert events_of(sender.source.read(body)) == events_of(sender.source.read(body))


def test_a_body_that_cannot_be_read_is_told_with_a_reason_in_one_line(sender: Sender) -> None:
    for body in sender.garbled:
        with pytest.raises(Unreadable) as caught:
            sender.source.read(body)
        assert str(caught.value)
        assert str(caught.value).isprintable()


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(SENDERS)), data=st.data())
def test_any_body_gives_events_or_is_unreadable(name: str, data: st.DataObject) -> None:
    sender = SENDERS[name]()
    good = data.draw(st.sampled_from(list(sender.bodies)))
    start = data.draw(st.integers(0, len(good)))
    body = (
        good[:start]
        + data.draw(st.binary(max_size=8))
        + good[start + data.draw(st.integers(0, 9)) :]
    )
    with suppress(Unreadable):
        events_of(sender.source.read(body))
