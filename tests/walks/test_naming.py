"""Tickets of others that name their subject in their own way, found by a pattern, on both dialects."""

from __future__ import annotations

import pytest

from sync.domain.errors import Rejected
from sync.rules import Undecided, patterns
from sync.rules.patterns import Extract
from sync.sandbox.jira import JiraSandbox
from sync.sandbox.memory import MemoryTracker
from sync.toml import Wrong
from sync.worker.adoption import Adoption
from sync.worker.ahead import Ahead, Pair
from sync.worker.naming import GROUP, By, Naming
from tests.walks.test_ahead import of_others
from tests.walks.test_jira import real as real
from tests.walks.test_jira import sandbox as sandbox
from tests.walks.world import World, issue_event

A, B, C = (f"{n}" * 8 + "-0000-4000-8000-" + "0" * 12 for n in "abc")
JQL = 'labels = "elsewhere" ORDER BY created ASC'


def matching(world: World, naming: Naming, *, ahead: bool = False, jql: str = JQL) -> list[Pair]:
    recording = Ahead(world.store, world.clock, "coalesce", "main", "ada") if ahead else None
    world.clock.sleep(30)
    adoption = Adoption(
        world.store,
        world.tracker,
        world.rules(),
        world.clock,
        "coalesce",
        apply=True,
        ahead=recording,
    )
    return adoption.matching(jql, naming)


def by(pattern: str, *within: str, by: By = By.ID) -> Naming:
    return Naming(Extract(pattern, "--pattern", GROUP), within, by)


def made(sandbox: JiraSandbox, summary: str, **fields: object) -> str:
    return sandbox.person.create("DATA", "Bug", summary, labels=["elsewhere"], **fields)


def heard(world: World, id_: str, title: str, table: str = "orders", at: float = 1) -> None:
    """Let a subject be known that no rule makes a ticket for yet."""
    rules = world.rules()
    world.write_rules('[[rule]]\nname = "none"\nproject = "DATA"\nwhen = { title = "no such" }\n')
    entity = {"name": table, "type": "table"}
    world.deliver(issue_event("issue_created", id_, at=at, title=title, trigger_entity=entity))
    world.settle()
    world._rules = rules


def said(pairs: list[Pair]) -> dict[str, tuple[str, str]]:
    return {pair.ticket: (pair.fate.value, pair.words) for pair in pairs}


def test_a_title_in_the_summary_names_the_open_subject(real: World, sandbox: JiraSandbox) -> None:
    heard(real, A, "Orders are stale")
    heard(real, B, "payments")
    heard(real, C, "payments")
    one = made(sandbox, "[alert] orders are STALE (prod)")
    two = made(sandbox, "[alert] payments (prod)")
    three = made(sandbox, "[alert] Nothing of Ours (prod)")
    four = made(sandbox, "no alert")
    found = said(matching(real, by(r"\[alert\] (.+) \(prod\)", "summary", by=By.TITLE)))
    assert found[one][0] == "adopt"
    assert found[two] == (
        "conflict",
        f"its text names several: coalesce:issue:{B}, coalesce:issue:{C}",
    )
    assert found[three][1] == (
        "the pattern finds 'Nothing of Ours', and no such open issue or incident of this title is known"
    )
    assert found[four][1] == "the pattern finds nothing in it"
    real.settle()
    assert [row.jira_key for row in real.rows()] == [one]
    again = matching(real, by(r"\[alert\] (.+) \(prod\)", "summary", by=By.TITLE))
    assert said(again)[one][0] == "already"


def test_a_ticket_is_found_by_its_key_in_small_letters_and_by_the_one_it_had_before(
    real: World, sandbox: JiraSandbox
) -> None:
    heard(real, A, "stale")
    one, two = made(sandbox, "late"), made(sandbox, "later")
    now = sandbox.person.move(two, "OPS")
    real.clock.sleep(30)
    pairs = [(A, one.lower()), (B, two), (C, "data-999")]
    recording = Ahead(real.store, real.clock, "coalesce", "main", "ada")
    adoption = Adoption(
        real.store, real.tracker, real.rules(), real.clock, "coalesce", ahead=recording
    )
    found = [(pair.ticket, pair.fate.value) for pair in adoption.pairs(pairs)]
    assert found == [(one, "adopt"), (now, "ahead"), ("data-999", "conflict")]


def test_what_would_be_taken_over_is_what_is(real: World, sandbox: JiraSandbox) -> None:
    heard(real, A, "stale")
    heard(real, B, "late")
    ticket = made(sandbox, "late")
    real.clock.sleep(30)
    for apply in (False, True):
        adoption = Adoption(
            real.store, real.tracker, real.rules(), real.clock, "coalesce", apply=apply
        )
        found = adoption.pairs([(A, ticket), (B, ticket)])
        assert [pair.fate.value for pair in found] == ["adopt", "conflict"]
        assert found[1].words.startswith("it is kept already" if apply else "another subject")


def test_a_table_in_the_description_names_the_open_subject(
    real: World, sandbox: JiraSandbox
) -> None:
    heard(real, A, "stale", table="sales.orders")
    ticket = made(sandbox, "late", description="Seen by the other tool.\n\nTable: sales.orders")
    made(sandbox, "Table: sales.orders", description="only its summary says so")
    found = said(matching(real, by(r"Table: (\S+)", "description", by=By.ENTITY)))
    assert [fate for fate, _ in found.values()] == ["adopt", "conflict"]
    assert found[ticket][0] == "adopt"


def test_an_id_in_a_label_or_a_field_of_the_site_is_found_or_recorded_ahead(
    real: World, sandbox: JiraSandbox
) -> None:
    heard(real, A, "stale")
    one = sandbox.person.create("DATA", "Bug", "late", labels=["elsewhere", f"dq-{A}"])
    two = sandbox.person.create("DATA", "Bug", "late", labels=["elsewhere", f"dq-{B.upper()}"])
    naming = by("/DQ-(?P<subject>[0-9a-f-]+)(x)?/i", "labels")
    assert [one_[0] for one_ in said(matching(real, naming)).values()] == ["adopt", "conflict"]
    found = said(matching(real, naming, ahead=True))
    assert (found[one][0], found[two][0]) == ("already", "ahead")
    real.deliver(issue_event("issue_created", B, at=2))
    real.settle()
    assert sorted(row.jira_key for row in real.rows()) == sorted([one, two])
    assert len(sandbox.tickets()) == 2


def test_of_two_tickets_for_one_issue_the_older_is_taken_where_the_query_has_no_order(
    real: World, sandbox: JiraSandbox
) -> None:
    heard(real, A, "stale")
    older = made(sandbox, f"late {A}")
    real.clock.sleep(60)
    newer = made(sandbox, f"late again {A}")
    found = said(matching(real, by(r"(\S+)$", "summary"), jql='labels = "elsewhere"'))
    assert (found[older][0], found[newer][0]) == ("adopt", "conflict")


def test_a_field_of_the_site_is_found_by_its_name(real: World, sandbox: JiraSandbox) -> None:
    heard(real, A, "stale")
    ticket = made(sandbox, "late", customfield_10010=f"monitor {A}")
    made(sandbox, f"monitor {A}")
    naming = by(r"monitor (\S+)", real.tracker.field_id("Root cause"))
    found = said(matching(real, naming))
    assert [fate for fate, _ in found.values()] == ["adopt", "conflict"]
    assert found[ticket][0] == "adopt"
    for name, words in (("Root kause", "no field"), ("Team", "several fields")):
        with pytest.raises(Rejected, match=f"the site has {words} '{name}'"):
            real.tracker.field_id(name)


def test_only_what_is_an_id_is_recorded_ahead(
    world_on_each_store: World, jira: MemoryTracker
) -> None:
    long = "x" * 300
    of_others(jira, 1, f"alert {long}")
    found = matching(world_on_each_store, by("alert (x+)"), ahead=True, jql='labels = "elsewhere"')
    fate, words = said(found)["DATA-501"]
    assert (fate, long in words) == ("conflict", False)
    assert words.endswith("is known; no id is like this, so that nothing is recorded ahead")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("Alert: .+", "has 0 groups"),
        ("(a)(b)", "has 2 groups"),
        ("(a", "is not a regular expression"),
        ("/(a)/x", "ends with 'x'"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_in_words(pattern: str, words: str) -> None:
    with pytest.raises(Wrong) as fault:
        Extract(pattern, "--pattern", GROUP)
    assert words in str(fault.value)


def test_a_pattern_that_does_not_end_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECOND_TRY", 0.05)
    with pytest.raises(Undecided, match=r"\(--pattern\) did not end in time"):
        Extract("(?:a|aa)+(b)", "--pattern", GROUP)("a" * 5_000)
