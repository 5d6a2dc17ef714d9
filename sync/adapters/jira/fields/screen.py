"""Which field of a create screen a rule means by a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync.adapters.jira.fields.field import FieldInfo, standard_field
from sync.adapters.jira.fields.values import nearest
from sync.domain.errors import Cause, Rejected


def field_on_screen(
    name: str,
    screen: Mapping[str, FieldInfo],
    whole_site: Callable[[], Mapping[str, FieldInfo]],
    where: str,
) -> FieldInfo:
    """The field with this id or name on a create screen.

    ``whole_site`` gives all fields of the site, ``where`` names issue type and project, as in "Bug in
    DATA". Raises Rejected where no field, or more than one, goes by that name.
    """
    standard = standard_field(name)
    key = standard.id if standard else name
    if key in screen:
        return screen[key]
    found = named(name, screen)
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(info.id for info in found))
        problem = f"{len(found)} fields are named {name!r}"
        remedy = f"Write the id in the rule instead: one of {ids}."
        raise Rejected(problem, cause=Cause.FIELD, field=name, remedy=remedy)
    elsewhere = standard or next(iter(named(name, whole_site())), None)
    if elsewhere is None:
        names = [info.name for info in screen.values()]
        problem, remedy = f"the site has no field {name!r}", nearest(name, names)
        raise Rejected(problem, cause=Cause.FIELD, field=name, remedy=remedy)
    raise Rejected(
        f"{elsewhere.name} is not on the create screen of {where}",
        cause=Cause.FIELD,
        field=elsewhere.name,
        remedy="Put the field on that screen in Jira, or take it out of the rule.",
    )


def named(name: str, infos: Mapping[str, FieldInfo]) -> list[FieldInfo]:
    """The fields that go by a name: the one with this id, else all with this display name."""
    folded = name.casefold()
    by_id = [info for info in infos.values() if info.id.casefold() == folded]
    return by_id or [info for info in infos.values() if info.name.casefold() == folded]
