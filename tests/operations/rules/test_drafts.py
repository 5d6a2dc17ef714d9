"""Drafts are kept for their authors, take effect for nobody, and notice what others change."""

from __future__ import annotations

import pytest

from sync.operations.errors import NotFound, Refused
from sync.operations.rules import drafts
from sync.store import rule_drafts
from tests.operations.rules.conftest import ALEX, DANA, Bench
from tests.walks.world import RULES

URGENT = RULES.replace('"data-quality"', '"urgent"')


def test_a_draft_begins_from_the_files_and_changes_nothing(bench_on_each: Bench) -> None:
    bench = bench_on_each
    draft = drafts.begin(bench())
    assert draft.empty
    assert [(f.name, f.text, f.state) for f in draft.files] == [("rules.toml", RULES, "same")]
    again = drafts.write(bench(), draft.id, "rules.toml", URGENT)
    assert not again.empty
    assert again.differs == 1
    assert drafts.look(bench(), draft.id).file("rules.toml").text == URGENT
    assert bench.disk() == {"rules.toml": RULES}


def test_two_tabs_of_one_person_are_two_drafts(bench: Bench) -> None:
    one, other = drafts.begin(bench()), drafts.begin(bench())
    drafts.write(bench(), one.id, "rules.toml", URGENT)
    assert drafts.look(bench(), other.id).empty
    told = drafts.look(bench(), other.id).others
    assert [(o.id, o.mine, o.files) for o in told] == [(one.id, True, ("rules.toml",))]


def test_nobody_sees_the_text_of_anothers_draft_but_that_it_is_there(bench: Bench) -> None:
    mine = drafts.begin(bench())
    drafts.write(bench(), mine.id, "rules.toml", URGENT)
    with pytest.raises(NotFound):
        drafts.look(bench(ALEX), mine.id)
    with pytest.raises(NotFound):
        drafts.write(bench(ALEX), mine.id, "rules.toml", "")
    (told,) = drafts.look(bench(ALEX), drafts.begin(bench(ALEX)).id).others
    assert told.words == "dana has a draft of rules.toml, begun 0 s ago."


def test_an_old_draft_of_somebody_else_is_not_told_of(bench: Bench) -> None:
    mine = drafts.begin(bench())
    drafts.write(bench(), mine.id, "rules.toml", URGENT)
    bench.world.clock.sleep(2 * 86400)
    assert drafts.begin(bench(ALEX)).others == ()


def test_an_account_has_no_end_of_drafts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MOST", 2)
    drafts.begin(bench())
    drafts.begin(bench())
    with pytest.raises(Refused, match="throw some away"):
        drafts.begin(bench())
    drafts.begin(bench(ALEX))


def test_files_are_added_renamed_and_removed(bench: Bench) -> None:
    id_ = drafts.begin(bench()).id
    drafts.add(bench(), id_, "20-more", "[[rule]]\n")
    drafts.rename(bench(), id_, "rules.toml", "10-rules.toml")
    states = {f.name: f.state for f in drafts.look(bench(), id_).files}
    assert states == {"10-rules.toml": "new", "20-more.toml": "new", "rules.toml": "removed"}
    assert drafts.texts_of(bench(), id_) == {"10-rules.toml": RULES, "20-more.toml": "[[rule]]\n"}
    drafts.remove(bench(), id_, "20-more.toml")
    drafts.rename(bench(), id_, "10-rules.toml", "rules.toml")
    assert drafts.look(bench(), id_).empty


@pytest.mark.parametrize("name", ["../x.toml", "a/b.toml", "", ".hidden.toml", "x" * 200, "a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(bench: Bench, name: str) -> None:
    id_ = drafts.begin(bench()).id
    with pytest.raises(Refused):
        drafts.add(bench(), id_, name)
    with pytest.raises(Refused):
        drafts.write(bench(), id_, name, "")


def test_a_name_in_other_letters_is_taken(bench: Bench) -> None:
    id_ = drafts.begin(bench()).id
    with pytest.raises(Refused, match="already"):
        drafts.add(bench(), id_, "Rules.toml")


def test_files_that_the_draft_does_not_change_follow_the_disk(bench: Bench) -> None:
    id_ = drafts.begin(bench()).id
    bench.on_disk("more.toml", "# more\n")
    bench.on_disk("rules.toml", URGENT)
    assert drafts.texts_of(bench(), id_) == {"rules.toml": URGENT, "more.toml": "# more\n"}
    # An editor still shows the former text, until its page is opened anew.
    assert drafts.look(bench(), id_).file("rules.toml").text == RULES
    assert drafts.follow(bench(), id_).file("rules.toml").text == URGENT


def test_a_file_that_changes_underneath_is_told_with_whose_lines_are_whose(bench: Bench) -> None:
    id_ = drafts.begin(bench()).id
    drafts.write(bench(), id_, "rules.toml", URGENT)
    bench.on_disk("rules.toml", f"# by hand\n{RULES}")
    (told,) = drafts.look(bench(), id_).conflicts
    assert (told.file, told.what, told.mine, told.both) == ("rules.toml", "changed", (10,), ())
    assert "Your draft is kept." in told.words
    found = drafts.put_on_top(bench(), id_, "rules.toml")
    assert (found.text, found.conflicts) == (f"# by hand\n{URGENT}", 0)
    draft = drafts.look(bench(), id_)
    assert draft.conflicts == ()
    assert draft.file("rules.toml").text == f"# by hand\n{URGENT}"


def test_lines_that_both_changed_are_marked_to_choose_from(bench: Bench) -> None:
    id_ = drafts.begin(bench()).id
    drafts.write(bench(), id_, "rules.toml", URGENT)
    bench.on_disk("rules.toml", RULES.replace('"data-quality"', '"theirs"'))
    assert drafts.put_on_top(bench(), id_, "rules.toml").conflicts == 1
    draft = drafts.look(bench(), id_)
    assert draft.file("rules.toml").marked
    assert draft.conflicts == ()


def test_theirs_are_taken_and_mine_dropped(bench: Bench) -> None:
    id_ = drafts.begin(bench()).id
    drafts.write(bench(), id_, "rules.toml", URGENT)
    bench.on_disk("rules.toml", "# theirs\n")
    draft = drafts.undo(bench(), id_, "rules.toml")
    assert (draft.empty, draft.file("rules.toml").text) == (True, "# theirs\n")


def test_a_file_that_was_deleted_underneath_is_offered_as_a_new_one(bench: Bench) -> None:
    id_ = drafts.begin(bench()).id
    drafts.write(bench(), id_, "rules.toml", URGENT)
    (bench.world.folder / "rules.toml").unlink()
    assert [c.what for c in drafts.look(bench(), id_).conflicts] == ["gone"]
    drafts.put_on_top(bench(), id_, "rules.toml")
    draft = drafts.look(bench(), id_)
    assert (draft.conflicts, draft.file("rules.toml").state) == ((), "new")


def test_a_draft_ages_away(bench_on_each: Bench) -> None:
    bench = bench_on_each
    old = drafts.begin(bench())
    bench.world.clock.sleep(100)
    new = drafts.begin(bench())
    with bench.world.store.write() as session:
        assert rule_drafts.prune(session, older_than=bench.world.clock.time() - 50, batch=10) == 1
    with pytest.raises(NotFound):
        drafts.look(bench(), old.id)
    assert drafts.look(bench(), new.id).id == new.id
    drafts.drop(bench(), new.id)
    assert drafts.of_account(bench(DANA)) == ()


def test_a_file_with_characters_that_no_database_takes_does_not_break_a_draft(
    bench_on_each: Bench,
) -> None:
    bench = bench_on_each
    bench.on_disk("odd.toml", "# a\x00b\n")
    draft = drafts.begin(bench())
    assert "odd.toml" in {one.name for one in draft.files}
    written = drafts.write(bench(), draft.id, "rules.toml", "# \ud800\x00\n")
    assert "\x00" not in (written.file("rules.toml").text or "")
    assert drafts.undo(bench(), draft.id).empty
