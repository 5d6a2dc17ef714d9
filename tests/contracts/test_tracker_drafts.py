"""What every tracker makes of a rule's wishes: canonical values, or a refusal that names the mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.actions import Change
from sync.domain.errors import Cause, Parked, Rejected, Scope
from sync.domain.merge import news, wishes_agreed
from sync.domain.rule import FieldWish, Ownership
from sync.domain.ticket import (
    FAMILY_LABEL,
    Base,
    Document,
    Draft,
    DraftField,
    FieldKind,
    marker_label,
    remembered,
)
from tests.adapters.jira.world import LINK, desired
from tests.contracts.trackers import IMPLEMENTATIONS, Site

KEY = "coalesce:issue:1"
OURS = {FAMILY_LABEL, marker_label(KEY)}


def drafted(site: Site, **how: Any) -> Mapping[str, DraftField]:
    return site.tracker.draft(desired(KEY, **how)).fields


def parked(site: Site, **how: Any) -> Parked:
    found = list(site.tracker.draft(desired(KEY, **how)).parked_fields.values())
    assert len(found) == 1
    return found[0].parked


def refused(site: Site, **how: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        site.tracker.draft(desired(KEY, **how))
    return caught.value


def test_a_label_has_no_white_space_and_stands_once(site: Site) -> None:
    wish = ["data quality", "a\u00a0b", "a_b", "x\t y", " padded ", "", "dup", "dup"]
    field = drafted(site, labels=wish)["labels"]
    assert field.kind is FieldKind.LABELS
    assert field.value == sorted({"data_quality", "a_b", "x_y", "padded", "dup"} | OURS)


def test_a_draft_takes_what_is_as_agreed_from_the_base(site: Site) -> None:
    wish = desired(KEY, description="One.", labels=["a"], priority="High")
    first = site.tracker.draft(wish)
    sent = Base().with_sent({id_: one.value for id_, one in first.fields.items()})
    base = wishes_agreed(first, sent)
    kept = {name: replace(one, value=None, as_agreed=True) for name, one in wish.fields.items()}
    again = site.tracker.draft(replace(wish, fields=kept), base=base)
    assert again.fields.keys() == first.fields.keys()
    for id_, one in first.fields.items():
        assert remembered(again.fields[id_].value) == remembered(one.value)
        assert replace(again.fields[id_], value=None) == replace(one, value=None)
    assert not again.parked_fields
    assert not news(again, base)


def test_labels_in_one_text_stand_between_commas(site: Site) -> None:
    wish = "finance, sales team,,"
    assert set(drafted(site, labels=wish)["labels"].value) == {"finance", "sales_team"} | OURS


@pytest.mark.parametrize("ownership", Ownership)
@pytest.mark.parametrize("name", ["summary", "labels", "due_date"])
def test_a_field_keeps_the_ownership_that_the_rule_gives_it(
    site: Site, name: str, ownership: Ownership
) -> None:
    wish = desired(KEY, labels=["a"], due_date="2030-01-31")
    owned = FieldWish(wish.fields[name].value, ownership)
    draft = site.tracker.draft(replace(wish, fields={**wish.fields, name: owned}))
    id_ = {"due_date": "duedate"}.get(name, name)
    assert {f.id: f.ownership for f in draft.fields.values()} == {
        **dict.fromkeys(draft.fields, Ownership.SHARED),
        id_: ownership,
    }


@pytest.mark.parametrize("wish", [{}, {"labels": None}, {"labels": []}, {"labels": " "}], ids=str)
def test_a_ticket_is_marked_though_the_rule_asks_for_no_label(
    site: Site, wish: dict[str, Any]
) -> None:
    field = drafted(site, **wish)["labels"]
    assert (set(field.value), field.ownership) == (OURS, Ownership.SHARED)


@pytest.mark.parametrize(
    "name, id_, shown",
    [
        ("Summary", "summary", "Summary"),
        ("DESCRIPTION", "description", "Description"),
        ("due_date", "duedate", "Due date"),
        ("Due Date", "duedate", "Due date"),
        ("duedate", "duedate", "Due date"),
        ("fix_versions", "fixVersions", "Fix versions"),
        ("affects versions", "versions", "Affects versions"),
    ],
)
def test_a_field_is_known_by_name_and_by_id(site: Site, name: str, id_: str, shown: str) -> None:
    fields = drafted(site, **{name: ""}) if id_ != "summary" else drafted(site, **{name: "x"})
    assert (fields[id_].id, fields[id_].name) == (id_, shown)


@pytest.mark.parametrize("name", ["Severty", "customfield_99999", "Epic colour", ""])
def test_a_field_that_the_site_does_not_have_is_set_aside_by_its_name(
    site: Site, name: str
) -> None:
    fault = parked(site, **{name: "x"})
    assert (fault.cause, fault.field) == (Cause.FIELD, name)


def test_a_custom_field_is_found_by_its_name(site: Site) -> None:
    assert "customfield_10010" in drafted(site, **{"Root cause": "a late load"})


@pytest.mark.parametrize("summary", ["", None, " \n\t", "\x00", "\u2028"])
def test_an_empty_summary_is_refused(site: Site, summary: str | None) -> None:
    fault = refused(site, summary=summary)
    assert (fault.cause, fault.field) == (Cause.FIELD, "Summary")


def test_a_rule_without_a_summary_is_refused(site: Site) -> None:
    with pytest.raises(Rejected) as caught:
        site.tracker.draft(replace(desired(KEY), fields={}))
    assert (caught.value.cause, caught.value.field) == (Cause.FIELD, "Summary")


def test_a_summary_is_one_line_that_shows_where_it_was_cut(site: Site) -> None:
    value = drafted(site, summary="orders\nis\tstale " + "😀" * 300)["summary"].value
    assert value.startswith("orders is stale 😀")
    assert value.endswith("…")
    assert 250 <= len(value.encode("utf-16-le")) // 2 < 255


@pytest.mark.parametrize(
    "wish",
    [
        "2030-01-31",
        " 2030-01-31 ",
        "2030-01-31T12:00:00Z",
        date(2030, 1, 31),
        datetime(2030, 1, 31, 12, tzinfo=UTC),
    ],
    ids=str,
)
def test_a_date_is_canonical_however_it_is_written(site: Site, wish: Any) -> None:
    assert drafted(site, due_date=wish)["duedate"].value == "2030-01-31"


@pytest.mark.parametrize("wish", ["tomorrow", "2030-02-31", "20300131", "31.01.2030", "2030-W01-1"])
def test_what_is_no_date_is_set_aside(site: Site, wish: str) -> None:
    fault = parked(site, due_date=wish)
    assert (fault.cause, fault.field) == (Cause.FIELD, "Due date")


@pytest.mark.parametrize("wish", [None, "", "  ", []], ids=repr)
def test_a_wish_for_nothing_is_no_value(site: Site, wish: Any) -> None:
    names = ("description", "priority", "components", "due_date", "assignee", "parent")
    fields = drafted(site, **dict.fromkeys(names, wish))
    assert {f.value for id_, f in fields.items() if id_ not in ("summary", "labels")} == {None}


def test_several_names_are_a_sorted_list(site: Site) -> None:
    for wish in (["Warehouse", " Ingestion", "Warehouse"], "Warehouse, Ingestion"):
        assert drafted(site, components=wish)["components"].value == ["Ingestion", "Warehouse"]


def test_a_text_is_a_document_of_paragraphs(site: Site) -> None:
    field = drafted(site, description="No rows\nsince 06:00.\n\nSee the runbook.")["description"]
    assert field.kind is FieldKind.TEXT
    assert isinstance(field.value, Document)
    first, second = field.value.identities
    assert (first.split(), second) == (["No", "rows", "since", "06:00."], "See the runbook.")


@pytest.mark.parametrize("links", [(LINK,), ()], ids=["with an address", "without"])
def test_a_text_over_the_limit_is_cut_and_says_so(site: Site, links: Any) -> None:
    wish = desired(KEY, description="Rows are missing. \n\n" * 5_000, links=links)
    draft = site.tracker.draft(wish)
    *kept, note = draft.fields["description"].value.identities
    assert note.startswith("… cut")
    assert (LINK.url in note) == bool(links)
    assert 20_000 < sum(map(len, kept)) < 32_767
    ref = site.tracker.create(draft)
    assert site.tracker.read(ref.id).fields["description"].identities == (*kept, note)


def test_the_first_issue_type_that_there_is_is_taken(site: Site) -> None:
    draft = site.tracker.draft(desired(KEY, issue_type=("Outage", "task", "Bug")))
    assert draft.issue_type == "Task"
    assert site.tracker.read(site.tracker.create(draft).id).issue_type == "Task"


def unmakable(site: Site, **how: Any) -> Rejected:
    """Why the site would not make the ticket of a draft."""
    found = site.tracker.draft(desired(KEY, **how)).unmakable
    assert found is not None
    return found


def test_issue_types_of_which_none_is_there_are_told_by_the_draft(site: Site) -> None:
    assert unmakable(site, issue_type=("Outage", "Fire")).cause is Cause.ISSUE_TYPE
    assert unmakable(site, issue_type=("Outage",)).cause is Cause.ISSUE_TYPE


def test_one_issue_type_that_is_not_there_is_refused_at_the_latest_by_the_create_call(
    site: Site,
) -> None:
    with pytest.raises(Rejected) as caught:
        site.make(KEY, issue_type=("Outage",))
    assert (caught.value.cause, caught.value.scope) == (Cause.ISSUE_TYPE, Scope.PROJECT)
    site.pass_lag()
    assert site.tracker.find(KEY) == []


def test_a_choice_of_issue_types_needs_a_project_that_we_may_see(site: Site) -> None:
    site.hide("DATA")
    assert unmakable(site, issue_type=("Task", "Bug")).cause is Cause.PROJECT


@pytest.mark.parametrize("field", [{"priority": "Enormous"}, {"components": ["Roof"]}], ids=str)
def test_a_value_that_the_site_does_not_have_is_refused_at_the_latest_by_the_create_call(
    site: Site, field: dict[str, Any]
) -> None:
    draft = site.tracker.draft(desired(KEY, **field))
    if draft.parked_fields:
        assert draft.parked_fields.keys() == field.keys()
        return
    with pytest.raises(Rejected) as caught:
        site.make(KEY, **field)
    assert caught.value.cause is Cause.FIELD
    assert caught.value.field.casefold() in field


def test_an_address_that_nobody_has_is_set_aside_by_the_draft(site: Site) -> None:
    fault = parked(site, assignee="nobody@example.com")
    assert (fault.cause, fault.field) == (Cause.FIELD, "Assignee")


ODD = st.sampled_from([*"\t\n\r\x0b\x0c\x00\x1f\x7f\x85\u00a0\u2028\u200b\ufffe\ud800,😀 _…"])
WORDS = st.text(st.one_of(st.characters(), ODD), max_size=300)


@pytest.fixture(scope="module")
def every() -> dict[str, Site]:
    return {name: build() for name, build in IMPLEMENTATIONS.items()}


def test_all_agree_on_any_labels_and_any_summary(every: dict[str, Site]) -> None:
    """On the draft's canonical value, or that there is none; and each shows what it has drafted."""

    def shown(site: Site, draft: Draft) -> dict[str, Any]:
        seen = site.tracker.read(site.tracker.create(draft).id)
        return {id_: remembered(seen.fields[id_]) for id_ in draft.fields}

    @settings(max_examples=120, deadline=None)
    @given(summary=WORDS, labels=st.one_of(WORDS, st.lists(WORDS, max_size=6)))
    def agree(summary: str, labels: Any) -> None:
        drafts: dict[str, Draft | str] = {}
        for name, site in every.items():
            try:
                drafts[name] = site.tracker.draft(desired(summary=summary, labels=labels))
            except Rejected as fault:
                drafts[name] = f"{fault.cause} {fault.field}"
        first = drafts["memory"]
        assert all(draft == first for draft in drafts.values())
        if isinstance(first, Draft):
            sent = {id_: field.value for id_, field in first.fields.items()}
            assert {name: shown(site, first) for name, site in every.items()} == dict.fromkeys(
                every, sent
            )

    agree()


def test_a_ticket_goes_under_an_epic_and_is_set_free_again(site: Site) -> None:
    epic = site.make("coalesce:incident:1", issue_type=("Epic",))
    draft = site.tracker.draft(desired(KEY, parent=epic.key))
    (one,) = (field for field in draft.fields.values() if field.key == "fields.parent")
    ref = site.tracker.create(draft)
    assert site.tracker.read(ref.id).fields[one.id] == epic.key
    free = Change(one.id, one.name, one.kind, before=epic.key, after=None)
    site.tracker.update(ref, [free])
    assert site.tracker.read(ref.id).fields[one.id] is None
    site.tracker.update(ref, [replace(free, before=None, after=epic.key)])
    assert site.tracker.read(ref.id).fields[one.id] == epic.key
