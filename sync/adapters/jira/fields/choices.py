"""Which of a field's allowed values a rule means: by name, by id, or by a pattern of names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from sync.adapters.jira.fields.field import Allowed, FieldInfo
from sync.domain.errors import Cause, Rejected
from sync.domain.names import Name, like, meant
from sync.domain.text import is_empty, parts, ticket_line

T = TypeVar("T")

_TAKE = ("all", "first", "last")


class Lacking(Rejected):
    """Some items of a list cannot be set. ``found`` are the values of the others."""

    found: list[Any]


def nearest(wrong: str, names: Iterable[str]) -> str:
    """A remedy that gives the valid names nearest to a wrong name, and the first few valid names."""
    known = sorted(set(map(str, names)), key=str.casefold)
    folded = {name.casefold(): name for name in known}
    close = [folded[n] for n in get_close_matches(wrong.casefold(), list(folded), 3, 0.5)]
    first = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    if not known:
        return "There are none."
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"{first}It may be: {', '.join(known[:12])}{more}."


def choose(info: FieldInfo, wished: str, allowed: Sequence[Allowed] | None) -> Name:
    """``pick``, told apart from other values of the field that have the same name."""
    return info.told_apart(pick(info, wished, allowed))


def pick(info: FieldInfo, wished: str, allowed: Sequence[Allowed] | None) -> Name:
    """The allowed value with this name or id, as Jira spells it; ``wished`` itself where Jira lists no
    values. Raises Rejected for any other, and for a name that several values share."""
    if allowed is None:
        return Name.of(wished)
    found = meant(wished, [known.name for known in allowed])
    if len(found) == 1:
        return found[0]
    if found:
        raise several("values", wished, found, field=info.name)
    raise Rejected(
        "is not a value of this field",
        cause=Cause.FIELD,
        field=info.name,
        value=ticket_line(wished, 60),
        remedy=nearest(wished, [known.name for known in allowed]),
    )


def several(
    things: str, wished: str, found: Iterable[Name], *, field: str = "", cause: Cause = Cause.FIELD
) -> Rejected:
    """The fault for a name that several things share."""
    ids = ", ".join(sorted(name.with_id for name in found))
    remedy = f"Write the id in the rule instead: one of {ids}."
    return Rejected(
        f"several {things} are named {wished!r}", cause=cause, field=field, remedy=remedy
    )


def flat(value: Any) -> Any:
    """A list with the items of the lists in it, as a template in a list may give one. Other values as
    they are."""
    if not isinstance(value, list | tuple):
        return value
    return [
        one for item in map(flat, value) for one in (item if isinstance(item, list) else [item])
    ]


def is_pattern(value: Any) -> bool:
    """Whether a rule gives a pattern of names, as in ``{ like = "Data*" }``."""
    return isinstance(value, Mapping)


def in_words(pattern: Mapping[str, Any]) -> str:
    """What a pattern of names asks for. Raises Rejected for one that no field takes."""
    fault = _mistake(pattern)
    if fault is not None:
        raise fault
    words = f"like {' or '.join(parts(pattern['like']))}"
    if "released" in pattern:
        words += ", released" if pattern["released"] else ", not released"
    return words if pattern.get("take", "all") == "all" else f"{words}, the {pattern['take']}"


def one_of(info: FieldInfo, value: Any) -> Name:
    """The value of a field that takes one. Raises Rejected."""
    if not is_pattern(value):
        return choose(info, str(value).strip(), info.allowed)
    found = _fitting(info, value)
    if len(found) > 1:
        raise several("values", str(value["like"]), found, field=info.name)
    return found[0]


def some_of(info: FieldInfo, value: Any) -> list[Name] | None:
    """The values of a field that takes several, sorted. Raises Lacking where only some of them are
    there, and Rejected where none is."""
    return gathered(info, _items(info, value), lambda item: _meant(info, item))


def gathered(
    info: FieldInfo, items: Iterable[T], values_of: Callable[[T], Iterable[str]]
) -> list[Any] | None:
    """The values of all items of a list, sorted, each once; None for none. Raises Lacking where only
    some have values, and Rejected where none has."""
    values, faults = set[str](), list[Rejected]()
    for item in items:
        try:
            values.update(values_of(item))
        except Rejected as fault:
            faults.append(fault)
    found = sorted(values)
    if not faults:
        return found or None
    first = faults[0]
    if not found and len(faults) == 1:
        raise first
    words = "; ".join(dict.fromkeys(map(str, faults)))
    words += "; the others are set" if found else ""
    lacking = Lacking(words, cause=Cause.FIELD, field=info.name, remedy=first.remedy)
    lacking.found = found
    raise lacking


def _items(info: FieldInfo, value: Any) -> list[Any]:
    """The items of a list. A string with commas is split unless it is an allowed value as a whole."""
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, list | tuple | set):
        return [item for item in flat(list(value)) if not is_empty(item)]
    whole = str(value).strip()
    names = [known.name for known in info.allowed or ()]
    return [whole] if meant(whole, names) else list(parts(value))


def _meant(info: FieldInfo, item: Any) -> list[Name]:
    if is_pattern(item):
        return _fitting(info, item)
    return [choose(info, str(item).strip(), info.allowed)]


def _fitting(info: FieldInfo, wished: Mapping[str, Any]) -> list[Name]:
    """The allowed values whose names fit a pattern, in Jira's order; archived versions are left out.
    Raises Rejected where none fits, and for keys that a pattern does not have."""
    if (fault := _mistake(wished)) is not None:
        fault.field = info.name
        raise fault
    if info.allowed is None:
        words = "Jira lists no values of this field that a pattern could be compared with"
        raise Rejected(words, cause=Cause.FIELD, field=info.name, remedy="Write the value itself.")
    released = wished.get("released")
    there = [one for one in info.allowed if not one.archived and released in (None, one.released)]
    patterns = parts(wished["like"])
    found = [one.name for one in there if any(like(text, one.name) for text in patterns)]
    if not found:
        raise _nothing_like(info, patterns, released, [one.name for one in there])
    taken = {"first": found[:1], "last": found[-1:]}.get(str(wished.get("take")), found)
    return [info.told_apart(name) for name in taken]


def _nothing_like(
    info: FieldInfo, patterns: Sequence[str], released: bool | None, there: Iterable[Name]
) -> Rejected:
    kind = {True: " and is released", False: " and is not released", None: ""}[released]
    words = f"nothing here is like {' or '.join(map(repr, patterns)) or 'nothing'}{kind}"
    near = nearest("".join(patterns[:1]).strip("*?"), there)
    return Rejected(words, cause=Cause.FIELD, field=info.name, remedy=near)


def _mistake(wished: Mapping[str, Any]) -> Rejected | None:
    """The first thing that is wrong with a pattern of names."""
    for problem, remedy in _mistakes(wished):
        return Rejected(problem, cause=Cause.FIELD, remedy=remedy)
    return None


def _mistakes(wished: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in wished:
        if key not in ("like", "released", "take"):
            yield f"a pattern has no {key!r}", "It may have `like`, `released` and `take`."
    if is_empty(wished.get("like")):
        yield "a pattern needs `like`", 'Write it as { like = "Data*" }.'
    if not isinstance(wished.get("released", True), bool):
        yield f"released is {wished['released']!r}", "Write true or false, without quotes."
    if wished.get("take", "all") not in _TAKE:
        yield f"take is {wished['take']!r}", f"It may be: {', '.join(_TAKE)}."
