"""What people ask a twin to do by the name of an act and its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

_KINDS: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    NoneType: "null",
    **dict.fromkeys((list, Iterable, Sequence), "a list"),
    **dict.fromkeys((dict, Mapping), "an object"),
}


class Unknown(KeyError):
    """Something that a twin does not have, in words."""

    def __str__(self) -> str:
        return str(self.args[0])


class Wanted(msgspec.Struct, frozen=True, rename={"named": "with", "person": "as"}):
    """The act that a call asks for, its arguments, those by name, and as whom ("" for anybody)."""

    do: str = ""
    args: list[Any] = []
    named: dict[str, Any] = {}
    person: str = ""


def wanted(body: bytes, actions: Sequence[str]) -> Wanted:
    """What the body of a call asks for. Raises ValueError.

    >>> wanted(b'{"do": "close", "args": ["DATA-1"], "as": "ada"}', ("close",))
    Wanted(do='close', args=['DATA-1'], named={}, person='ada')
    """
    try:
        given = msgspec.json.decode(body, type=Wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise ValueError(f"the body is not what this call takes: {why}") from None
    if given.do not in actions:
        raise ValueError(f"'do' must be one of {', '.join(actions)}")
    return given


def misfit(
    act: Callable[..., Any],
    args: Sequence[Any],
    named: Mapping[str, Any],
    *,
    fields: type | None = None,
) -> str:
    """Why an act does not take these arguments, in words; "" where it does. ``fields`` is the dataclass
    whose fields the act takes by any name.

    >>> def close(key: str, *, comment: str = ""): ...
    >>> misfit(close, [], {})
    "close takes (key, *, comment=''): missing a required argument: 'key'"
    >>> misfit(close, [5], {})
    'close: key must be a text, not 5'
    """
    takes = signature(act)
    try:
        bound = takes.bind(*args, **named)
    except TypeError as why:
        plain = [one.replace(annotation=one.empty) for one in takes.parameters.values()]
        usage = takes.replace(parameters=plain, return_annotation=takes.empty)
        return f"{act.__name__} takes {usage}: {why}"
    known = get_type_hints(fields) if fields else {}
    hints = get_type_hints(act)
    for name, one in bound.arguments.items():
        free = takes.parameters[name].kind is Parameter.VAR_KEYWORD
        for part, value in _parts(name, one, takes.parameters[name].kind):
            if free and fields and part not in known:
                return f"{act.__name__}: {part} is no field; there are {', '.join(known)}"
            hint = known.get(part, Any) if free else hints.get(name, Any)
            if not _fits(value, hint):
                return f"{act.__name__}: {part} must be {_words(hint)}, not {value!r}"
    return ""


def _parts(name: str, value: Any, kind: Any) -> Iterator[tuple[str, Any]]:
    if kind is Parameter.VAR_KEYWORD:
        yield from value.items()
    elif kind is Parameter.VAR_POSITIONAL:
        yield from ((name, one) for one in value)
    else:
        yield name, value


def _fits(value: Any, hint: Any) -> bool:
    try:
        # JSON has no form for an object of ours: what would have to become one does not fit.
        return bool(msgspec.convert(value, hint) == value)
    except (msgspec.ValidationError, TypeError):
        return False


def _words(hint: Any) -> str:
    """What a value has to be."""
    if isinstance(hint, UnionType):
        return " or ".join(map(_words, get_args(hint)))
    kind = get_origin(hint) or hint
    return _KINDS.get(kind) or str(getattr(kind, "__name__", kind))
