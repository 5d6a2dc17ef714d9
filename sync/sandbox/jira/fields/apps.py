"""Field types of Jira's own apps, which take values in one form and show them in another.

A field's ``options`` are the teams, sprints and so on that it can hold.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from sync.sandbox.jira.fields import plain
from sync.sandbox.jira.fields.plain import array, string
from sync.sandbox.jira.site.call import Call
from sync.sandbox.jira.site.model import Option, Project, stamp
from sync.sandbox.jira.site.state import FieldDef, FieldType, Invalid, Site

WORKSPACE = "7b1c2e4a-0000-4000-8000-000000000001"
PORTAL = "help"
# The hash in the text of a Java object, which differs in each answer.
_hashes = itertools.count(0x1A2B3C)


def _with_id(options: Sequence[Option], wanted: object, why: str) -> Option:
    for one in options:
        if one.id == wanted:
            return one
    raise Invalid(why)


class Team(FieldType):
    """A team, given by id; Cloud shows an object, Data Center the id."""

    kind, custom = "any", "com.atlassian.teams:rm-teams-custom-field-team"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        return (
            _with_id(field.options, string(raw), f"Team id '{raw}' is not valid.") if raw else None
        )

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        if value is None or not site.cloud:
            return value and value.id
        shown = {"id": value.id, "name": value.value, "title": value.value}
        return {**shown, "avatarUrl": "", "isVisible": True, "isShared": True}

    def text(self, site: Site, value: Any) -> str:
        return value.value if value else ""


class Sprint(FieldType):
    """The sprints an issue was in: those that are closed, then the present one. Given by one number."""

    kind, items, custom = "array", "json", "com.pyxis.greenhopper.jira:gh-sprint"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise Invalid("Number value expected as the Sprint id.")
        found = _with_id(field.options, str(raw), f"Sprint with id {raw} does not exist.")
        if found.id in site.closed_sprints:
            raise Invalid("Issue can be assigned only active or future sprints.")
        return (found,)

    def kept(self, site: Site, before: Any, value: Any) -> Any:
        over = [one for one in before or () if one.id in site.closed_sprints]
        return (*over, *(value or ())) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        if not value:
            return None
        return [self._one(site, one) for one in value]

    def _one(self, site: Site, one: Option) -> Any:
        state = site.sprint_state(one.id)
        if site.cloud:
            return {"id": int(one.id), "name": one.value, "state": state, "boardId": 7, "goal": ""}
        members = (
            f"id={one.id},rapidViewId=7,state={state.upper()},name={one.value},"
            f"startDate=<null>,endDate=<null>,completeDate=<null>,activatedDate=<null>,"
            f"sequence={one.id},goal="
        )
        return f"com.atlassian.greenhopper.service.sprint.Sprint@{next(_hashes):x}[{members}]"

    def text(self, site: Site, value: Any) -> str:
        return ", ".join(one.value for one in value or ())


class EpicLink(FieldType):
    """The epic of an issue on Data Center, kept as numeric id; given and shown by key."""

    kind, custom = "any", "com.pyxis.greenhopper.jira:gh-epic-link"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if not isinstance(raw, str):
            raise Invalid("String value expected as the Epic Key.")
        issue = None if raw.isdigit() else site.visible(call, raw)
        if issue is None:
            raise Invalid(f"Issue with key '{raw}' does not exist.")
        if site.types[issue.type].level < 1:
            raise Invalid(f"Issue '{raw}' is not an Epic.")
        return issue.id

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return self.text(site, value) or None

    def text(self, site: Site, value: Any) -> str:
        return site.issues[value].key if value else ""


class EpicName(plain.Text):
    """The short name of an epic, which Data Center wants beside the summary."""

    custom = "com.pyxis.greenhopper.jira:gh-epic-label"


class RequestType(FieldType):
    """A request type: Cloud takes the id, Data Center the keys of portal and request type."""

    kind, custom = "sd-customerrequesttype", "com.atlassian.servicedesk:vp-origin"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if not project.service:
            raise Invalid("The request type is not valid for this project.")
        for one in field.options:
            if string(raw) == (one.id if site.cloud else self.key(one)):
                return one
        raise Invalid(f"Request type '{raw}' is not valid.")

    def key(self, one: Option) -> str:
        """How Data Center names a request type."""
        return f"{PORTAL}/{one.value.lower().replace(' ', '-')}"

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        if value is None:
            return None
        at = f"{call.base}/rest/servicedeskapi"
        return {
            "_links": {"self": f"{at}/request/1", "web": f"{call.base}/servicedesk/customer/1"},
            "requestType": {
                "_links": {"self": f"{at}/servicedesk/1/requesttype/{value.id}"},
                "id": value.id,
                "name": value.value,
                "description": "",
                "serviceDeskId": "1",
                "groupIds": ["1"],
            },
            "currentStatus": {
                "status": "Waiting for support",
                "statusDate": {"jira": stamp(call.now), "friendly": f"{call.now:.0f} s ago"},
            },
        }

    def text(self, site: Site, value: Any) -> str:
        return value.value if value else ""


class Organizations(FieldType):
    """Organizations of customers, given by number."""

    kind, items = "array", "sd-customerorganization"
    custom = "com.atlassian.servicedesk:sd-customer-organizations"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        for place, one in enumerate(array(raw)):
            if isinstance(one, bool) or not isinstance(one, int):
                raise Invalid(f"Operation value must be a number at array index {place}")
        chosen = {one: _with_id(field.options, str(one), "Organization not found.") for one in raw}
        return tuple(chosen.values()) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        at = f"{call.base}/rest/servicedeskapi/organization"
        rows = [
            {"id": one.id, "name": one.value, "_links": {"self": f"{at}/{one.id}"}}
            for one in reversed(value or ())
        ]
        return rows or None

    def text(self, site: Site, value: Any) -> str:
        return ", ".join(one.value for one in value or ())


class Assets(FieldType):
    """Objects of Assets: Cloud names them by workspace and object id."""

    kind, items = "array", "cmdb-object-field"
    custom = "com.atlassian.jira.plugins.cmdb:cmdb-object-cftype"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        chosen = []
        for one in array(raw):
            named = one.get("id") if isinstance(one, dict) else None
            id_ = str(named).removeprefix(f"{WORKSPACE}:") if named else ""
            chosen.append(_with_id(field.options, id_, f"Object {named} is not valid."))
        return tuple(dict.fromkeys(chosen)) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return [
            {"workspaceId": WORKSPACE, "id": f"{WORKSPACE}:{one.id}", "objectId": one.id}
            for one in reversed(value or ())
        ]

    def text(self, site: Site, value: Any) -> str:
        return ", ".join(one.value for one in value or ())


class Insight(Assets):
    """Objects of Assets on Data Center, named by key."""

    kind, items = "any", ""
    custom = "com.riadalabs.jira.plugins.insight:rlabs-customfield-default-object"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        keys = [one.get("key") if isinstance(one, dict) else None for one in array(raw)]
        chosen = [
            _with_id(field.options, str(key).removeprefix("CMDB-"), f"Object {key} is not valid.")
            for key in keys
        ]
        return tuple(dict.fromkeys(chosen)) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return [f"{one.value} (CMDB-{one.id})" for one in reversed(value or ())] or None
