"""Plans of drafts: counts first, groups of the same change, bounded, and given up for a newer one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from sync.domain.actions import Change
from sync.domain.errors import Cause, Parked, Rejected
from sync.domain.names import Name
from sync.domain.ticket import FieldKind, ParkedField
from sync.operations.errors import NotFound
from sync.operations.rules import drafts, plan
from sync.operations.rules.kinds import change_kind, text_kind
from sync.operations.rules.runs import Cancelled, Purpose, Run, Runs
from tests.operations.rules.conftest import ALEX, DANA, Bench
from tests.walks.world import RULES, issue_event

URGENT = RULES.replace('"data-quality"', '"urgent"')


@pytest.fixture
def runs() -> Iterator[Runs]:
    made = Runs()
    yield made
    made.close()


def opened(bench: Bench, count: int, **fields) -> None:
    for number in range(count):
        bench.world.deliver(
            issue_event(
                "issue_created",
                f"i{number}",
                at=1,
                title=f"table {number} is stale",
                description=f"No rows.\nIn table {number}.",
                **fields,
            )
        )
    bench.world.settle()


def counted(bench: Bench, runs: Runs, text: str, *, live: bool = False) -> plan.PlanShown:
    id_ = drafts.begin(bench()).id
    drafts.write(bench(), id_, "rules.toml", text)
    trackers = {"main": bench.world.tracker}
    begun = plan.start(runs, bench(), trackers, id_, live=live)
    run = runs.get(begun.id, DANA.name)
    assert run is not None
    assert run.ended.wait(30)
    return plan.look(runs, bench(), begun.id)


def test_few_tickets_are_shown_field_by_field(bench_on_each: Bench, runs: Runs) -> None:
    bench = bench_on_each
    opened(bench, 3)
    shown = counted(bench, runs, URGENT)
    assert shown.words == "3 change, 0 new, 0 moved, 0 set aside, 0 of 3 stay"
    assert (shown.state, shown.at_least, shown.size) == ("done", False, 3)
    assert [one.ticket for one in shown.tickets] == ["DATA-1", "DATA-2", "DATA-3"]
    (line,) = shown.tickets[0].lines
    assert (line.sign, line.words) == ("~", "Labels: +urgent -data-quality")
    assert shown.takes == "The workers take about 1 s for these; new deliveries go first."


def test_many_tickets_are_groups_of_the_same_change(bench: Bench, runs: Runs) -> None:
    opened(bench, 25)
    text = URGENT.replace(
        'description = "{{ subject.description }}"',
        'description = "{{ subject.description }}\\n\\nRun book of {{ subject.title }}\\n\\nEnd."',
    )
    shown = counted(bench, runs, text)
    assert shown.tickets == ()
    (group,) = shown.groups
    assert group.number == 25
    assert group.words == "Labels: + urgent, − data-quality, Description: 2 lines more at the end"
    assert (group.sign, group.open, len(group.tickets)) == ("~", True, 1)
    more = plan.tickets_of(runs, bench(), shown.id, group.id, after=20)
    assert len(more) == 5
    assert plan.another(runs, bench(), shown.id, group.id).lines
    assert len(list(plan.rows(runs, bench(), shown.id))) == 25
    with pytest.raises(NotFound):
        plan.look(runs, bench(ALEX), shown.id)


def test_what_jira_would_refuse_is_counted_as_set_aside_and_comes_first(
    bench: Bench, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bench, 22)
    draft = bench.world.tracker.draft

    def refusing(desired, **more):
        if "table 7" in str(desired):
            versions = Name("Versions", "versions")
            raise Rejected("knows no such version", cause=Cause.FIELD, field=versions)
        return draft(desired, **more)

    monkeypatch.setattr(bench.world.tracker, "draft", refusing)
    shown = counted(bench, runs, URGENT)
    assert shown.words == "21 change, 0 new, 0 moved, 1 set aside, 0 of 22 stay"
    assert shown.size == 22
    assert [(g.sign, g.number) for g in shown.groups] == [("!", 1), ("~", 21)]
    assert shown.groups[0].words == "Set aside: Versions: knows no such version"
    assert msgspec.json.encode(shown)


def test_a_field_that_jira_would_refuse_is_named_as_plain_text(
    bench: Bench, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bench, 1)
    draft = bench.world.tracker.draft

    def refusing(desired, **more):
        made = draft(desired, **more)
        why = Parked("is no value", field=Name("Priority", "priority"), where="rules.toml:9")
        return replace(made, parked_fields={"priority": ParkedField(why, "wish")})

    monkeypatch.setattr(bench.world.tracker, "draft", refusing)
    shown = counted(bench, runs, URGENT)
    assert [type(line.name) for line in shown.tickets[0].lines] == [str, str]
    assert msgspec.json.encode(shown)
    assert (shown.counts.aside, shown.groups[0].where) == (1, "rules.toml:9")


def test_new_tickets_are_not_among_those_that_stay(bench: Bench, runs: Runs) -> None:
    narrow = RULES.replace('name = "everything"', 'name = "everything"\nwhen = { title = "a*" }')
    bench.world.edit(narrow)
    bench.world.deliver(issue_event("issue_created", "a", at=1, title="a"))
    bench.world.deliver(issue_event("issue_created", "b", at=1, title="b"))
    bench.world.settle()
    shown = counted(bench, runs, RULES)
    assert shown.words == "0 change, 1 new, 0 moved, 0 set aside, 1 of 1 stay"
    assert [one.words for one in shown.tickets] == ["Create a Bug in DATA"]


def test_a_draft_with_mistakes_has_no_plan_but_says_where(bench: Bench, runs: Runs) -> None:
    shown = counted(bench, runs, RULES.replace("labels =", "lables ="))
    assert shown.words == "No plan: mend 1 mistake first."
    (told,) = shown.told
    assert (told.file, told.line, told.level) == ("rules.toml", 10, "mistake")
    assert shown.counts is None


def test_a_plan_that_takes_too_long_says_what_it_has(
    bench: Bench, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bench, 5)
    monkeypatch.setattr(plan, "LONGEST_SECONDS", 0.0)
    shown = counted(bench, runs, URGENT)
    assert shown.at_least
    assert shown.words.startswith("At least 0 change")
    assert "0 of 5 were looked at" in shown.words


def test_the_same_plan_has_the_same_digest_and_one_more_ticket_another(
    bench: Bench, runs: Runs
) -> None:
    opened(bench, 2)
    one, same = counted(bench, runs, URGENT), counted(bench, runs, URGENT)
    assert one.digest == same.digest
    seen = plan.seen_by(runs, bench(), one.digest)
    assert seen is not None
    assert (len(seen.touched), seen.whole) == (2, True)
    bench.world.deliver(issue_event("issue_created", "later", at=1))
    bench.world.settle()
    assert counted(bench, runs, URGENT).digest != one.digest


def test_fields_that_people_set_are_told_as_left(bench: Bench, runs: Runs) -> None:
    with_priority = RULES.replace("labels =", 'priority = "Low"\nlabels =')
    bench.world.edit(with_priority)
    opened(bench, 1)
    (ticket,) = bench.world.tracker.alive
    ticket.fields["priority"] = "High"
    edited = with_priority.replace('"data-quality"', '"urgent"')
    shown = counted(bench, runs, edited, live=True)
    assert shown.compared == "Compared with Jira now."
    assert [(g.words, g.number) for g in shown.left] == [("Left as people set it: Priority", 1)]
    assert shown.words == "1 change, 0 new, 0 moved, 0 set aside, 0 of 1 stay"


def waits_for(event: threading.Event):
    def work(run: Run) -> str:
        while not event.wait(0.01):
            run.look()
        return "done"

    return work


def states(*runs: Run) -> list[str]:
    return [run.state for run in runs]


def test_a_person_has_one_run_at_a_time_and_all_have_two(runs: Runs) -> None:
    end = threading.Event()
    people = ["a", "a", "b", "c"]
    begun = [
        runs.start(Purpose(who, "plan", number), waits_for(end))
        for number, who in enumerate(people)
    ]
    assert states(*begun) == ["counting", "waiting", "counting", "waiting"]
    end.set()
    assert all(run.ended.wait(60) for run in begun)
    assert states(*begun) == ["done"] * 4


def test_a_newer_plan_of_the_same_draft_cancels_the_one_before(runs: Runs) -> None:
    end = threading.Event()
    first = runs.start(Purpose("a", "plan", 1), waits_for(end))
    second = runs.start(Purpose("a", "plan", 1), waits_for(end))
    third = runs.start(Purpose("a", "plan", 1), waits_for(end))
    assert first.ended.wait(60)
    assert second.ended.wait(60)
    end.set()
    assert third.ended.wait(60)
    assert states(first, second, third) == ["cancelled", "cancelled", "done"]


def test_a_run_that_fails_says_so_and_makes_room(runs: Runs) -> None:
    def fails(_run: Run) -> None:
        raise RuntimeError

    one = runs.start(Purpose("a", "plan", 1), fails)
    assert one.ended.wait(60)
    assert one.state == "failed"
    assert "RuntimeError" in one.words
    other = runs.start(Purpose("a", "plan", 1), lambda _run: 7)
    assert other.ended.wait(60)
    assert other.shown == 7


def test_few_runs_of_one_purpose_are_kept(runs: Runs) -> None:
    made = []
    for _ in range(5):
        made.append(runs.start(Purpose("a", "plan", 1), lambda _run: 1))
        assert made[-1].ended.wait(60)
    kept = [run for run in made if runs.get(run.id, "a") is run]
    assert kept == made[-3:]


def test_closing_cancels_everything(runs: Runs) -> None:
    run = runs.start(Purpose("a", "plan", 1), waits_for(threading.Event()))
    runs.close()
    assert run.ended.wait(60)
    with pytest.raises(Cancelled):
        run.look()
    assert runs.start(Purpose("b", "plan", 1), lambda _run: 1).state == "waiting"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (["a"], ["a", "b", "c", "d", "e"], "4 lines more at the end"),
        (["a", "b"], ["b"], "1 line less at the beginning"),
        (["a", "b", "c"], ["a", "x", "c"], "1 line other"),
        (["a", "b", "c"], ["x", "b", "y"], "2 lines other in 2 places"),
        ([], ["a"], "written for the first time"),
        (["a"], [], "empty now"),
    ],
)
def test_texts_are_compared_by_what_came_and_went(before, after, words) -> None:
    assert text_kind(before, after) == words


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("Low", "High", "Summary: Low → High"),
        (
            "orders of the last day are late by 3 hours",
            "[finance] orders of the last day are late by 3 hours",
            "Summary: + “[finance] ” at the beginning",
        ),
        (
            "orders of the last day are late by 3 hours",
            "orders of the last day are late by 3 hours.",
            "Summary: + “.” at the end",
        ),
        (
            "orders of the last day are late",
            "nothing of this was ever the same",
            "Summary: other words",
        ),
    ],
)
def test_long_lines_are_compared_by_what_they_begin_and_end_with(before, after, words) -> None:
    assert change_kind(Change("summary", "Summary", FieldKind.PLAIN, before, after)) == words
