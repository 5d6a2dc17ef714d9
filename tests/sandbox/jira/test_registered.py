"""Webhooks are registered by administrators, at a path and in fields that depend on the version."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.jira.conftest import Site
from tests.sandbox.jira.hooks import URL, Receiver, as_admin

OLD, NEW = "webhooks/1.0/webhook", "jira-webhook/1.0/webhooks"
FLAT: dict[str, Any] = {
    "name": "ticket-sync",
    "url": URL,
    "events": ["jira:issue_created", "jira:issue_updated"],
    "filters": {"issue-related-events-section": "project = DATA"},
    "excludeBody": False,
    "secret": "s3",
}
CONFIGURED: dict[str, Any] = {
    "name": "ticket-sync",
    "url": URL,
    "events": ["jira:issue_created", "jira:issue_updated"],
    "configuration": {
        "FILTERS": json.dumps({"issue-related-events-section": "project = DATA"}),
        "EXCLUDE_BODY": "false",
        "SECRET": "s3",
    },
}


def older(site: Site) -> Site:
    """A Data Center 9."""
    site.sandbox.site.version = "9.12.17"
    return site


def signed(site: Site) -> list[bool]:
    """Whether the deliveries of an issue that is made now are signed."""
    came = Receiver(site)
    site.create("DATA")
    site.create("OPS")
    came.sender.pump()
    return ["X-Hub-Signature" in headers for _, _, headers, _ in came.came]


def test_a_webhook_of_cloud_is_made_listed_changed_and_deleted(cloud: Site) -> None:
    made = as_admin(cloud, "POST", OLD, FLAT)
    assert (made.status, made.data["isSigned"], made.data["enabled"]) == (201, True, True)
    number = made.data["self"].rpartition("/")[2]
    [listed] = as_admin(cloud, "GET", OLD).data
    assert listed == as_admin(cloud, "GET", f"{OLD}/{number}").data
    assert {key: listed[key] for key in FLAT if key != "secret"} == {
        key: value for key, value in FLAT.items() if key != "secret"
    }
    assert "s3" not in json.dumps(listed)
    assert signed(cloud) == [True]
    changed = as_admin(cloud, "PUT", f"{OLD}/{number}", {"filters": {}})
    assert (changed.status, changed.data["filters"], changed.data["isSigned"]) == (200, {}, True)
    assert signed(cloud) == [True, True]
    assert as_admin(cloud, "DELETE", f"{OLD}/{number}").status == 204
    assert as_admin(cloud, "GET", OLD).data == []
    assert as_admin(cloud, "GET", f"{OLD}/{number}").status == 404
    assert signed(cloud) == []


def test_data_center_10_has_another_path_and_keeps_the_secret_in_its_configuration(
    server: Site,
) -> None:
    assert as_admin(server, "GET", OLD).status == 404
    made = as_admin(server, "POST", NEW, CONFIGURED)
    assert (made.status, made.data["active"]) == (201, True)
    [listed] = as_admin(server, "GET", NEW).data
    assert listed["configuration"]["EXCLUDE_BODY"] == "false"
    assert json.loads(listed["configuration"]["FILTERS"]) == FLAT["filters"]
    assert "s3" not in json.dumps(listed)
    assert signed(server) == [True]
    off = as_admin(server, "PUT", f"{NEW}/{listed['id']}", {"active": "false"})
    assert (off.data["active"], signed(server)) == (False, [])


def test_a_top_level_secret_and_filter_mean_nothing_to_data_center_10(server: Site) -> None:
    assert as_admin(server, "POST", NEW, FLAT).status == 201
    assert signed(server) == [False, False]


def test_data_center_9_has_the_old_path_and_signs_nothing(server: Site) -> None:
    site = older(server)
    assert as_admin(site, "GET", NEW).status == 404
    made = as_admin(site, "POST", OLD, FLAT)
    assert (made.status, "isSigned" in made.data) == (201, False)
    assert signed(site) == [False]
    assert site.call("GET", "serverInfo").data["versionNumbers"] == [9, 12, 17]


@pytest.mark.parametrize("token, status", [("sandbox-token", 403), ("", 401), ("wrong", 401)])
def test_nobody_but_an_administrator_sees_webhooks(site: Site, token: str, status: int) -> None:
    path = OLD if site.cloud else NEW
    assert as_admin(site, "GET", path, token=token).status == status
    assert as_admin(site, "POST", path, FLAT, token=token).status == status


def test_the_daemons_account_may_be_made_an_administrator(site: Site) -> None:
    path = OLD if site.cloud else NEW
    asked = "permissions=ADMINISTER"

    def administers() -> bool:
        shown = site.call("GET", "mypermissions", query=asked).data
        return bool(shown["permissions"]["ADMINISTER"]["havePermission"])

    assert not administers()
    site.sandbox.make_administrator()
    assert administers()
    assert as_admin(site, "GET", path, token="sandbox-token").status == 200


def test_a_token_with_scopes_reaches_webhooks_by_its_own_scope_alone(cloud: Site) -> None:
    cloud.sandbox.make_administrator()
    cloud.sandbox.limit_scopes("read:jira-work", "write:jira-work", "read:jira-user")
    assert as_admin(cloud, "GET", OLD, token="sandbox-token").status == 401


@pytest.mark.parametrize(
    "broken",
    [
        {"name": "", "url": URL},
        {"name": "x"},
        {**FLAT, "events": "jira:issue_created"},
        {**FLAT, "events": ["jira:issue_exploded"]},
        {**FLAT, "filters": {"issue-related-events-section": "project = "}},
        {**FLAT, "filters": []},
    ],
)
def test_what_is_no_webhook_is_refused(cloud: Site, broken: dict[str, Any]) -> None:
    assert as_admin(cloud, "POST", OLD, broken).status == 400
    assert as_admin(cloud, "GET", OLD).data == []


def test_rules_of_automation_are_not_listed(site: Site) -> None:
    site.sandbox.add_webhook(URL, form="jira")
    assert as_admin(site, "GET", OLD if site.cloud else NEW).data == []


_KEYS = (*FLAT, *CONFIGURED["configuration"], "configuration", "issue-related-events-section")
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "project = ", "{", URL]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_KEYS), inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    body=st.dictionaries(st.sampled_from(_KEYS), _VALUES), version=st.sampled_from(["", "9", "10"])
)
def test_no_body_of_a_webhook_breaks_the_site(body: dict[str, Any], version: str) -> None:
    site = Site("datacenter" if version else "cloud")
    site.sandbox.site.version = f"{version or 10}.0.0"
    path = NEW if version == "10" else OLD
    made = as_admin(site, "POST", path, {"name": "x", "url": URL, **body})
    changed = as_admin(site, "PUT", f"{path}/10001", body)
    assert {made.status, changed.status} <= {200, 201, 400, 404}
    site.create()
    assert as_admin(site, "GET", path).status == 200
