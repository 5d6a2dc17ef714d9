"""What Jira shows of a ticket, in the domain's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.adapters.jira.fields.field import FieldInfo, field_info
from sync.adapters.jira.fields.metadata import Metadata
from sync.adapters.jira.fields.wire import decode
from sync.domain.errors import Refused
from sync.domain.rule import Category
from sync.domain.ticket import Hop, JiraStatus, Observed, ScreenField, TicketRef

# Always read, beside the fields that drafts have met.
_BESIDES = ("project", "issuetype", "status", "resolution", "updated")


def wanted_fields(metadata: Metadata) -> list[str]:
    """The ids of the fields to read."""
    return sorted({*metadata.met(), *_BESIDES})


def ref_of(raw: Any, what: str) -> TicketRef:
    """Id and key of an issue. Raises Refused where there are none."""
    if isinstance(raw, Mapping) and raw.get("id") and raw.get("key"):
        return TicketRef(str(raw["id"]), str(raw["key"]))
    raise Refused(f"{what}: the answer is not what Jira says")


def status_of(raw: Mapping[str, Any]) -> JiraStatus:
    category = str((raw.get("statusCategory") or {}).get("key", ""))
    known = {c.value: c for c in Category}
    return JiraStatus(
        str(raw.get("id", "")), str(raw.get("name", "")), known.get(category, Category.NEW)
    )


def _screen(infos: Mapping[str, FieldInfo]) -> dict[str, ScreenField]:
    return {
        id_: ScreenField(
            id=id_,
            name=info.name,
            required=info.required,
            has_default=info.has_default,
            allowed=tuple(value.name for value in info.allowed or ()),
        )
        for id_, info in infos.items()
    }


def hop_of(raw: Mapping[str, Any]) -> tuple[Hop, dict[str, FieldInfo]]:
    """A transition, and its screen's fields as the adapter needs them."""
    infos = {
        str(id_): field_info(str(id_), field)
        for id_, field in (raw.get("fields") or {}).items()
        if isinstance(field, Mapping)
    }
    hop = Hop(
        id=str(raw.get("id", "")),
        name=str(raw.get("name", "")),
        to=status_of(raw.get("to") or {}),
        fields=_screen(infos),
    )
    return hop, infos


def observed(raw: Any, metadata: Metadata, cloud: bool, what: str) -> Observed:
    """A ticket from an issue as Jira gives it. Raises Refused where it is none."""
    ref = ref_of(raw, what)
    fields = raw.get("fields")
    if not isinstance(fields, Mapping) or not isinstance(fields.get("status"), Mapping):
        raise Refused(f"{what}: the answer is not what Jira says")
    hops: list[Hop] = []
    met = metadata.met()
    for transition in raw.get("transitions") or []:
        if isinstance(transition, Mapping):
            hop, infos = hop_of(transition)
            hops.append(hop)
            for id_, info in infos.items():
                if id_ not in met:
                    metadata.meet(info)
    return Observed(
        ref=ref,
        project=str((fields.get("project") or {}).get("key", "")),
        issue_type=str((fields.get("issuetype") or {}).get("name", "")),
        status=status_of(fields["status"]),
        resolution=str((fields.get("resolution") or {}).get("name", "")),
        fields={
            id_: decode(met.get(id_), value, cloud)
            for id_, value in fields.items()
            if id_ not in _BESIDES
        },
        hops=tuple(hops),
        updated=str(fields.get("updated") or ""),
    )
