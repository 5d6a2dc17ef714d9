"""Tickets of every tracker: made once, found, read, changed; or a fault that says what is so."""

from __future__ import annotations

from typing import Any

import pytest

from sync.domain.actions import Change, Comment
from sync.domain.errors import Cause, Missing, Refused, Rejected, Scope, TicketGone, Unknown
from sync.domain.rule import Category
from sync.domain.ticket import (
    FAMILY_LABEL,
    Document,
    FieldKind,
    Mark,
    TicketRef,
    marker_label,
    remembered,
)
from tests.adapters.jira.world import desired
from tests.contracts.trackers import LAG, Site

KEY = "coalesce:issue:1"
OURS = {FAMILY_LABEL, marker_label(KEY)}
NOWHERE = TicketRef("99999", "DATA-99999")


def changed(id_: str, after: Any) -> Change:
    kind = FieldKind.TEXT if id_ == "description" else FieldKind.PLAIN
    return Change(id_, id_.capitalize(), kind, before=None, after=after)


def relabelled(add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> Change:
    return Change("labels", "Labels", FieldKind.LABELS, None, None, add=add, remove=remove)


def found(site: Site, key: str = KEY) -> list[TicketRef]:
    site.pass_lag()
    return site.tracker.find(key)


def test_the_property_of_a_ticket_names_its_key_and_rule(site: Site) -> None:
    draft = site.tracker.draft(desired(KEY, summary="orders is stale"))
    mark = site.tracker.mark_of(site.tracker.create(draft))
    assert (mark.key, mark.rule) == (KEY, draft.desired.rule.name)
    assert site.tracker.mark_of(NOWHERE) == Mark()


def test_all_tickets_of_ours_are_listed_with_their_markers(site: Site) -> None:
    keys = [f"coalesce:issue:{number}" for number in range(3)]
    refs = [
        site.tracker.create(site.tracker.draft(desired(key, summary="orders is stale")))
        for key in keys
    ]
    site.pass_lag()
    found = list(site.tracker.changed_since(0.0))
    assert [one.ref for one in found] == refs
    assert [marker_label(key) in one.labels for key, one in zip(keys, found, strict=True)] == [
        True,
        True,
        True,
    ]


def test_what_is_made_shows_what_was_drafted(site: Site) -> None:
    draft = site.tracker.draft(
        desired(
            KEY,
            summary="orders is stale",
            description="No rows since 06:00.\n\nSee the runbook.",
            environment="",
            priority="High",
            labels=["data quality"],
            components=["Warehouse", "Ingestion"],
            due_date="2030-01-31",
        )
    )
    ref = site.tracker.create(draft)
    seen = site.tracker.read(ref.id)
    assert {id_: remembered(seen.fields[id_]) for id_ in draft.fields} == {
        id_: remembered(field.value) for id_, field in draft.fields.items()
    }
    assert (seen.ref, ref.project, seen.project, seen.issue_type) == (ref, "DATA", "DATA", "Bug")
    assert (seen.status.category, seen.resolution) == (Category.NEW, "")


def test_a_field_that_nobody_filled_shows_as_nothing(site: Site) -> None:
    fields = site.tracker.read(site.make().id).fields
    assert [fields[id_] for id_ in ("description", "duedate", "components", "assignee")] == (
        [None] * 4
    )


def test_a_create_call_that_goes_out_too_late_is_refused_and_makes_nothing(site: Site) -> None:
    draft = site.tracker.draft(desired(KEY))
    with pytest.raises(Refused):
        site.tracker.create(draft, not_after=site.clock.time() - 1)
    assert found(site) == []
    ref = site.tracker.create(draft, not_after=site.clock.time() + 60)
    assert found(site) == [ref]


def test_a_ticket_whose_create_reply_was_lost_is_found_by_its_marker(site: Site) -> None:
    draft = site.tracker.draft(desired(KEY))
    site.lose_reply_of_create()
    with pytest.raises(Unknown):
        site.tracker.create(draft)
    (ref,) = found(site)
    assert marker_label(KEY) in site.labels(ref)


def test_a_project_that_we_may_not_see_takes_no_ticket(site: Site) -> None:
    site.hide("OPS")
    with pytest.raises(Rejected) as caught:
        site.make(project="OPS")
    assert (caught.value.cause, caught.value.scope) == (Cause.PROJECT, Scope.PROJECT)


def test_a_search_finds_a_ticket_once_the_index_knows_it(site: Site) -> None:
    ref = site.make()
    assert site.tracker.index_lag == LAG
    assert site.tracker.find(KEY) == []
    assert found(site) == [ref]
    assert found(site, "coalesce:issue:2") == []
    assert found(site, 'x" OR project = DATA OR labels = "') == []


def test_a_search_finds_the_oldest_first(site: Site) -> None:
    assert [site.make(), site.make(), site.make()] == found(site)


def test_a_search_finds_neither_what_was_deleted_nor_what_we_may_not_see(site: Site) -> None:
    gone, hidden, there = site.make(), site.make(project="OPS"), site.make()
    site.delete(gone)
    site.hide("OPS")
    assert found(site) == [there]
    assert hidden not in found(site)


def test_a_ticket_without_its_marker_is_not_found(site: Site) -> None:
    ref = site.make()
    site.remove_label(ref, marker_label(KEY))
    assert found(site) == []


def test_to_make_sure_of_a_project_is_quiet_where_we_may_see_it(site: Site) -> None:
    site.tracker.verify("DATA")
    site.hide("DATA")
    with pytest.raises(Rejected) as caught:
        site.tracker.verify("DATA")
    assert caught.value.cause is Cause.PROJECT


@pytest.mark.parametrize("project", ["", "DATA"], ids=["project unknown", "project known"])
def test_a_ticket_that_is_not_there_is_gone(site: Site, project: str) -> None:
    ref = site.make()
    site.delete(ref)
    for one in (ref, NOWHERE):
        with pytest.raises(TicketGone):
            site.tracker.read(one.id, project)


def test_a_ticket_in_a_project_that_we_may_not_see_is_not_proven_gone(site: Site) -> None:
    ref = site.make()
    site.hide("DATA")
    with pytest.raises(Rejected) as caught:
        site.tracker.read(ref.id, "DATA")
    assert caught.value.cause is Cause.PROJECT


def test_a_moved_ticket_keeps_its_id_and_shows_its_new_key(site: Site) -> None:
    ref = site.make()
    moved = site.move(ref, "FLOW")
    seen = site.tracker.read(ref.id)
    assert (seen.ref, seen.project) == (moved, "FLOW")
    site.pass_lag()
    (shown,) = site.tracker.read_many([ref.id]).values()
    assert shown is not None
    assert shown.ref == moved


def test_tickets_are_read_in_bulk_and_those_that_are_gone_are_none(site: Site) -> None:
    gone, hidden, there = site.make(), site.make(project="OPS"), site.make(priority="High")
    site.delete(gone)
    site.hide("OPS")
    site.pass_lag()
    seen = site.tracker.read_many([gone.id, hidden.id, there.id, NOWHERE.id])
    assert {id_: one and one.ref for id_, one in seen.items()} == {
        gone.id: None,
        hidden.id: None,
        there.id: there,
        NOWHERE.id: None,
    }
    shown = seen[there.id]
    assert shown is not None
    assert (shown.fields["priority"], shown.hops) == ("High", ())
    assert site.tracker.read_many([]) == {}


def test_tickets_read_in_bulk_by_key_are_answered_by_id(site: Site) -> None:
    ref = site.make()
    site.pass_lag()
    shown = site.tracker.read_many([ref.key])[ref.id]
    assert shown is not None
    assert shown.ref == ref


def test_a_ticket_is_read_in_bulk_as_soon_as_it_is_made(site: Site) -> None:
    ref = site.make()
    assert site.tracker.read_many([ref.id])[ref.id] is not None


def test_tickets_of_ours_that_changed_are_told_with_their_labels(site: Site) -> None:
    since = site.clock.time()
    ref, theirs = site.make(), site.make_by_hand("DATA", "not ours", "urgent")
    site.pass_lag()
    before = {one.ref: one for one in site.tracker.changed_since(since)}
    assert set(before[ref].labels) == OURS
    assert theirs not in before
    site.add_label(ref, "urgent")
    site.pass_lag()
    after = {one.ref: one for one in site.tracker.changed_since(since)}
    assert set(after[ref].labels) == {*OURS, "urgent"}
    assert after[ref].updated != before[ref].updated


def test_only_what_changed_since_is_told(site: Site) -> None:
    site.make()
    site.clock.sleep(7200)
    since, new = site.clock.time(), site.make("coalesce:issue:2")
    site.pass_lag()
    assert [one.ref for one in site.tracker.changed_since(since)] == [new]


def test_tickets_are_found_by_a_label_of_a_persons(site: Site) -> None:
    ref, other = site.make_by_hand("DATA", "one", "legacy"), site.make_by_hand("OPS", "two", "x")
    site.pass_lag()
    assert [one.ref for one in site.tracker.matching('labels = "legacy"')] == [ref]
    assert [one.ref for one in site.tracker.matching('labels = "x" ORDER BY created')] == [other]
    assert list(site.tracker.matching('labels = "nobody-has-it"')) == []


def test_a_query_that_is_none_is_rejected(site: Site) -> None:
    with pytest.raises(Rejected):
        list(site.tracker.matching("projekt = ="))


def test_any_query_of_jql_is_understood(site: Site) -> None:
    ref = site.make_by_hand("OPS", "by hand")
    site.pass_lag()
    query = 'project = OPS AND status = "Open"'
    assert [one.ref for one in site.tracker.matching(query)] == [ref]


def test_an_update_takes_a_comment_along(site: Site) -> None:
    ref = site.make()
    assert site.tracker.read(ref.id).comment_along
    comment = Comment("It is **worse**.", "worse@2")
    site.tracker.update(ref, [changed("summary", "worse")], comment)
    assert site.tracker.read(ref.id).fields["summary"] == "worse"
    assert site.tracker.find_comment(ref, "worse@2")
    assert site.tracker.find_comment(ref, "worse@3") == ""


def test_labels_are_added_and_taken_off_and_those_of_people_stay(site: Site) -> None:
    ref = site.make(labels=["ours", "old"])
    site.add_label(ref, "theirs")
    site.tracker.update(ref, [relabelled(add=("new", "ours"), remove=("old", "never-there"))])
    assert site.labels(ref) == {*OURS, "ours", "theirs", "new"}


def test_several_fields_are_written_and_emptied_at_once(site: Site) -> None:
    ref = site.make(description="Before.", due_date="2030-01-31", components=["Warehouse"])
    draft = site.tracker.draft(desired(KEY, summary="orders is back", description="After."))
    site.tracker.update(
        ref,
        [
            changed("summary", draft.fields["summary"].value),
            changed("description", draft.fields["description"].value),
            changed("priority", "Low"),
            changed("duedate", None),
            changed("components", None),
            relabelled(add=("seen",)),
        ],
    )
    fields = site.tracker.read(ref.id).fields
    assert {id_: remembered(fields[id_]) for id_ in ("summary", "description", "priority")} == {
        "summary": "orders is back",
        "description": ["After."],
        "priority": "Low",
    }
    assert (fields["duedate"], fields["components"]) == (None, None)
    assert site.labels(ref) == {*OURS, "seen"}


def test_a_text_is_emptied(site: Site) -> None:
    ref = site.make(description="Before.")
    site.tracker.update(ref, [changed("description", None)])
    assert site.tracker.read(ref.id).fields["description"] is None


def test_blocks_that_were_read_go_back_as_they_were(site: Site) -> None:
    theirs = site.make(description="A person wrote this.\n\nAnd this.")
    read = site.tracker.read(theirs.id).fields["description"]
    ours = site.tracker.draft(desired(KEY, description="Our words.")).fields["description"].value
    joined = Document((read.blocks[0], *ours.blocks, read.blocks[1]))
    site.tracker.update(theirs, [changed("description", joined)])
    assert site.tracker.read(theirs.id).fields["description"].identities == (
        "A person wrote this.",
        "Our words.",
        "And this.",
    )


def test_a_field_that_is_not_there_cannot_be_written(site: Site) -> None:
    with pytest.raises(Rejected) as caught:
        site.tracker.update(site.make(), [changed("customfield_99999", "x")])
    assert (caught.value.cause, caught.value.field) == (Cause.FIELD, "customfield_99999")


@pytest.mark.parametrize("how", ["deleted", "never there", "not visible"])
def test_a_ticket_that_is_not_there_cannot_be_changed(site: Site, how: str) -> None:
    ref = NOWHERE if how == "never there" else site.make()
    if how == "deleted":
        site.delete(ref)
    if how == "not visible":
        site.hide("DATA")
    with pytest.raises(Missing):
        site.tracker.update(ref, [changed("summary", "x")])


def test_the_address_of_a_ticket_is_its_key_below_the_site(site: Site) -> None:
    assert site.tracker.browse_url("DATA-7").endswith("/browse/DATA-7")


def test_a_field_is_known_by_its_name_and_its_id(site: Site) -> None:
    assert site.tracker.field_id("summary") == "summary"
    with pytest.raises(Rejected, match="no field 'Sumary'") as fault:
        site.tracker.field_id("Sumary")
    assert fault.value.cause is Cause.FIELD
