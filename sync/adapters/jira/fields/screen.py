"""Which field of a create screen a rule means by a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync.adapters.jira.fields.choices import nearest, several
from sync.adapters.jira.fields.field import FieldInfo, Shape, own_words, standard_field
from sync.domain.errors import Cause, Rejected
from sync.domain.names import meant


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
    known = screen.get(name) or field_of_apps(name, screen)
    if known is not None:
        return known
    named = {found.id for found in meant(name, [info.called for info in screen.values()])}
    if standard is not None and (own_words([name]) or not named):
        named = {standard.id} & screen.keys()
    if len(named) == 1:
        return screen[named.pop()]
    if named:
        raise several("fields", name, [screen[id_].called for id_ in named], field=name)
    raise _absent(_elsewhere(name, whole_site(), screen), where)


def _elsewhere(
    name: str, infos: Mapping[str, FieldInfo], screen: Mapping[str, FieldInfo]
) -> FieldInfo:
    """The field of the site that a name means, where the screen does not have it. Raises Rejected where
    the site has no such field, or several."""
    return field_of_apps(name, infos) or standard_field(name) or field_named(name, infos, screen)


def _absent(info: FieldInfo, where: str) -> Rejected:
    remedy = "Put the field on that screen in Jira, or take it out of the rule."
    if info.id == "security":
        remedy = (
            "Give our account the permission 'Set issue security' in the project, which needs a scheme "
            "of security levels, or take it out of the rule."
        )
    words = f"{info.name} is not on the create screen of {where}"
    return Rejected(words, cause=Cause.FIELD, field=info.name, remedy=remedy)


def is_parent(name: str) -> bool:
    """Whether a rule's name for a field is the word for the ticket above: ``parent``."""
    own = own_words([name])
    return bool(own) and own[name].shape is Shape.PARENT


def field_of_apps(name: str, infos: Mapping[str, FieldInfo]) -> FieldInfo | None:
    """The field of Jira's apps that a word of the rule language means: ``sprint``; and ``parent`` on
    Data Center, where only sub-tasks have a parent and all else has an Epic Link. Known by its type,
    because it has another name in each language. None for any other name."""
    shape = Shape.EPIC_LINK if is_parent(name) else Shape.SPRINT if name == "sprint" else None
    return next((info for info in infos.values() if info.shape is shape), None)


def field_named(
    name: str, infos: Mapping[str, FieldInfo], among: Mapping[str, FieldInfo] | None = None
) -> FieldInfo:
    """The field of a whole site with this id or name. Raises Rejected where there are several, and
    where there is none; the remedy then gives the nearest names of ``among``, by default of the
    whole site."""
    if name in infos:
        return infos[name]
    found = meant(name, [info.called for info in infos.values()])
    if len(found) > 1:
        raise several("fields", name, found, field=name)
    if not found:
        near = nearest(name, [info.name for info in (among or infos).values()])
        problem = f"the site has no field {name!r}"
        raise Rejected(problem, cause=Cause.FIELD, field=name, remedy=near)
    return infos[found[0].id]
