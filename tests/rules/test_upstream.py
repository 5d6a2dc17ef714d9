"""What a rule says of telling upstream, read into a wish."""

from __future__ import annotations

import pytest

from sync.domain.rule import Acknowledge, Category, Side, Sign, UpstreamWish
from sync.domain.subject import Status
from sync.rules import Defaults, RuleErrors, RuleSet, parse
from sync.rules.doubts import told
from tests.rules.build import DEFAULTS, issue, rules

ONE = '[[rule]]\nname = "x"\nwhen = { kind = "issue" }\n'


def wish(text: str, defaults: Defaults = DEFAULTS) -> UpstreamWish | None:
    made: RuleSet = parse({"10.toml": ONE + text}, defaults)
    desired = made.rules[0].project_ticket("k", [issue()])
    assert bool(desired.subjects) is (desired.upstream is not None)
    return desired.upstream


@pytest.mark.parametrize(
    "text",
    [
        "",
        "upstream = {}",
        'upstream = { comments = "none", announce = false, acknowledge = "never" }',
        'upstream = { ignore = "robot", wins = "jira" }',
        "upstream = { status = {} }",
    ],
)
def test_a_rule_that_asks_for_nothing_tells_nothing(text: str) -> None:
    assert wish(text) is None


def test_a_rule_inherits_what_is_told_and_may_take_it_back() -> None:
    defaults = '[defaults.upstream]\nannounce = true\ncomments = "all"\n'
    made = rules(
        defaults
        + ONE
        + '[[rule]]\nname = "y"\nupstream = { announce = false, comments = "none" }\n'
    )
    told_by = [rule.project_ticket("k", [issue()]).upstream for rule in made.rules]
    assert told_by[0] is not None
    assert (told_by[0].announce, told_by[0].comments) == (True, "all")
    assert told_by[1] is None


def test_signs_are_statuses_resolutions_and_categories() -> None:
    made = wish(
        """
        [rule.upstream.status]
        cleared = { category = "new" }
        investigating = ["In Progress", "10400"]
        no_action_needed = [{ resolution = "Won't Do" }, { status = "Rejected" }]
        """
    )
    assert made is not None
    assert made.issue == {
        Status.OPEN: (Sign(category=Category.NEW),),
        Status.INVESTIGATING: (Sign(status="In Progress"), Sign(status="10400")),
        Status.NO_ACTION_NEEDED: (Sign(resolution="Won't Do"), Sign(status="Rejected")),
    }
    assert made.targets[Status.FIXED].category is Category.DONE


def test_every_choice_is_read() -> None:
    made = wish(
        """
        [rule.upstream]
        comments = { mention = "@data" }
        copy_comments = true
        acknowledge = "assigned"
        ignore = "robot"
        wins = "jira"
        """,
        Defaults({"main": "DATA"}, "main", settle=30, tie=2),
    )
    assert made is not None
    assert (made.comments, made.copies, made.announce) == ("@data", True, False)
    assert (made.acknowledge, made.ignore, made.wins) == (
        Acknowledge.ASSIGNED,
        ("robot",),
        Side.JIRA,
    )
    assert (made.settle, made.tie) == (30, 2)


def test_a_wish_has_another_name_exactly_when_the_table_says_something_else() -> None:
    one = wish("upstream = { announce = true }\nhold = '5m'")
    same = wish("[rule.upstream]\nannounce = true")
    other = wish('upstream = { announce = true, comments = "all" }')
    assert one is not None
    assert same is not None
    assert other is not None
    assert one.since == same.since != other.since


@pytest.mark.parametrize(
    "text",
    ["copy_comments = true", 'status = { cleared = "To Do" }', 'status = { open = "To Do" }'],
)
def test_what_only_the_api_can_do_is_doubted_without_credentials(text: str) -> None:
    made = rules(f'[[rule]]\nname = "x"\nupstream = {{ {text} }}\n')
    (doubt,) = told(made.rules[0].doubts, api=False)
    assert "config.toml has no credentials" in str(doubt)
    assert told(made.rules[0].doubts, api=True) == []


def _told(*texts: str) -> list[str]:
    """Since when the rule has told what it tells now, edit after edit, each ten seconds later."""
    tellings: dict[str, str] = {}
    found = []
    for number, text in enumerate(texts):
        made = rules(ONE + text)
        tellings = made.tellings(tellings, at=10.0 * number)
        wish_now = made.told_since(tellings).rules[0].projection.upstream
        found.append(wish_now.since if wish_now else "")
    return found


def test_other_edits_of_a_rule_do_not_begin_its_telling_anew() -> None:
    first, other = _told("upstream.announce = true", "upstream.announce = true\nhold = '5m'")
    assert first == other
    assert first.endswith("@0.0")


def test_an_edit_of_what_is_told_and_turning_it_off_and_on_begin_it_anew() -> None:
    on, edited = _told("upstream.announce = true", 'upstream = { comments = "all" }')
    assert on != edited
    on, off, again = _told("upstream.announce = true", "", "upstream.announce = true")
    assert (off, on == again, again.endswith("@20.0")) == ("", False, True)


def test_settings_by_which_nothing_can_be_told_refuse_rules_that_ask_for_it() -> None:
    defaults = Defaults({"main": "DATA"}, "main", untold="[coalesce.api] actor_email is not set")
    with pytest.raises(RuleErrors) as caught:
        parse({"10.toml": ONE + "upstream.announce = true\n"}, defaults)
    assert str(caught.value) == (
        "10.toml:4: upstream: asks to tell upstream what people do in Jira, and that cannot be: "
        "[coalesce.api] actor_email is not set. Set what is missing, or remove the table."
    )
