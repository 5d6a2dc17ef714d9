"""A draft made without a call: a ticket's fields as far as they do not depend on the site's metadata.

Names of custom fields, users and allowed values stay as the rule gives them; `check` resolves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.adapters.jira.calls.site import JiraSite
from sync.adapters.jira.fields.boards import board_of
from sync.adapters.jira.fields.choices import in_words, is_pattern
from sync.adapters.jira.fields.field import CHOSEN, FieldInfo, Shape, standard_field
from sync.adapters.jira.fields.people import Account
from sync.adapters.jira.fields.values import Values, candidates
from sync.adapters.jira.fields.wire import encode
from sync.domain.epics import Foreseen, epic_wish
from sync.domain.errors import Rejected
from sync.domain.rule import Desired
from sync.domain.text import is_empty
from sync.domain.ticket import failed_parts, marked

_LIKE = "those of the site whose names fit; `ticket-sync check` looks them up"
_UNRESOLVED = "its id and form are the site's; `ticket-sync check` looks them up"


@dataclass(frozen=True, slots=True)
class SketchedField:
    """One field. ``value`` is what goes to Jira, ``shown`` the same for people (Markdown of rich text);
    ``note`` says what only the site can resolve, ``problem`` why Jira would not take the value."""

    id: str
    name: str
    value: Any
    shown: str
    note: str = ""
    problem: str = ""


def is_cloud(site: JiraSite) -> bool:
    """Whether a site is Jira Cloud, as far as its settings tell."""
    if site.deployment in ("cloud", "datacenter"):
        return site.deployment == "cloud"
    host = site.url.partition("//")[2].partition("/")[0].casefold()
    return host.endswith(".atlassian.net") or host == "api.atlassian.com" or bool(site.email)


def sketch(desired: Desired, *, cloud: bool) -> list[SketchedField]:
    """Every field as far as it is known without the site, in the order of the rule."""
    values = Values(cloud, lambda wished, field: Account(wished), tables={Shape.PARENT: _epic})
    whole_at = desired.remote_links[0].url if desired.remote_links else ""
    found: dict[str, SketchedField] = {}
    for name, wish in desired.fields.items():
        info, failed = standard_field(name), desired.failed.get(f"fields.{name}")
        if failed is not None:
            id_, called = (info.id, info.name) if info else (name, name)
            found[id_] = SketchedField(id_, called, None, "", problem=str(failed))
        elif info is None:
            board = board_of(wish.value)
            shown = "" if is_empty(wish.value) else _shown(wish.value)
            shown = f"the active sprint of the board {board!r}" if board else shown
            found[name] = SketchedField(name, name, wish.value, shown, _UNRESOLVED)
        else:
            found[info.id] = _sketched(info, wish.value, values, whole_at, cloud)
    found["labels"] = _marked(found.get("labels"), desired)
    for key, one in failed_parts(desired).items():
        found[key] = SketchedField(key, key, None, "", problem=str(one.parked))
    return [one for one in found.values() if one.value not in (None, "", []) or one.problem]


def _marked(labels: SketchedField | None, desired: Desired) -> SketchedField:
    every = marked((labels and labels.value) or (), desired.key)
    note = "the last ones find the ticket again after a lost reply"
    problem = labels.problem if labels else ""
    return SketchedField("labels", "Labels", every, ", ".join(every), note, problem)


def _sketched(
    info: FieldInfo, wished: Any, values: Values, whole_at: str, cloud: bool
) -> SketchedField:
    several = wished if isinstance(wished, list) else [wished]
    try:
        if info.shape in CHOSEN and any(map(is_pattern, several)):
            words = [in_words(one) if is_pattern(one) else str(one) for one in several]
            return SketchedField(info.id, info.name, wished, ", ".join(words), _LIKE)
        canonical = values.canonical(info, wished, whole_at=whole_at)
    except Rejected as fault:
        problem = f"{fault}. {fault.remedy}"
        return SketchedField(info.id, info.name, None, _shown(wished), problem=problem)
    value = encode({info.id: canonical}, {info.id: info}, cloud)[info.id]
    shown = str(wished or "") if info.shape is Shape.TEXT else _shown(value)
    note = _looked_up(info, wished)
    return SketchedField(info.id, info.name, value, shown, note)


def _looked_up(info: FieldInfo, wished: Any) -> str:
    """How the people of a field are found on the site, "" for a field of others."""
    people = candidates(wished) if info.shape is Shape.USER else []
    if len(people) > 1:
        return f"the first whom the site knows of {', '.join(people)}"
    by_address = info.shape in (Shape.USER, Shape.USERS) and "@" in str(wished)
    return "looked up on the site by this address" if by_address else ""


def _epic(table: Mapping[str, Any]) -> Foreseen | None:
    wish = epic_wish(table)
    return Foreseen(f"{wish}, found or made") if wish else None


def _shown(value: Any) -> str:
    """A value for people: the names in the JSON objects that Jira wants around them."""
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, Mapping):
        return " > ".join(_shown(one) for one in value.values())
    return "" if value is None else str(value)
