"""Fields of Jira's own apps, which Jira takes in one form and shows in another.

Their canonical value is an id, or a sorted list of ids. ``ids_of`` reads it out of every form: as a rule
gives it, as it is sent, and as Jira shows it.

| field | canonical | sent | shown |
| --- | --- | --- | --- |
| Team | id | id | object (Cloud), id |
| Sprint | number | number | objects (Cloud), texts (Data Center), also of past sprints |
| Epic Link | key | key | key |
| Request Type | id (Cloud), "portal/type" (Data Center) | the same | object around an object |
| Organizations | list of numbers | list of numbers | list of objects |
| Assets | list of global ids (Cloud), of keys (Data Center) | objects | objects, texts |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sync.adapters.jira.fields.field import Shape
from sync.domain.text import is_empty, parts

MANY = frozenset({Shape.ORGANIZATIONS, Shape.ASSETS})
# Data Center writes a sprint as a Java object: com.…Sprint@1a2b[id=7,rapidViewId=3,state=ACTIVE,name=…].
# The hash after the @ differs in each answer, and a sprint's name may hold brackets and commas.
_JAVA = re.compile(r"(?P<kind>[\w.$]+)@[0-9a-f]+\[(?P<members>.*)\]", re.DOTALL)
_SPRINT_ID = re.compile(r"(?:id=(?P<first>\d+),.*|.*,id=(?P<last>\d+))", re.DOTALL)
# The first match counts: the state stands before the name, which may hold any text.
_STATE = re.compile(r"(?:\A|,)state=(\w+),")
# An asset on Data Center: label and key.
_LABELLED = re.compile(r".*\(([A-Z][A-Z0-9_]*-\d+)\)\s*", re.DOTALL)


def steady(text: str) -> str:
    """A text without the hash of the Java object that it describes, which differs in each answer."""
    found = _JAVA.fullmatch(text)
    return f"{found['kind']}[{found['members']}]" if found else text


def ids_of(shape: Shape, value: Any) -> str | list[str] | None:
    """The canonical value of a field, in any of its forms. None for an empty one."""
    if shape in MANY and isinstance(value, str):
        value = parts(value)
    given = [item for item in _listed(value) if not is_empty(item)]
    if shape in MANY:
        return sorted({id_of(shape, item) for item in given} - {""}) or None
    present = _present(given)
    return None if present is None else id_of(shape, present) or None


def _present(given: list[Any]) -> Any:
    """The item that counts. Of sprints, the one that the ticket is in now, because Jira also shows the
    closed sprints that it was in."""
    return next((one for one in given if not _over(one)), given[-1] if given else None)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def id_of(shape: Shape, value: Any) -> str:
    """The id in one value, "" where there is none."""
    if isinstance(value, Mapping):
        return _in_object(shape, value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    if shape is Shape.SPRINT and (found := _JAVA.fullmatch(text)):
        id_ = _SPRINT_ID.fullmatch(found["members"])
        return (id_["first"] or id_["last"]) if id_ else ""
    if shape is Shape.ASSETS and (found := _LABELLED.fullmatch(text)):
        return found[1]
    return text


def _in_object(shape: Shape, value: Mapping[str, Any]) -> str:
    if shape is Shape.REQUEST_TYPE and isinstance(value.get("requestType"), Mapping):
        value = value["requestType"]
    workspace, object_id = value.get("workspaceId"), value.get("objectId")
    if shape is Shape.ASSETS and workspace and object_id:
        return f"{workspace}:{object_id}"
    names = ("key", "id") if shape is Shape.EPIC_LINK else ("id", "objectKey", "key")
    return next((id_of(shape, value[name]) for name in names if not is_empty(value.get(name))), "")


def _over(sprint: Any) -> bool:
    """Whether a sprint has been closed."""
    if isinstance(sprint, Mapping):
        return str(sprint.get("state", "")).casefold() == "closed"
    found = _JAVA.fullmatch(str(sprint))
    state = _STATE.search(found["members"]) if found else None
    return state is not None and state[1] == "CLOSED"


def _assets(ids: list[str], cloud: bool) -> list[dict[str, str]]:
    return [{"id" if cloud else "key": id_} for id_ in ids]


# What Jira takes. Fields that are not here take the canonical value as it is.
SENT: Mapping[Shape, Callable[[Any, bool], Any]] = {
    Shape.SPRINT: lambda id_, cloud: int(id_),
    Shape.ORGANIZATIONS: lambda ids, cloud: [int(id_) for id_ in ids],
    Shape.ASSETS: _assets,
}
# The pattern of an id, what messages call such an id, and the remedy for a value of another form.
FORMS: Mapping[Shape, Callable[[bool], tuple[str, str, str]]] = {
    Shape.TEAM: lambda cloud: (
        r"\S+",
        "a team's id",
        "Write the last part of the address of the team's page.",
    ),
    Shape.SPRINT: lambda cloud: (r"[0-9]{1,18}", "a sprint's number", "Write it as 42."),
    Shape.EPIC_LINK: lambda cloud: (r"\S+-[0-9]+", "an epic's key", "Write it as KEY-1."),
    Shape.REQUEST_TYPE: lambda cloud: (
        (r"[0-9]+", "a request type's id", "Write its number, which its address ends with.")
        if cloud
        else (
            r"[^\s/]+/[^\s/]+",
            "a request type",
            "Write it as portal/type, with the keys of both: Jira Data Center takes no names.",
        )
    ),
    Shape.ORGANIZATIONS: lambda cloud: (
        r"[0-9]{1,18}",
        "an organization's id",
        "Write its number, which its address ends with.",
    ),
    Shape.ASSETS: lambda cloud: (
        (r"\S+:\S+", "an asset's global id", "Write it as WORKSPACE-ID:OBJECT-ID.")
        if cloud
        else (r"\S+-[0-9]+", "an asset's key", "Write it as KEY-1.")
    ),
}
