"""An edit whose values Jira would not take: plan, guard and accept see it before any ticket does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.adapters.jira import JiraSite, JiraTracker
from sync.adapters.jira.check import check_site
from sync.rules import RuleSet
from sync.sandbox.jira import JiraSandbox, SandboxTransport
from sync.sandbox.jira.ready_site import BOT
from sync.store.engine import Store
from sync.toml import Position
from sync.worker.foresight.forecast import Forecast, forecast_all
from sync.worker.rulebook.accept import Terms, accept
from sync.worker.rulebook.impact import Impact, Sites, impact
from tests.walks.world import RULES, SimulatedClock, issue_event
from tests.worker.edited import EditedWorld
from tests.worker.test_plan_property import told

URL = "http://jira.sandbox"
TITLES = ["2026.1", "2026.2", "2027.9", "2026.1 beta", "nonesuch"]


class Real(EditedWorld):
    """An edited world in front of the simulated Jira, with issues whose tickets are made."""

    def __init__(self, store: Store, folder: Path) -> None:
        clock = SimulatedClock()
        self.jira = JiraSandbox("cloud", clock)
        site = JiraSite("main", URL, BOT.secret, email=BOT.email, deployment="cloud")
        mount = SandboxTransport(self.jira)
        tracker = JiraTracker(site, clock, lambda session: session.mount(URL, mount))
        self.sites = Sites({"main": tracker}, self._check)
        super().__init__(store, tracker, clock, folder, sites=self.sites)
        for number, title in enumerate(TITLES):
            self.deliver(issue_event("issue_created", f"i{number}", at=number, title=title))
        self.settle()

    def _check(self, rules: RuleSet, names: frozenset[str]) -> dict[tuple[str, ...], str]:
        some = [rule for rule in rules.rules if rule.name in names]
        report = check_site(self.tracker, some, Position("config.toml"))  # type: ignore[arg-type]
        return {(f.rule, f.key, f.problem): str(f) for f in report.findings}

    def forecast(self, *, live: bool = False) -> Forecast:
        rules = self.files.load().rules
        about = self.store, rules, {"main": self.tracker}, self.clock.time()
        found = forecast_all(*about, live=live, known=self.rules()).whole()
        assert told(found) == told(forecast_all(*about, live=live).whole())
        return found

    def impact(self) -> Impact:
        rules = self.files.load().rules
        return impact(self.store, self.rules(), rules, self.clock.time(), {"main": self.tracker})


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> Iterator[Real]:
    made = Real(sqlite_store, tmp_path / "mappings")
    yield made
    made.close()


def with_field(line: str) -> str:
    return RULES.replace("[rule.fields]\n", f"[rule.fields]\n{line}\n")


WRONG = [
    'priority = "Hihgest"',
    'components = ["Roof"]',
    '"Severity" = "Hgih"',
    '"No such field" = "x"',
    'assignee = "nobody@example.com"',
]


@pytest.mark.parametrize("line", WRONG)
def test_an_edit_with_a_wrong_value_waits_with_words_and_needs_force(
    world: Real, line: str
) -> None:
    world.edit(with_field(line))
    waiting = world.waiting()
    assert waiting is not None
    assert any("rules.toml:8" in words for words in waiting.mistakes)
    assert "rules accept --force" in world.book.detail()
    refused = accept(world.store, world.files, world.clock.time(), sites=world.sites)
    assert refused.refused
    assert refused.mistakes
    assert world.in_force() is not None
    assert world.rules().get("everything").projection.fields.keys() == {  # type: ignore[union-attr]
        "summary", "description", "labels",
    }  # fmt: skip
    forced = accept(
        world.store, world.files, world.clock.time(), sites=world.sites, terms=Terms(force=True)
    )
    assert forced.new
    world.notice()
    assert "everything" in str(world.rules().rules[0].ref)
    assert len(world.rules().rules[0].projection.fields) == 4


def test_a_wrong_value_is_found_where_no_ticket_has_it_yet(
    sqlite_store: Store, tmp_path: Path
) -> None:
    world = Real(sqlite_store, tmp_path / "mappings")
    other = (
        '[[rule]]\nname = "none yet"\nwhen = {kind = "incident"}\n[rule.fields]\npriority = "Hig"\n'
    )
    world.edit(other + RULES)
    assert world.waiting() is not None
    world.close()


def test_a_comment_whose_template_fails_is_foreseen_for_each_ticket_in_its_status(
    world: Real,
) -> None:
    failing = 'open = { category = "new", comment = "{{ (subject.title | length) // 0 }}" }'
    world.write_rules(RULES.replace('open = { category = "new" }', failing))
    plans = [one.plan for one in world.forecast().tickets]
    assert [list(one.parked_fields) for one in plans] == [["status.open.comment"]] * len(TITLES)
    assert len(world.impact().aside) == len(TITLES)
    world.write_rules(RULES.replace("Closed upstream.", "Over."))
    assert world.forecast().tickets == ()
    assert world.impact().size == 0


def test_a_mistake_that_was_there_before_does_not_hold_up_another_edit(world: Real) -> None:
    world.write_rules(with_field('priority = "Hihgest"'))
    accept(world.store, world.files, world.clock.time(), sites=world.sites, terms=Terms(force=True))
    world.notice()
    world.settle()
    third = with_field('priority = "Hihgest"').replace('"data-quality"', '"other"')
    found = world.sites.mistakes(world.rules(), world.files.parse({"rules.toml": third}))
    assert found == ()


def counts(world: Real) -> list[tuple[int, int, int]]:
    """Tickets to be changed, made and set aside, as guard, plan and live plan count them."""
    guard = world.impact()
    found = [(len(guard.changed), guard.made, len(guard.aside))]
    for live in (False, True):
        forecast = world.forecast(live=live)
        acting = [one for one in forecast.tickets if one.plan.actions and not one.plan.parked]
        made = sum(not one.ticket for one in acting)
        found.append((len(acting) - made, made, forecast.counts["park"]))
    return found


def test_a_value_that_a_template_makes_counts_as_set_aside_before_it_is(world: Real) -> None:
    world.deliver(issue_event("issue_created", "later", at=50, title="2026.2"))
    world.settle()
    world.write_rules(with_field('"Fix versions" = "{{ subject.title }}"'))
    assert counts(world) == [(3, 0, 3)] * 3
    accept(world.store, world.files, world.clock.time(), sites=world.sites, terms=Terms(force=True))
    world.notice()
    world.settle()
    assert sum(row.parked is not None for row in world.rows()) == 3


FIELDS = [
    'priority = "high"',
    'priority = "Hihgest"',
    'labels = ["x"]',
    'components = "{{ subject.title }}"',
    '"Fix versions" = "{{ subject.title }}"',
    'priority = "{% if subject.title is string %}High{% endif %}"',
    '"Affected rows" = "{{ subject.title }}"',
    'due_date = "2030-01-31"',
]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique_by=lambda f: f.split(" =")[0])
)
def test_guard_plan_and_live_plan_count_the_same_tickets(world: Real, lines: list[str]) -> None:
    text = (
        RULES.replace('labels = ["data-quality"]\n', "")
        if any("labels" in o for o in lines)
        else RULES
    )
    world.write_rules(text.replace("[rule.fields]\n", "[rule.fields]\n" + "\n".join(lines) + "\n"))
    guard, stored, live = counts(world)
    assert guard == stored == live


MENDED = [
    RULES,
    with_field('"Severity" = "High"'),
    with_field('"Severity" = "High"').replace('"data-quality"', '"another"'),
]


@pytest.mark.parametrize("only_new", [False, True])
@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("mended", MENDED, ids=["taken out", "mended", "mended among others"])
def test_an_edit_that_mends_a_parked_field_takes_the_park_away_at_once(
    world: Real, mended: str, closed: bool, only_new: bool
) -> None:
    world.write_rules(with_field('"Severity" = "Enormous"'))
    accept(world.store, world.files, world.clock.time(), sites=world.sites, terms=Terms(force=True))
    world.notice()
    world.settle(within=60)
    if closed:
        for number, title in enumerate(TITLES):
            world.deliver(issue_event("issue_closed", f"i{number}", at=99, title=title))
        world.settle(within=60)
    assert [list((row.parked or {})["fields"]) for row in world.rows()] == [
        ["customfield_10015"]
    ] * len(TITLES)
    world.write_rules(mended)
    now = world.clock.time()
    told = accept(world.store, world.files, now, sites=world.sites, terms=Terms(only_new=only_new))
    assert (told.new, told.retried) == (True, len(TITLES))
    world.notice()
    world.settle(within=60)
    # What holds for new tickets only leaves a field as it is that it would write.
    left = only_new and mended != RULES
    assert [row.parked is not None for row in world.rows()] == [left] * len(TITLES)
    assert world.clock.time() - now < 60


def test_a_field_that_an_edit_leaves_parked_does_not_hold_up_the_edit(world: Real) -> None:
    wrong = with_field('"Severity" = "Enormous"')
    world.write_rules(wrong)
    accept(world.store, world.files, world.clock.time(), sites=world.sites, terms=Terms(force=True))
    world.notice()
    world.settle(within=60)
    world.edit("# One line down.\n" + wrong.replace('"data-quality"', '"another"'))
    assert world.waiting() is None
    world.settle(within=60)
    told = [words for words in world.journal() if words.startswith("park not written")]
    assert len(told) == len(TITLES), "each park is told once"
    (words,) = {row.parked["fields"]["customfield_10015"]["where"] for row in world.rows()}  # type: ignore[index]
    assert words == "rules.toml:9"
