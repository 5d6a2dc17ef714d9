"""A draft without a site: what can be said of a ticket's fields by knowing only the dialect.

Names of custom fields, users and allowed values stay as the rule gives them; `check` resolves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.adapters.jira.calls.site import JiraSite
from sync.adapters.jira.fields.field import FieldInfo, Shape, standard_field
from sync.adapters.jira.fields.values import Values
from sync.adapters.jira.fields.wire import encode
from sync.domain.errors import Rejected
from sync.domain.rule import Desired
from sync.domain.ticket import marked
from sync.domain.ticket_text import is_empty


@dataclass(frozen=True, slots=True)
class SketchedField:
    """One field. ``value`` is what goes to Jira, ``shown`` the same for people (Markdown of rich text);
    ``note`` says what the site has still to resolve, ``problem`` why Jira would not take it."""

    id: str
    name: str
    value: Any
    shown: str
    note: str = ""
    problem: str = ""


def speaks_cloud(site: JiraSite) -> bool:
    """Whether a site is Jira Cloud, as far as its settings tell."""
    if site.deployment in ("cloud", "datacenter"):
        return site.deployment == "cloud"
    host = site.url.partition("//")[2].partition("/")[0].casefold()
    return host.endswith(".atlassian.net") or host == "api.atlassian.com" or bool(site.email)


def sketch(desired: Desired, *, cloud: bool) -> list[SketchedField]:
    """Every field as far as it is known without the site, in the order of the rule."""
    values = Values(cloud, lambda email: email)
    whole_at = desired.remote_links[0].url if desired.remote_links else ""
    found: dict[str, SketchedField] = {}
    for name, wish in desired.fields.items():
        info = standard_field(name)
        if info is None:
            shown = "" if is_empty(wish.value) else _shown(wish.value)
            note = "its id and form are the site's; `ticket-sync check` looks them up"
            found[name] = SketchedField(name, name, wish.value, shown, note)
            continue
        try:
            value = encode(info, values.canonical(info, wish.value, whole_at=whole_at), cloud)
        except Rejected as fault:
            found[info.id] = SketchedField(
                info.id, info.name, None, _shown(wish.value), problem=f"{fault}. {fault.remedy}"
            )
            continue
        shown = str(wish.value or "") if info.shape is Shape.TEXT else _shown(value)
        found[info.id] = SketchedField(info.id, info.name, value, shown, _note(info, wish.value))
    labels = found.get("labels")
    every = marked(labels.value if labels else (), desired.key)
    note = "the last ones find the ticket again after a lost reply"
    found["labels"] = SketchedField("labels", "Labels", every, ", ".join(every), note)
    return [one for one in found.values() if one.value not in (None, "", []) or one.problem]


def _note(info: FieldInfo, value: Any) -> str:
    if info.shape in (Shape.USER, Shape.USERS) and "@" in str(value):
        return "looked up on the site by this address"
    return ""


def _shown(value: Any) -> str:
    """A value in words: names out of the tables that Jira wraps them in."""
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, Mapping):
        return " > ".join(_shown(one) for one in value.values())
    return "" if value is None else str(value)
