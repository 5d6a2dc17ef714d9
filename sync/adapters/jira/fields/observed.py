"""What Jira shows of a ticket, in the domain's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.jira.calls.request import records, unexpected
from sync.adapters.jira.fields.field import STANDARD, FieldInfo, field_info, name_of
from sync.adapters.jira.fields.history import person_of
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.fields.wire import decode
from sync.domain.history import Person
from sync.domain.names import Name
from sync.domain.rule import Category
from sync.domain.ticket import Hop, JiraStatus, Observed, ScreenField, TicketRef

# Read with every ticket, in addition to the fields that ``Metadata`` has learned.
_ALWAYS = ("project", "issuetype", "status", "resolution", "updated")
_CATEGORIES = {category.value: category for category in Category}


def wanted_fields(metadata: Metadata) -> list[str]:
    """The ids of the fields to read."""
    return sorted({*metadata.learned(), *_ALWAYS})


def ref_of(raw: Any, what: str) -> TicketRef:
    """Id and key of an issue. Raises Refused where there are none."""
    if isinstance(raw, Mapping) and raw.get("id") and raw.get("key"):
        return TicketRef(str(raw["id"]), str(raw["key"]))
    raise unexpected(what)


def status_of(raw: Mapping[str, Any]) -> JiraStatus:
    category = str((raw.get("statusCategory") or {}).get("key", ""))
    return JiraStatus(str(raw.get("id", "")), name_of(raw), _CATEGORIES.get(category, Category.NEW))


def hop_of(raw: Mapping[str, Any]) -> tuple[Hop, dict[str, FieldInfo]]:
    """A transition, and the fields of its screen by id."""
    infos = _infos(raw)
    screen = {id_: _on_screen(info) for id_, info in infos.items()}
    to = status_of(raw.get("to") or {})
    return Hop(str(raw.get("id", "")), name_of(raw), to, screen, _comment_along(raw)), infos


# What ``editmeta`` and a transition's screen list beside fields, and a ticket with its history shows.
_COMMENT = "comment"


def _infos(raw: Mapping[str, Any]) -> dict[str, FieldInfo]:
    """The fields of a screen, by id."""
    return {
        str(id_): field_info(str(id_), field)
        for id_, field in (raw.get("fields") or {}).items()
        if isinstance(field, Mapping)
    }


def _on_screen(info: FieldInfo) -> ScreenField:
    return ScreenField(
        id=info.id,
        name=info.name,
        required=info.required,
        has_default=info.has_default,
        allowed=tuple(info.told_apart(value.name) for value in info.allowed or ()),
    )


def _edit_screen(raw: Any) -> dict[str, ScreenField] | None:
    """The fields that ``editmeta`` lists; None where Jira's answer has no ``editmeta``."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("fields"), Mapping):
        return None
    screen = {id_: _on_screen(info) for id_, info in _infos(raw).items() if id_ != _COMMENT}
    if screen:
        # Jira takes a parent also where no screen has the field.
        screen.setdefault("parent", _on_screen(STANDARD["parent"]))
    return screen


def _comment_along(raw: Any) -> bool:
    """Whether ``editmeta`` or a transition lists the verb by which it adds a comment."""
    fields = raw.get("fields") if isinstance(raw, Mapping) else None
    described = fields.get(_COMMENT) if isinstance(fields, Mapping) else None
    return isinstance(described, Mapping) and "add" in (described.get("operations") or ())


def _named(fields: Mapping[str, Any], id_: str) -> Name:
    return name_of(fields.get(id_) or {})


def _assignee(fields: Mapping[str, Any], cloud: bool) -> Person | None:
    return person_of(fields["assignee"], cloud) if fields.get("assignee") else None


def observed(raw: Any, metadata: Metadata, cloud: bool, what: str) -> Observed:
    """A ticket from an issue as Jira gives it. Raises Refused where ``raw`` is no issue."""
    ref = ref_of(raw, what)
    fields = raw.get("fields")
    if not isinstance(fields, Mapping) or not isinstance(fields.get("status"), Mapping):
        raise unexpected(what)
    infos = metadata.learned()
    hops = [hop_of(transition) for transition in records(raw.get("transitions"))]
    metadata.learn(i for _, screen in hops for i in screen.values() if i.id not in infos)
    ours = {id_: value for id_, value in fields.items() if id_ not in (*_ALWAYS, _COMMENT)}
    return Observed(
        ref=ref,
        project=str((fields.get("project") or {}).get("key", "")),
        issue_type=_named(fields, "issuetype"),
        status=status_of(fields["status"]),
        resolution=_named(fields, "resolution"),
        fields=decode(ours, infos, cloud),
        hops=tuple(hop for hop, _ in hops),
        updated=str(fields.get("updated") or ""),
        edit_screen=_edit_screen(raw.get("editmeta")),
        comment_along=_comment_along(raw.get("editmeta")),
        assignee=_assignee(fields, cloud),
    )
