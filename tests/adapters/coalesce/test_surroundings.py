"""Impact and owners, as the API tells them: asked of the simulated API, and read from odd answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sync.adapters.coalesce.api.surroundings import emails_of, identifier_sent, impact_of
from sync.adapters.coalesce.message.entities import identifier
from sync.domain.errors import Cause, Refused, Rejected
from sync.domain.surroundings import Impact
from sync.sandbox.coalesce.inventory import ASSETS
from tests.adapters.coalesce.served import Upstream, serving

BY_NAME = {asset.name: asset for asset in ASSETS}


@pytest.fixture(scope="module")
def shared() -> Iterator[Upstream]:
    with serving() as upstream:
        yield upstream


def of(*names: str) -> list[dict[str, Any]]:
    return [identifier(BY_NAME[name].identifier) for name in names]


def test_the_impact_of_a_table_is_all_that_is_made_of_it(shared: Upstream) -> None:
    found = shared.api.impact(of("ANALYTICS.SALES.ORDERS"))
    assert [(one.priority, one.title, one.downstream) for one in found.products] == [
        ("P1", "Revenue", True),
        ("P3", "Order desk", False),
    ]
    assert found.product_priority == "P1"
    assert found.owners == ("Sales data", "Finance data")
    assert (found.groups, found.count) == ((("dbt models", 2),), 2)


def test_the_impact_of_several_is_asked_in_one_call_and_that_of_strangers_is_none(
    shared: Upstream,
) -> None:
    before = shared.rest.asked["POST /api/impact/v1"]
    both = shared.api.impact(of("ads.campaign_costs", "ANALYTICS.SALES.CUSTOMERS"))
    assert [one.title for one in both.products] == ["Revenue", "Churn"]
    assert shared.rest.asked["POST /api/impact/v1"] == before + 1
    monitor = {"platform": "monitor", "monitor_id": "m1", "monitored_id": of("mart_churn")[0]}
    assert shared.api.impact([monitor]) == Impact()
    assert shared.api.impact(of("ads.campaign_costs")) == Impact(owners=("Growth analytics",))


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: str(asset.name))
def test_an_identifier_goes_out_as_it_came(asset: Any) -> None:
    assert identifier_sent(identifier(asset.identifier)) == asset.identifier


def test_owners_are_found_with_and_without_the_prefix_of_their_ids(shared: Upstream) -> None:
    ids = ["team-sales-data", "owner-team-growth", "team-platform", "owner-nobody"]
    assert shared.api.owner_emails(ids) == {
        "team-sales-data": ("sales-data@example.com", "sales-lead@example.com"),
        "owner-team-growth": ("growth@example.com",),
    }
    assert shared.api.owner_emails([]) == {}


@pytest.mark.parametrize(
    ("lost", "call", "named"),
    [
        ("lineage:read", "impact", "ENTITY_READ and LINEAGE_READ"),
        ("entities:read", "impact", "ENTITY_READ and LINEAGE_READ"),
        ("owners:read", "owner_emails", "OWNERS_READ"),
    ],
)
def test_a_missing_scope_is_named(shared: Upstream, lost: str, call: str, named: str) -> None:
    shared.rest.scopes.discard(lost)
    try:
        with pytest.raises(Rejected) as caught:
            getattr(shared.api, call)(of("mart_churn") if call == "impact" else ["team-growth"])
    finally:
        shared.rest.scopes.add(lost)
    assert caught.value.cause is Cause.PERMISSION
    assert named in caught.value.remedy


def test_a_server_that_fails_is_a_fault_for_now(shared: Upstream) -> None:
    shared.rest.failing = 10
    try:
        with pytest.raises(Refused):
            shared.api.impact(of("mart_churn"))
    finally:
        shared.rest.failing = 0


@pytest.mark.parametrize(
    ("priority", "told"),
    [
        ("P2", "P2"),
        ("PRIORITY_P1", "P1"),
        (3, "P3"),
        ("", ""),
        ("PRIORITY_UNSPECIFIED", ""),
        ([], ""),
    ],
)
def test_a_priority_may_come_in_any_form(priority: Any, told: str) -> None:
    answer = {"downstream_dataproducts": [{"title": "a", "priority": priority}]}
    assert impact_of(answer).product_priority == told


def test_the_highest_priority_is_the_lowest_number() -> None:
    products = [{"title": t, "priority": p} for t, p in (("a", ""), ("b", "P10"), ("c", "P2"))]
    found = impact_of({"dataproducts": products})
    assert [one.title for one in found.products] == ["c", "b", "a"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"entities": None, "dataproducts": [None, 1, {}], "owners": "x", "downstreamOwners": [[]]},
        {"downstreamEntities": [{"name": "n"}, {"ids": []}, {"name": 1, "ids": None}, "x"]},
    ],
)
def test_an_empty_or_odd_answer_is_no_impact(answer: Any) -> None:
    assert impact_of(answer) == Impact()


def test_an_entity_in_two_groups_counts_once() -> None:
    one, two = {"custom": {"id": "1"}}, {"custom": {"id": "2"}}
    groups = [{"name": "a", "ids": [one, two]}, {"name": "b", "ids": [two]}]
    found = impact_of({"downstreamEntities": groups})
    assert (found.groups, found.count) == ((("a", 2), ("b", 1)), 2)


def test_odd_contacts_are_left_out() -> None:
    contacts = [{"email": {"recipientEmails": ["a@example.com", 1, "nobody", "a@example.com"]}}, 7]
    owners = {"owner-x": {"contacts": contacts}, "y": {}, "z": None}
    assert emails_of({"owners": owners}) == {"x": ("a@example.com",)}
