"""Times, text, entities and people in a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.adapters.coalesce.message.entities import MOST_ENTRIES, actor, entity, identifier, owners
from sync.adapters.coalesce.message.payloads import entities, issue
from sync.adapters.coalesce.message.timestamps import nanoseconds, received, rfc3339
from sync.domain.text import clean, cut
from sync.rules.moments import moment

NOON = 1_790_000_000


@pytest.mark.parametrize(
    "value, nanos",
    [
        ("2026-09-21T14:13:20Z", NOON * 10**9),
        ("2026-09-21t14:13:20z", NOON * 10**9),
        ("2026-09-21 14:13:20Z", NOON * 10**9),
        ("2026-09-21T14:13:20", NOON * 10**9),
        (" 2026-09-21T14:13:20Z\n", NOON * 10**9),
        ("2026-09-21T16:13:20+02:00", NOON * 10**9),
        ("2026-09-21T08:43:20.5-05:30", NOON * 10**9 + 500_000_000),
        ("2026-09-21T14:13:20.1Z", NOON * 10**9 + 100_000_000),
        ("2026-09-21T14:13:20.123456789Z", NOON * 10**9 + 123_456_789),
        ("2026-09-21T14:13:20.1234567899999Z", NOON * 10**9 + 123_456_789),
        ("2026-09-21T14:12:60Z", (NOON - 20) * 10**9),
        ("1790000000", NOON * 10**9),
        ("1790000000.25", NOON * 10**9 + 250_000_000),
        (NOON, NOON * 10**9),
        (NOON + 0.5, NOON * 10**9 + 500_000_000),
        ({"seconds": "1790000000", "nanos": 7}, NOON * 10**9 + 7),
        ({"seconds": NOON}, NOON * 10**9),
    ],
)
def test_a_time_is_read_in_all_its_forms(value: Any, nanos: int) -> None:
    assert nanoseconds(value) == nanos


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-09-21T24:00:00Z",
        "2026-09-21T14:13:20+99:00",
        "２０２６-09-21T14:13:20Z",
        "9" * 19,
        "9" * 5000,
        "-5",
        -5,
        10**40,
        1e300,
        float("inf"),
        float("nan"),
        True,
        None,
        [],
        {},
        {"seconds": "x"},
        {"seconds": 10**30},
    ],
)
def test_what_is_no_time_we_can_hold_is_none(value: Any) -> None:
    assert nanoseconds(value) is None
    assert received(value) == ""


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2262, 1, 1)),  # noqa: DTZ001
    st.integers(-23 * 60, 23 * 60),
)
def test_times_agree_with_the_standard_library(naive: datetime, offset: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    wanted = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    assert nanoseconds(at.isoformat()) == (wanted if wanted > 0 else None)


@given(st.integers(1, 2**63 - 1))
def test_a_time_that_is_written_reads_back(nanos: int) -> None:
    assert nanoseconds(rfc3339(nanos)) == nanos


def test_a_time_stays_as_it_was_received_unless_it_was_no_text() -> None:
    assert received("2026-09-21T16:13:20.1+02:00") == "2026-09-21T16:13:20.1+02:00"
    assert received("1790000000") == received(NOON) == "2026-09-21T14:13:20Z"


@pytest.mark.parametrize(
    "odd, usual",
    [
        ("2026-09-21t14:13:20z", "2026-09-21T14:13:20Z"),
        ("2026-09-21 14:13:20,5", "2026-09-21T14:13:20.5Z"),
        ("2026-09-21T14:13:20", "2026-09-21T14:13:20Z"),
        ("2026-09-21T14:13:20  Z", "2026-09-21T14:13:20Z"),
        ("2026-09-21T16:13:20+0200", "2026-09-21T14:13:20Z"),
        ("2026-09-21T23:59:60Z", "2026-09-22T00:00:00Z"),
        ("2026-09-21T14:13:20.1234567899999Z", "2026-09-21T14:13:20.123456789Z"),
    ],
)
def test_a_time_in_an_odd_spelling_is_rewritten_in_the_usual_one(odd: str, usual: str) -> None:
    assert received(odd) == usual


_TIMES = st.from_regex(
    r"\A(19[7-9][0-9]|20[0-9]{2})-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9]"
    r"([.,][0-9]{1,12})? ?(Z|z|[+-][0-2][0-9]:?[0-5][0-9])?\Z"
)


@given(_TIMES)
def test_every_time_that_was_taken_can_be_read_by_the_rules(text: str) -> None:
    if taken := received(text):
        assert moment(taken).timestamp() == pytest.approx((nanoseconds(text) or 0) / 1e9, abs=1e-5)


def test_text_loses_what_databases_and_xml_cannot_hold() -> None:
    assert clean("a\x00b\x08c\x0bd\x1fe\x7ff\x9bg") == "abcde" + "f" + ""
    assert clean("1\r\n2\r3\n4\t5\x856") == "1\n2\n3\n4\t5\n6"
    assert clean("\ud800x\udfff\ufffe\uffff") == "\ufffdx\ufffd\ufffd\ufffd"
    assert clean("\x1b[31mERROR\x1b[0m: \x1b[1;4mno\x1b[m") == "ERROR: no"
    assert clean("Ünïcödé 📉 \u200b\u2028 ok") == "Ünïcödé 📉 \u200b\u2028 ok"


@given(st.text())
def test_clean_text_can_be_stored_and_cleaning_it_changes_nothing(text: str) -> None:
    found = clean(text)
    assert clean(found) == found
    found.encode()
    assert not any(ord(c) < 32 and c not in "\n\t" for c in found)


def test_text_is_cut_visibly() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"


@pytest.mark.parametrize(
    "value, flat",
    [
        (
            {"snowflake_table": {"account": "a", "database": "d", "schema": "s", "table": "t"}},
            {
                "platform": "snowflake_table",
                "account": "a",
                "database": "d",
                "schema": "s",
                "table": "t",
            },
        ),
        (
            {"dbtCloudNode": {"accountId": 4711, "nodeId": "n", "projectId": ["x"]}},
            {"platform": "dbt_cloud_node", "account_id": "4711", "node_id": "n"},
        ),
        (
            {"duckLakeTable": {"lakeName": "l", "platform": "no"}},
            {"platform": "duck_lake_table", "lake_name": "l"},
        ),
        (
            {"monitor": {"monitorId": "m", "monitoredId": {"synqPath": {"path": "p"}}}},
            {
                "platform": "monitor",
                "monitor_id": "m",
                "monitored_id": {"platform": "synq_path", "path": "p"},
            },
        ),
        ({}, {"platform": ""}),
        ({"custom": "x"}, {"platform": ""}),
        ("x", {"platform": ""}),
        (None, {"platform": ""}),
        ({"custom": {}, "snowflake_table": None}, {"platform": "custom"}),
    ],
)
def test_an_identifier_is_flat_and_names_its_platform(value: Any, flat: dict[str, Any]) -> None:
    assert identifier(value) == flat


def test_an_entity_has_all_its_fields_or_is_none() -> None:
    assert entity({"typeName": "Table", "name": "\x00orders"}) == {
        "name": "orders",
        "type_name": "Table",
        "folder": "",
        "entity_url": "",
        "identifier": {"platform": ""},
    }
    assert [entity(odd) for odd in ({}, [], "x", None, {"name": []})] == [None] * 5


def test_long_lists_are_kept_to_their_first_entries_and_the_rest_is_counted() -> None:
    many = [{"name": f"t{n}"} for n in range(MOST_ENTRIES + 7)]
    found, more = entities(many)
    assert (len(found), more, found[-1]["name"]) == (MOST_ENTRIES, 7, f"t{MOST_ENTRIES - 1}")
    message = {"directlyAffectedEntities": many, "monitored_entities": many, "owners": many}
    assert issue(message)["more_entities"] == 14


def test_owners_come_as_objects_and_even_as_words() -> None:
    found = owners([{"id": "1", "title": "Sales", "url": "u"}, "Growth", {}, None, [1]])
    assert [one["title"] for one in found] == ["Sales", "Growth"]


@pytest.mark.parametrize(
    "value, wanted",
    [
        ({"name": "A", "email": {"userEmail": "a@example.com"}}, {"email": "a@example.com"}),
        ({"name": "A", "email": "a@example.com"}, {"email": "a@example.com"}),
        (
            {"name": "A", "slack": {"user_id": "U1"}, "via": "VIA_SLACK"},
            {"slack": "U1", "via": "slack"},
        ),
        (
            {"name": "A", "pagerduty": {"userId": 5}, "via": 4},
            {"pagerduty": "5", "via": "pagerduty"},
        ),
        ({"name": "A", "via": "VIA_TELEPATHY"}, {}),
        ({"name": "A", "via": ["VIA_API"]}, {}),
    ],
)
def test_an_actor_is_flat(value: Any, wanted: dict[str, str]) -> None:
    empty = {"name": "A", "email": "", "slack": "", "pagerduty": "", "via": ""}
    assert actor(value) == empty | wanted
    assert actor({}) is actor("A") is None


def test_titles_and_texts_have_a_limit() -> None:
    found = issue({"title": "t" * 5000, "description": "d" * 500_000})
    assert (len(found["title"]), len(found["description"])) == (2_000, 100_000)
