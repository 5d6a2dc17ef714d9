"""Accepting is bound to the plan that was looked at; every set in force is a version to revert to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.operations.accounts import Account
from sync.operations.errors import Changed, NotAllowed, NotFound, Refused
from sync.operations.rules import drafts, history, plan
from sync.operations.rules.accept import Accepted, Asked, accept
from sync.operations.rules.progress import go_on, pause, progress
from sync.operations.rules.runs import Runs
from sync.operations.rules.save import save
from sync.operations.ticket import sentence
from sync.store import log, tickets
from sync.store.ticket_search import Standing
from sync.worker.rulebook.impact import Sites
from tests.operations.rules.conftest import ALEX, DANA, Bench
from tests.walks.world import RULES, issue_event

URGENT = RULES.replace('"data-quality"', '"urgent"')


@pytest.fixture
def runs() -> Iterator[Runs]:
    made = Runs()
    yield made
    made.close()


def waiting(bench: Bench, tickets: int = 3) -> None:
    """An edit of dana's that waits."""
    for number in range(tickets):
        bench.world.deliver(issue_event("issue_created", f"i{number}", at=1))
    bench.world.settle()
    id_ = drafts.begin(bench()).id
    drafts.write(bench(), id_, "rules.toml", URGENT)
    save(bench(), id_)
    bench.world.notice()


def looked_at(bench: Bench, runs: Runs, account: Account = DANA, seen: str = "") -> plan.PlanShown:
    begun = plan.start(runs, bench(account), {"main": bench.world.tracker}, seen=seen)
    run = runs.get(begun.id, account.name)
    assert run is not None
    assert run.ended.wait(30)
    return plan.look(runs, bench(account), begun.id)


def accepted(bench: Bench, runs: Runs, asked: Asked, account: Account = DANA) -> Accepted:
    sites = Sites({"main": bench.world.tracker})
    return accept(bench(account), asked, sites, runs=runs)


def test_what_was_looked_at_is_accepted_and_in_the_log(bench: Bench, runs: Runs) -> None:
    waiting(bench)
    shown = looked_at(bench, runs)
    assert shown.size == 3
    done = accepted(bench, runs, Asked(shown.digest))
    assert done.words.startswith("In force. Of the open tickets, 3 will be changed")
    bench.world.notice()
    bench.world.settle()
    assert all("urgent" in ticket.fields["labels"] for ticket in bench.world.tracker.alive)
    with bench.world.store.read() as session:
        assert [(row.act, row.account) for row in log.page(session)] == [
            ("rules accept", "dana"),
            ("rules save", "dana"),
        ]
    again = accepted(bench, runs, Asked(shown.digest))
    assert (again.done, again.words) == (None, "These rules are in force already; nothing waits.")


def test_how_far_an_edit_is_can_be_followed(bench_on_each: Bench, runs: Runs) -> None:
    bench = bench_on_each
    waiting(bench)
    accepted(bench, runs, Asked())
    store = bench().store
    before = progress(store, bench().now)
    assert before is not None
    assert (before.reaching, before.over) == (True, False)
    bench.world.notice()
    shown = progress(store, bench().now)
    assert shown is not None
    assert (shown.total, shown.done, shown.waiting, shown.over) == (3, 0, 3, False)
    bench.world.settle()
    after = progress(store, bench().now)
    assert after is not None
    assert (after.done, after.waiting, after.aside, after.over) == (3, 0, 0, True)
    with pytest.raises(Refused, match="No ticket waits for its turn"):
        pause(bench())
    assert after.words.endswith("; 3 of 3 tickets changed")


def test_a_paused_edit_waits_save_for_what_happens_and_goes_on(
    bench_on_each: Bench, runs: Runs
) -> None:
    bench = bench_on_each
    waiting(bench)
    accepted(bench, runs, Asked())
    for act, words in ((pause, "still being looked for"), (go_on, "No edit is paused")):
        with pytest.raises(Refused, match=words):
            act(bench())
    bench.world.notice()
    assert pause(bench()).words.startswith("Paused: 3 tickets wait")
    bench.world.deliver(issue_event("issue_updated", "i1", at=20))
    bench.world.settle()
    labels = [ticket.fields["labels"] for ticket in bench.world.tracker.alive]
    assert ["urgent" in one for one in labels] == [False, True, False]
    shown = progress(bench().store, bench().now)
    assert shown is not None
    assert (shown.done, shown.waiting, shown.paused, shown.over) == (1, 0, 2, False)
    with bench.world.store.read() as session:
        (row,) = tickets.by_ids(session, [1], lock=False).values()
    assert sentence(row, Standing.HELD, bench().now) == (
        "DATA-1 waits: the edit of the rules was paused by dana"
    )
    assert go_on(bench()).words == "The edit goes on: 2 tickets follow."
    bench.world.settle()
    assert all("urgent" in ticket.fields["labels"] for ticket in bench.world.tracker.alive)


def test_what_is_due_for_something_else_is_not_paused_with_an_edit(
    bench: Bench, runs: Runs
) -> None:
    waiting(bench)
    bench.world.deliver(issue_event("issue_updated", "i1", at=30))
    bench.world.triage.batch()
    bench.world.clock.sleep(5)
    accepted(bench, runs, Asked())
    bench.world.notice()
    bench.world.deliver(issue_event("issue_updated", "i2", at=31))
    bench.world.triage.batch()
    assert pause(bench()).words.startswith("Paused: 1 ticket waits")


def test_more_tickets_than_were_looked_at_are_shown_anew(bench: Bench, runs: Runs) -> None:
    waiting(bench)
    shown = looked_at(bench, runs)
    bench.world.deliver(issue_event("issue_created", "later", at=2))
    bench.world.settle()
    with pytest.raises(Changed, match=r"1 more or other ticket would change \(3 → 4\)"):
        accepted(bench, runs, Asked(shown.digest))
    anew = looked_at(bench, runs, seen=shown.digest)
    assert [(one.ticket, one.new) for one in anew.tickets][-1] == ("DATA-4", True)
    assert [one.new for one in anew.tickets].count(True) == 1
    assert accepted(bench, runs, Asked(anew.digest)).acceptance.changed == 4


def test_fewer_tickets_are_accepted_and_said(bench: Bench, runs: Runs) -> None:
    waiting(bench)
    shown = looked_at(bench, runs)
    bench.world.deliver(issue_event("issue_closed", "i0", at=2))
    bench.world.settle()
    done = accepted(bench, runs, Asked(shown.digest))
    assert done.words.endswith("1 fewer than you looked at.")


def test_a_plan_that_is_not_known_any_more_is_looked_at_again(bench: Bench, runs: Runs) -> None:
    waiting(bench)
    shown = looked_at(bench, runs)
    with pytest.raises(Changed, match="not kept any more"):
        accepted(bench, runs, Asked(shown.digest), ALEX)
    bench.on_disk("rules.toml", RULES.replace('"data-quality"', '"other"'))
    with pytest.raises(Changed, match="rules on disk changed"):
        accepted(bench, runs, Asked(shown.digest))


def test_an_edit_on_disk_at_the_very_moment_of_accepting_is_not_accepted(
    bench: Bench, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(bench)
    load = bench.world.files.load

    def at_this_moment():
        bench.on_disk("rules.toml", RULES.replace('"data-quality"', '"other"'))
        return load()

    monkeypatch.setattr(bench.world.files, "load", at_this_moment)
    with pytest.raises(Changed, match="very moment"):
        accepted(bench, runs, Asked())


def test_with_four_eyes_another_editor_accepts(bench: Bench, runs: Runs) -> None:
    waiting(bench)
    with pytest.raises(NotAllowed, match="another editor"):
        accepted(bench, runs, Asked(four_eyes=True))
    assert accepted(bench, runs, Asked(four_eyes=True), ALEX).acceptance.new


def test_rules_with_mistakes_are_not_accepted(bench: Bench, runs: Runs) -> None:
    bench.on_disk("rules.toml", "[[rule]]\n")
    with pytest.raises(Refused, match="rules on disk have mistakes"):
        accepted(bench, runs, Asked())


def test_every_version_can_be_compared_and_reverted_to(bench_on_each: Bench, runs: Runs) -> None:
    bench = bench_on_each
    waiting(bench)
    accepted(bench, runs, Asked(), ALEX)
    bench.world.notice()
    bench.world.edit(f"# a remark\n{URGENT}")
    store, files = bench().store, bench().files
    found = history.history(store)
    assert [(v.account, v.how, v.words, v.in_force) for v in found.versions] == [
        ("on disk", "an edit that changes no rule", "0 changed, 0 made", True),
        ("alex", "accepted by hand", "3 changed, 0 made", False),
        ("on disk", "the first start", "0 changed, 0 made", False),
    ]
    first = found.versions[-1]
    assert history.history(store, limit=1).after == found.versions[0].id
    assert history.before(store, found.versions[0].id) == str(found.versions[1].id)
    (diff,) = history.difference(store, files, str(first.id), "disk").files
    assert (diff.name, diff.added, diff.gone) == ("rules.toml", 2, 1)
    assert "+# a remark\n" in history.difference(store, files, str(first.id), "in-force").patch
    draft = history.reverted(bench(), first.id)
    assert draft.file("rules.toml").text == RULES
    assert bench.disk() == {"rules.toml": f"# a remark\n{URGENT}"}
    assert "cannot undo" in found.note
    with pytest.raises(NotFound):
        history.reverted(bench(), 99)
    with pytest.raises(Refused):
        history.texts(store, files, "x")
