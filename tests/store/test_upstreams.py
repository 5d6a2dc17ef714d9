"""What upstream was told in a day, and how it stands, as the store has it."""

from __future__ import annotations

from sync.store import journal
from sync.store.engine import Store
from sync.store.journal import Entry
from sync.store.upstreams import LATELY, lately, note_standing, standings

NOW = 1_790_000_000.0


def wrote(store: Store, *entries: tuple[float, Entry]) -> None:
    with store.write() as session:
        for at, entry in entries:
            journal.write(session, entry, at=at)


def test_acts_of_a_day_are_counted_by_kind_with_the_reasons_for_what_was_not_told(
    store: Store,
) -> None:
    left = "not told: mark issue {} upstream as fixed; because no scope"
    wrote(
        store,
        (NOW - LATELY - 1, Entry("mark_upstream", "too long ago")),
        (NOW - 300, Entry("mark_upstream", "mark issue 1 upstream as fixed")),
        (NOW - 200, Entry("comment_upstream", "comment on issue 1 upstream: a")),
        (NOW - 100, Entry("comment_upstream", "comment on issue 1 upstream: b")),
        (NOW - 90, Entry("mark_upstream", left.format(2), "left")),
        (NOW - 80, Entry("mark_upstream", left.format(3), "left")),
        (NOW - 70, Entry("copy", "not told: copy …; because the ticket is gone", "left")),
        (NOW - 60, Entry("transition", "move to Done")),
    )
    with store.read() as session:
        found = lately(session, NOW)
    assert found.told == {"mark_upstream": 1, "comment_upstream": 2}
    assert found.not_told == {"mark_upstream": 2, "copy": 1}
    assert found.last_told == NOW - 100
    assert list(found.reasons.items()) == [("no scope", 2), ("the ticket is gone", 1)]


def test_where_nothing_was_told_nothing_is_counted(store: Store) -> None:
    wrote(store, (NOW - 60, Entry("transition", "move to Done")))
    with store.read() as session:
        found = lately(session, NOW)
    assert (found.told, found.not_told, found.last_told, found.reasons) == ({}, {}, None, {})


def test_how_a_source_stands_is_kept_until_that_changes(store: Store) -> None:
    note_standing(store, "coalesce", {"way": "the API", "off": {}, "trouble": "503"}, NOW)
    note_standing(store, "coalesce", {"way": "the API", "off": {}, "trouble": ""}, NOW + 1)
    with store.read() as session:
        assert standings(session) == {"coalesce": {"way": "the API", "off": {}, "trouble": ""}}
