"""Saving: whole files, guarded like an edit on disk, never over what somebody else wrote."""

from __future__ import annotations

import errno
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sync.operations.accounts import Account, Role
from sync.operations.errors import Changed, NotFound, OperationError, Refused
from sync.operations.rules import drafts, files, history
from sync.operations.rules.save import Expected, revert, save, take_back
from sync.store import log, rule_versions
from sync.worker.rulebook import folder
from sync.worker.rulebook.files import RuleFiles
from tests.operations.rules.conftest import ALEX, DANA, Bench
from tests.walks.world import RULES, issue_event
from tests.worker.edited import DEFAULTS

URGENT = RULES.replace('"data-quality"', '"urgent"')
MORE = '[[rule]]\nname = "more"\nproject = "DATA"\nissue_type = "Bug"\nwhen = { title = "x" }\n'


def drafted(bench: Bench, text: str = URGENT, account=DANA) -> int:
    id_ = drafts.begin(bench(account)).id
    drafts.write(bench(account), id_, "rules.toml", text)
    return id_


def opened(bench: Bench, count: int) -> None:
    for number in range(count):
        bench.world.deliver(issue_event("issue_created", f"i{number}", at=1))
    bench.world.settle()


def versions(bench: Bench) -> list[tuple[str, str]]:
    with bench.world.store.read() as session:
        return [(row.account, row.how) for row in rule_versions.page(session)]


def test_a_saved_draft_comes_into_force_like_an_edit_on_disk(bench_on_each: Bench) -> None:
    bench = bench_on_each
    opened(bench, 1)
    id_ = drafted(bench)
    done = save(bench(), id_, Expected(1, 2))
    assert done.words == "Saved rules.toml. In force within seconds: 1 ticket."
    assert bench.disk() == {"rules.toml": URGENT}
    assert drafts.look(bench(), id_).empty
    bench.world.notice()
    assert files.shown(bench().store, bench().files).same
    assert versions(bench) == [("dana", "an edit"), ("", "the first start")]
    with bench.world.store.read() as session:
        (row,) = log.page(session)
        assert (row.account, row.act, row.refused) == ("dana", "rules save", False)
        assert rule_versions.last(session).changed == 1


def test_an_edit_of_many_tickets_waits_and_is_taken_back(bench: Bench) -> None:
    opened(bench, 3)
    done = save(bench(), drafted(bench), Expected(3, 2))
    assert "3 tickets is more than 2 (large_edit): the edit waits." in done.words
    bench.world.notice()
    shown = files.shown(bench().store, bench().files)
    assert shown.waiting is not None
    assert (shown.waiting.changed, shown.waiting.account) == (3, "dana")
    # Who edits meanwhile begins from the edit that waits.
    assert drafts.begin(bench(ALEX)).file("rules.toml").text == URGENT
    back = take_back(bench(ALEX))
    assert back.words.startswith("Taken back: rules.toml as in force before.")
    assert bench.disk() == {"rules.toml": RULES}
    bench.world.notice()
    assert files.shown(bench().store, bench().files).waiting is None
    assert versions(bench)[:2] == [
        ("alex", "an edit was taken back"),
        ("dana", "an edit that was taken back, and was never in force"),
    ]
    # What it said is not lost.
    edit = history.history(bench().store).versions[1]
    assert history.reverted(bench(ALEX), edit.id).file("rules.toml").text == URGENT
    assert revert(bench(ALEX), edit.id).words.startswith("Saved rules.toml.")
    assert bench.disk() == {"rules.toml": URGENT}


def test_pressed_twice_it_is_saved_once_and_typed_anew_it_is_saved_again(bench: Bench) -> None:
    id_ = drafted(bench)
    save(bench(), id_)
    assert save(bench(), id_).already
    drafts.write(bench(), id_, "rules.toml", f"# more\n{URGENT}")
    assert not save(bench(), id_).already
    assert bench.disk() == {"rules.toml": f"# more\n{URGENT}"}


def test_nothing_is_saved_over_what_somebody_else_wrote(bench: Bench) -> None:
    id_ = drafted(bench)
    bench.on_disk("rules.toml", f"# theirs\n{RULES}")
    with pytest.raises(Changed, match="changed under your draft"):
        save(bench(), id_)
    assert bench.disk() == {"rules.toml": f"# theirs\n{RULES}"}
    assert not drafts.look(bench(), id_).empty


def test_a_file_that_changes_at_the_very_moment_of_saving_is_not_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = drafted(bench)
    theirs = f"# theirs\n{RULES}"
    finish = folder._finish

    def by_hand(where):
        bench.on_disk("rules.toml", theirs)
        finish(where)

    monkeypatch.setattr(folder, "_finish", by_hand)
    with pytest.raises(Changed, match="very moment"):
        save(bench(), id_)
    assert bench.disk() == {"rules.toml": theirs}


def test_of_two_editors_who_save_at_once_one_is_told(bench_on_each: Bench) -> None:
    bench = bench_on_each
    texts = {DANA: URGENT, ALEX: RULES.replace('"data-quality"', '"other"')}
    ids = {who: drafted(bench, text, who) for who, text in texts.items()}
    start = threading.Barrier(2)

    def press(who) -> str:
        start.wait(10)
        try:
            return save(bench(who), ids[who]).words
        except OperationError as error:
            return type(error).__name__

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(press, texts))
    assert sorted(word.split()[0] for word in told) == ["Changed", "Saved"]
    winner = DANA if told[0].startswith("Saved") else ALEX
    assert bench.disk() == {"rules.toml": texts[winner]}


def test_of_many_saves_at_once_no_line_is_lost(bench: Bench) -> None:
    slots = "".join(f"# slot {who}\n# between\n# between\n" for who in range(3))
    bench.on_disk("rules.toml", f"{RULES}{slots}")

    def edit(who: int) -> None:
        at = bench(Account(f"editor {who}", Role.EDITOR, "users"))
        for number in range(3):
            id_ = drafts.begin(at).id
            text = drafts.look(at, id_).file("rules.toml").text or ""
            mine = text.replace(f"# slot {who}\n", f"# slot {who}\n# {who} wrote {number}\n")
            drafts.write(at, id_, "rules.toml", mine)
            while True:
                try:
                    save(at, id_)
                    break
                except Changed:
                    assert drafts.put_on_top(at, id_, "rules.toml").conflicts == 0

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(edit, range(3)))
    text = bench.disk()["rules.toml"]
    assert [text.count(f"# {who} wrote") for who in range(3)] == [3, 3, 3]


def test_a_draft_with_mistakes_or_marks_or_nothing_is_not_saved(bench: Bench) -> None:
    with pytest.raises(Refused, match="mend 1 mistake first"):
        save(bench(), drafted(bench, RULES.replace("labels", "lables")))
    with pytest.raises(Refused, match="choose there first"):
        save(bench(), drafted(bench, f"<<<<<<< mine\n{RULES}>>>>>>> theirs\n"))
    with pytest.raises(Refused, match="nothing to save"):
        save(bench(), drafts.begin(bench()).id)
    with pytest.raises(Refused, match="no edit to take back"):
        take_back(bench())
    assert bench.disk() == {"rules.toml": RULES}


def test_a_folder_that_cannot_be_written_is_said_and_nothing_else_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder.os, "access", lambda *_: False)
    id_ = drafted(bench)
    shown = files.shown(bench().store, bench().files)
    assert "is read-only for ticket-sync" in shown.why_not_writable
    with pytest.raises(Refused, match="Download the patch instead"):
        save(bench(), id_)


def several(bench: Bench) -> int:
    id_ = drafted(bench)
    drafts.add(bench(), id_, "20-more.toml", MORE)
    drafts.add(bench(), id_, "30-rest.toml", MORE.replace("more", "rest"))
    return id_


WHOLE = {"rules.toml": URGENT, "20-more.toml": MORE, "30-rest.toml": MORE.replace("more", "rest")}


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("after", range(4))
def test_a_save_that_is_cut_off_between_two_files_is_finished_or_was_never_begun(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    id_ = several(bench)
    put, done = folder._put, []

    def dying(path, text):
        if len(done) == after:
            raise Killed
        done.append(path)
        put(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(folder, "_put", dying)
        with pytest.raises(Killed):
            save(bench(), id_)
    # The next who reads the folder finds all or nothing.
    bench.world.notice()
    assert bench.disk() == (WHOLE if after else {"rules.toml": RULES})
    in_force = {rule.name for rule in bench.world.rules().rules}
    assert in_force == ({"everything", "more", "rest"} if after else {"everything"})
    assert not folder.is_under_way(bench.world.folder)


def test_what_a_person_wrote_after_a_cut_off_save_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = several(bench)
    put = folder._put

    def dying(path, text):
        if path.name == "30-rest.toml":
            raise Killed
        put(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(folder, "_put", dying)
        with pytest.raises(Killed):
            save(bench(), id_)
    bench.on_disk("20-more.toml", f"# mine\n{MORE}")
    bench.world.notice()
    assert bench.disk() == {**WHOLE, "20-more.toml": f"# mine\n{MORE}"}


def test_a_full_disk_leaves_the_files_as_they_were(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = several(bench)
    put = folder._put

    def full(path, text):
        if path.name == "30-rest.toml":
            raise OSError(28, "No space left on device")
        put(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(folder, "_put", full)
        with pytest.raises(Refused, match="no space left"):
            save(bench(), id_)
    assert bench.disk() == {"rules.toml": RULES}
    assert not folder.is_under_way(bench.world.folder)
    assert not drafts.look(bench(), id_).empty


def test_a_link_stays_a_link_and_rights_stay(bench: Bench) -> None:
    path = bench.world.folder / "rules.toml"
    real = bench.world.folder.parent / "elsewhere.toml"
    path.rename(real)
    path.symlink_to(real)
    real.chmod(0o664)
    save(bench(), drafted(bench))
    assert path.is_symlink()
    assert real.read_text() == URGENT
    assert real.stat().st_mode & 0o777 == 0o664


def test_what_a_cut_off_save_left_beside_the_files_is_removed_by_the_next(bench: Bench) -> None:
    left = bench.world.folder / ".rules.temporary-0123"
    left.write_text("half")
    save(bench(), drafted(bench))
    assert not left.exists()


def test_a_folder_without_locks_is_written_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folder.fcntl, "flock", no_locks)
    save(bench(), drafted(bench))
    assert bench.disk() == {"rules.toml": URGENT}


def test_the_first_file_of_an_empty_folder_can_be_saved(bench: Bench) -> None:
    (bench.world.folder / "rules.toml").unlink()
    id_ = drafts.begin(bench()).id
    drafts.add(bench(), id_, "10-first.toml", RULES)
    assert save(bench(), id_).words.startswith("Saved 10-first.toml.")
    assert bench.disk() == {"10-first.toml": RULES}


def test_rules_that_come_with_the_program_become_files_of_the_folder_when_saved(
    bench: Bench, tmp_path: Path
) -> None:
    own = RuleFiles(tmp_path / "mine", DEFAULTS, bench.world.folder)
    at = replace(bench(), files=own)
    id_ = drafts.begin(at).id
    drafts.add(at, id_, "20-more.toml", MORE)
    save(at, id_)
    found = {path.name: path.read_text() for path in (tmp_path / "mine").iterdir()}
    assert found == {"rules.toml": RULES, "20-more.toml": MORE}
    assert bench.disk() == {"rules.toml": RULES}


def test_without_a_version_the_last_edit_in_force_is_reverted(bench_on_each: Bench) -> None:
    bench = bench_on_each
    with pytest.raises(NotFound, match="no version before"):
        revert(bench())
    save(bench(), drafted(bench))
    bench.world.notice()
    # Remarks, and what was taken back, are no versions to revert to.
    bench.on_disk("rules.toml", f"# a remark\n{URGENT}")
    bench.world.notice()
    save(bench(ALEX), drafted(bench, f"{URGENT}{MORE}", ALEX))
    with pytest.raises(Refused, match="not in force yet"):
        revert(bench())
    take_back(bench())
    assert (
        revert(bench()).words
        == "Saved rules.toml. In force within seconds, or waiting where it touches many tickets."
    )
    assert bench.disk() == {"rules.toml": RULES}
    bench.world.notice()
    assert versions(bench)[0] == ("dana", "an edit")
