"""A value has one canonical form, whether a rule gives it, it is sent, or Jira shows it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.adapters.jira.fields.apps import ids_of, steady
from sync.adapters.jira.fields.field import FieldInfo, Shape, field_info
from sync.adapters.jira.fields.people import Account
from sync.adapters.jira.fields.values import Values
from sync.adapters.jira.fields.wire import decode, encode
from sync.domain.errors import Rejected

CLOUD = pytest.mark.parametrize("cloud", [True, False], ids=["cloud", "datacenter"])
numbers = st.integers(1, 10**12).map(str)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=20)
hashes = st.integers(1, 2**32).map(lambda n: f"{n:x}")
labels = words.map(lambda text: f"{text} [id=1],state=CLOSED,id=2,({text})")


def canonical(shape: Shape, value: Any, cloud: bool) -> Any:
    return Values(cloud, lambda wished, field: Account(wished)).canonical(info(shape), value)


def info(shape: Shape) -> FieldInfo:
    return FieldInfo("customfield_1", "A field", shape)


def sent(shape: Shape, value: Any, cloud: bool) -> Any:
    return encode({"customfield_1": value}, {"customfield_1": info(shape)}, cloud)["customfield_1"]


def shown(shape: Shape, raw: Any, cloud: bool) -> Any:
    return decode({"customfield_1": raw}, {"customfield_1": info(shape)}, cloud)["customfield_1"]


@st.composite
def sprints(draw: st.DrawFn, cloud: bool, *, closed: bool | None = None) -> tuple[str, Any]:
    """A sprint: its number, and how Jira shows it."""
    number, name = draw(numbers), draw(labels)
    over = draw(st.booleans()) if closed is None else closed
    if cloud:
        state = "closed" if over else draw(st.sampled_from(["active", "future"]))
        return number, {"name": name, "id": int(number), "state": state, "boardId": 3}
    state = "CLOSED" if over else draw(st.sampled_from(["ACTIVE", "FUTURE"]))
    inner = f"rapidViewId=58,state={state},name={name},startDate=<null>,sequence=48"
    members = draw(st.sampled_from([f"id={number},{inner},goal=a,b", f"{inner},id={number}"]))
    return number, f"com.atlassian.greenhopper.service.sprint.Sprint@{draw(hashes)}[{members}]"


@CLOUD
@settings(deadline=None)
@given(data=st.data())
def test_a_sprint_is_its_number_in_every_form(cloud: bool, data: st.DataObject) -> None:
    past = data.draw(st.lists(sprints(cloud, closed=True), max_size=3))
    number, now = data.draw(sprints(cloud, closed=False))
    place = data.draw(st.integers(0, len(past)))
    rows = [row for _, row in past]
    rows.insert(place, now)
    for wish in (number, int(number), f" {number} ", {"id": int(number)}):
        assert canonical(Shape.SPRINT, wish, cloud) == number
    assert shown(Shape.SPRINT, rows, cloud) == number
    assert ids_of(Shape.SPRINT, sent(Shape.SPRINT, number, cloud)) == number
    if past:
        # A ticket whose last sprint is over stays in it.
        assert shown(Shape.SPRINT, [row for _, row in past], cloud) == past[-1][0]


@CLOUD
@settings(deadline=None)
@given(members=st.dictionaries(numbers, words, max_size=5), data=st.data())
def test_organizations_are_their_numbers_in_every_form(
    cloud: bool, members: dict[str, str], data: st.DataObject
) -> None:
    wish = sorted(members) or None
    rows = [{"id": id_, "name": name, "_links": {}} for id_, name in members.items()]
    rows = data.draw(st.permutations(rows))
    assert shown(Shape.ORGANIZATIONS, rows, cloud) == wish
    for form in (list(members), [int(id_) for id_ in members], ", ".join(members), rows):
        assert canonical(Shape.ORGANIZATIONS, form, cloud) == wish
    there = sent(Shape.ORGANIZATIONS, wish, cloud)
    assert all(type(one) is int for one in there)
    assert ids_of(Shape.ORGANIZATIONS, there) == wish


@CLOUD
@settings(deadline=None)
@given(members=st.dictionaries(numbers, labels, max_size=5), data=st.data())
def test_assets_are_their_ids_in_every_form(
    cloud: bool, members: dict[str, str], data: st.DataObject
) -> None:
    name = "ws-1:{}" if cloud else "IT_2-{}"
    wish = sorted(name.format(id_) for id_ in members) or None
    rows: list[Any] = [
        {"workspaceId": "ws-1", "objectId": id_, **({"id": f"ws-1:{id_}"} if "7" in id_ else {})}
        if cloud
        else f"{label} (IT_2-{id_})"
        for id_, label in members.items()
    ]
    rows = data.draw(st.permutations(rows))
    assert shown(Shape.ASSETS, rows, cloud) == wish
    for form in (wish, ",".join(wish or ()), sent(Shape.ASSETS, wish, cloud), rows):
        assert canonical(Shape.ASSETS, form, cloud) == wish


@CLOUD
@settings(deadline=None)
@given(id_=st.uuids().map(str), name=words)
def test_a_team_is_its_id_in_every_form(cloud: bool, id_: str, name: str) -> None:
    for raw in (id_, {"name": name, "title": name, "id": id_, "isShared": True}):
        assert shown(Shape.TEAM, raw, cloud) == canonical(Shape.TEAM, raw, cloud) == id_
    assert sent(Shape.TEAM, id_, cloud) == id_


@settings(deadline=None)
@given(id_=numbers, name=words, friendly=words)
def test_a_request_type_is_its_id_in_every_form(id_: str, name: str, friendly: str) -> None:
    raw = {
        "_links": {"self": "https://jira.example.com"},
        "requestType": {"name": name, "id": id_, "_links": {"self": name}},
        "currentStatus": {"status": name, "statusDate": {"friendly": friendly}},
    }
    assert shown(Shape.REQUEST_TYPE, raw, True) == id_
    assert canonical(Shape.REQUEST_TYPE, int(id_), True) == canonical(Shape.REQUEST_TYPE, raw, True)
    assert sent(Shape.REQUEST_TYPE, id_, True) == id_


@pytest.mark.parametrize(
    ("shape", "value", "cloud"),
    [
        (Shape.SPRINT, "Sprint 7", True),
        (Shape.ORGANIZATIONS, ["Acme"], False),
        (Shape.ASSETS, "Orders", True),
        (Shape.ASSETS, "Orders", False),
        (Shape.REQUEST_TYPE, "Ask for data", True),
        (Shape.REQUEST_TYPE, "Ask for data", False),
        (Shape.EPIC_LINK, "The epic", False),
        (Shape.TEAM, "The team", True),
    ],
)
def test_a_name_is_no_id_and_the_rule_is_told_what_to_write(
    shape: Shape, value: Any, cloud: bool
) -> None:
    with pytest.raises(Rejected) as caught:
        canonical(shape, value, cloud)
    assert caught.value.remedy


@settings(deadline=None)
@given(kind=st.sampled_from(["a.b.C", "Thing$1"]), members=words, one=hashes, other=hashes)
def test_what_an_unknown_app_shows_is_the_same_at_each_look(
    kind: str, members: str, one: str, other: str
) -> None:
    first, second = (f"{kind}@{hash_}[{members}]" for hash_ in (one, other))
    assert steady(first) == steady(second)
    assert shown(Shape.OTHER, [first], False) == shown(Shape.OTHER, [second], False)
    assert shown(Shape.LINE, first, False) == first


names = st.text("AB> 1", min_size=1, max_size=5).filter(lambda name: name.strip(" >"))
trees = st.lists(st.tuples(names, st.lists(names, max_size=3)), min_size=1, max_size=4)


@settings(deadline=None)
@given(tree=trees, data=st.data())
def test_a_cascade_is_read_as_it_was_sent_whatever_its_options_are_called(
    tree: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    allowed: list[dict[str, Any]] = []
    for place, (name, children) in enumerate(tree):
        below = [{"id": f"{place}{n}", "value": child} for n, child in enumerate(children)]
        allowed.append({"id": f"{place + 100}", "value": name, "children": below})
    schema = {"type": "option-with-child", "custom": "x:cascadingselect"}
    field = field_info("customfield_1", {"schema": schema, "allowedValues": allowed})
    parent = data.draw(st.sampled_from(allowed))
    child = data.draw(st.sampled_from([None, *parent["children"]]))
    wish = [parent["id"], *([child["id"]] if child else [])]
    values = Values(True, lambda wished, name: Account(wished))
    made = values.canonical(field, wish)
    infos = {"customfield_1": field}
    given_ids = {"id": parent["id"], **({"child": {"id": child["id"]}} if child else {})}
    assert encode({"customfield_1": made}, infos, True)["customfield_1"] == given_ids
    raw = {"value": parent["value"], "id": parent["id"], **({"child": child} if child else {})}
    assert decode({"customfield_1": raw}, infos, True)["customfield_1"] == str(made)
