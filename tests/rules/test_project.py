from __future__ import annotations

from dataclasses import replace

import pytest

from sync.domain.rule import Category, FieldWish, OnDeleted, Ownership, StatusTarget
from sync.domain.subject import Snapshot, Status
from sync.rules import parse
from tests.rules.build import DEFAULTS, desired, incident, issue, owner, rules

PLAIN = '[[rule]]\nname = "x"\n'


def test_fields_are_given_as_written_rendered_or_listed() -> None:
    found = desired(
        PLAIN
        + """when.kind = "issue"
        [rule.fields]
        summary = "  {{ issue.title }}  "
        description = ""
        due_date = 2026-12-24
        "Story Points" = 3
        customfield_10010 = { value = "A", child = { value = "{{ issue.trigger_name }}" } }
        components = "{{ issue.owners | map(attribute='title') | list }}"
        labels = ["a", "{{ issue.trigger_name }}", "{{ '' }}", "{{ ['b', 'c'] }}"]
        [rule.ownership]
        components = "ticket"
        """
    )
    assert {name: wish.value for name, wish in found.fields.items()} == {
        "summary": "Table orders is stale",
        "due_date": "2026-12-24",
        "Story Points": 3,
        "customfield_10010": {"value": "A", "child": {"value": "freshness"}},
        "components": ["Data Platform"],
        "labels": ["a", "freshness", "b", "c"],
    }
    assert found.fields["components"] == FieldWish(["Data Platform"], Ownership.TICKET)
    assert found.fields["summary"].ownership is Ownership.SHARED


def test_a_rule_inherits_from_its_file_and_that_from_the_file_for_all() -> None:
    found = parse(
        {
            "_defaults.toml": '[defaults]\nhold = "1m"\nissue_type = "Task"\n'
            'fields = { priority = "Low", labels = ["all"] }\nstatus.closed = "Closed"\n'
            '[tables.t]\na = "common"\nb = "B"\n',
            "10.toml": '[defaults]\nhold = "2m"\nfields.labels = ["file"]\n'
            '[tables.t]\na = "own"\n[[rule]]\nname = "x"\n'
            "fields = { environment = \"{{ 'a' | lookup('t') }}\" }\nstatus.open.comment = \"hi\"\n",
            "20.toml": '[[rule]]\nname = "y"\n',
        },
        DEFAULTS,
    )
    rule = found.get("x")
    other = found.get("y")
    assert rule is not None
    assert other is not None
    wish = rule.project_ticket("k", [issue()])
    assert (rule.hold, other.hold) == (120, 60)
    assert wish.issue_type == ("Task",)
    assert wish.fields["priority"].value == "Low"
    assert wish.fields["labels"].value == ["file"]
    assert wish.fields["environment"].value == "own"
    assert wish.status_comment == "hi"
    assert wish.target.category is Category.NEW
    closed = other.project_ticket("k", [issue(status=Status.CLOSED)])
    assert closed.target == StatusTarget(status="Closed", resolution=("Done", "Fixed", "Resolved"))
    assert closed.status_comment == "Closed in Coalesce Quality."


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ('"Done"', {"status": "Done"}),
        ('{ status = "Done", via = "Review" }', {"status": "Done", "via": ("Review",)}),
        ('{ transition = "Close it" }', {"transition": "Close it"}),
        (
            '{ category = "done", prefer = ["A", "B"] }',
            {"category": Category.DONE, "prefer": ("A", "B")},
        ),
        ("{ leave = true }", {}),
        (
            '{ status = "Done", resolution = "{{ subject.title }}", '
            'fields = { "Root cause" = "{{ status }}" } }',
            {
                "status": "Done",
                "resolution": ("Table orders is stale",),
                "fields": {"Root cause": "closed"},
            },
        ),
    ],
)
def test_a_status_entry_says_where_the_ticket_goes(entry: str, target: dict[str, object]) -> None:
    usual = {"resolution": ("Done", "Fixed", "Resolved")}
    found = desired(PLAIN + f"status.closed = {entry}\n", issue(status=Status.CLOSED))
    assert found.target == StatusTarget(**{**usual, **target})


def test_every_upstream_status_has_a_way_by_default() -> None:
    categories = {status: desired(PLAIN, issue(status=status)).target.category for status in Status}
    assert categories == {
        Status.OPEN: Category.NEW,
        Status.INVESTIGATING: Category.INDETERMINATE,
        **dict.fromkeys(
            (Status.EXPECTED, Status.FIXED, Status.NO_ACTION_NEEDED, Status.CLOSED), Category.DONE
        ),
        Status.CANCELLED: Category.DONE,
    }


def test_the_default_comment_names_who_set_the_status() -> None:
    actor = {"name": "Data *On-call*", "email": "", "slack": "", "pagerduty": "", "via": ""}
    found = desired(PLAIN, issue(status=Status.FIXED, status_actor=actor))
    assert found.status_comment == "Marked as fixed by Data \\*On-call\\*."


def test_an_empty_comment_takes_the_inherited_one_back() -> None:
    found = desired(PLAIN + 'status.closed.comment = ""\n', issue(status=Status.CLOSED))
    assert found.status_comment is None
    assert found.target.category is Category.DONE


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([Status.INVESTIGATING, Status.OPEN, Status.CLOSED], Status.OPEN),
        ([Status.FIXED, Status.INVESTIGATING], Status.INVESTIGATING),
        ([Status.CLOSED, Status.FIXED], Status.FIXED),
        ([Status.CLOSED, Status.CANCELLED], Status.CLOSED),
        ([Status.CANCELLED, Status.CANCELLED], Status.CANCELLED),
    ],
)
def test_a_group_stands_where_its_least_advanced_open_subject_stands(
    statuses: list[Status], status: Status
) -> None:
    group = [issue(str(n), status=one) for n, one in enumerate(statuses)]
    assert desired(PLAIN, *group).status is status


def test_the_subject_that_began_first_speaks_for_a_group_whatever_the_order() -> None:
    first = issue("b", title="first", started_at="2024-09-06T10:00:00Z", at=50)
    second = issue("a", title="second", started_at="2024-09-06T11:00:00.5Z", at=10)
    one, other = desired(PLAIN, first, second), desired(PLAIN, second, first)
    assert replace(one, key="") == replace(other, key="")
    assert one.fields["summary"].value == "first (orders) (and 1 more)"
    assert [link.title for link in one.remote_links] == ["first", "second"]
    assert (
        "| [second](https://app.example.com/issues/a) | open |" in one.fields["description"].value
    )


def test_an_incident_speaks_for_a_ticket_that_its_issues_are_on() -> None:
    earlier = issue(started_at="2024-09-06T01:00:00Z")
    text = PLAIN + 'when.kind = "incident"\nissues.on_ticket = true\n'
    text += 'fields.summary = "{{ incident.title }}, {{ subjects | length - 1 }} issues"\n'
    rule = rules(text).get("x")
    assert rule is not None
    made = rule.project_ticket("k", [earlier, incident()])
    assert made.fields["summary"].value == "Warehouse is down, 1 issues"
    assert [link.title for link in made.remote_links] == [
        "Warehouse is down",
        "Table orders is stale",
    ]


def test_the_version_is_the_same_for_the_same_state_and_another_for_any_other() -> None:
    def version(*snapshots: Snapshot, text: str = PLAIN, occurrences: int = 1) -> str:
        return str(desired(text, *snapshots, occurrences=occurrences).version)

    same = version(issue())
    assert version(issue()) == same
    assert version(issue("1"), issue("2")) == version(issue("2"), issue("1"))
    others = [
        version(issue(at=1)),
        version(issue(title="other")),
        version(issue(severity="warn")),
        version(issue(), occurrences=2),
        version(issue(), text=PLAIN + 'fields.priority = "High"\n'),
    ]
    assert len({same, *others}) == len(others) + 1


def test_the_digest_of_a_rule_does_not_depend_on_where_it_is_written() -> None:
    one = rules(PLAIN).get("x")
    moved = rules("# a comment\n\n" + PLAIN).get("x")
    changed = rules(PLAIN + 'hold = "5m"\n').get("x")
    assert one is not None
    assert moved is not None
    assert changed is not None
    assert one.digest == moved.digest != changed.digest
    assert rules(PLAIN).digest == rules("\n" + PLAIN).digest


def test_a_subject_without_a_web_address_gets_no_link() -> None:
    assert desired(PLAIN, issue(issue_url="javascript:alert(1)")).remote_links == ()
    assert desired(PLAIN, issue(issue_url="")).remote_links == ()
    link = desired(PLAIN, incident()).remote_links[0]
    assert link.global_id == "ticket-sync:coalesce:incident:00000000-0000-4000-8000-0000000000aa"


def test_standing_choices_reach_the_ticket() -> None:
    rule = rules(
        PLAIN
        + """
        storm = { limit = 5, window = "10m" }
        hold = "10m"
        reopen_within = "7d"
        close_after = 90
        on_deleted = "recreate"
        create_when_ended = false
        leave_closed = { resolutions = [], statuses = ["Parked"] }
        comments = { running = true, updated = "{{ subject.title }}", on = "summary" }
        issues = { link = "Relates", direction = "inward", on_ticket = true, close = true }
        """
    ).get("x")
    assert rule is not None
    assert (rule.storm, rule.hold, rule.reopen_within, rule.close_after) == (
        (5, 600),
        600,
        604800,
        90,
    )
    issues = rule.issues
    assert (issues.link, issues.outward, issues.on_ticket, issues.close) == (
        "Relates",
        False,
        True,
        True,
    )
    wish = rule.project_ticket("k", [issue()])
    assert wish.policy.on_deleted is OnDeleted.RECREATE
    assert not wish.policy.create_when_ended
    assert wish.policy.leave_closed_resolutions == ()
    assert wish.policy.leave_closed_statuses == ("Parked",)
    assert wish.policy.running_comment
    assert (wish.update_comment, wish.comment_on) == ("Table orders is stale", ("summary",))


@pytest.mark.parametrize(
    ("group_by", "key"),
    [
        ('"issue_group"', "group:x:group-1"),
        ('"entity"', "group:x:snowflake_table/ANALYTICS/MART/ORDERS"),
        ('"owner"', "group:x:Data Platform"),
        ('["trigger", "day"]', "group:x:freshness|2024-09-06"),
        ('"{{ issue.trigger_name | upper }}"', "group:x:FRESHNESS"),
        ('["workspace", "{{ issue.owners[0].id }}"]', "group:x:acme|data-platform"),
    ],
)
def test_grouping_names_the_ticket(group_by: str, key: str) -> None:
    rule = rules(PLAIN + f'when.kind = "issue"\ngroup_by = {group_by}\n').get("x")
    assert rule is not None
    assert rule.ticket_key(issue()) == key


def test_a_subject_that_fits_no_group_gets_a_ticket_of_its_own() -> None:
    rule = rules(PLAIN + 'group_by = ["owner", "day"]\n').get("x")
    assert rule is not None
    assert rule.ticket_key(incident()) == str(incident().ref)
    assert rule.ticket_key(issue(owners=[])) == str(issue().ref)


def test_a_very_long_group_name_is_cut_without_meeting_another() -> None:
    rule = rules(PLAIN + 'group_by = "owner"\n').get("x")
    assert rule is not None
    keys = {rule.ticket_key(issue(owners=[owner("a" * 500 + end)])) for end in ("x", "y")}
    assert len(keys) == 2
    assert all(len(key) <= 300 for key in keys)


def test_a_payload_with_everything_missing_still_makes_a_ticket() -> None:
    bare = replace(issue(), payload={"title": "t"})
    found = desired(PLAIN, bare)
    assert found.fields["summary"].value == "t"
    assert "Owners" not in found.fields["description"].value


@pytest.mark.parametrize("name", ["fix_versions", '"Fix versions"', "security", '"Security"'])
def test_fields_that_jira_shows_with_capitals_are_written_either_way(name: str) -> None:
    found = rules(f'[[rule]]\nname = "r"\n[rule.fields]\n{name} = "x"\n')
    assert name.strip('"') in found.rules[0].projection.fields
