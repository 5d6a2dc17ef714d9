"""What people ask a twin to do by the name of an act and its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any


def misfit(act: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Why an act does not take these arguments, in words; "" where it does.

    >>> def close(key, *, comment=""): ...
    >>> misfit(close, [], {})
    "close takes (key, *, comment=''): missing a required argument: 'key'"
    """
    takes = signature(act)
    try:
        takes.bind(*args, **named)
    except TypeError as why:
        plain = [one.replace(annotation=one.empty) for one in takes.parameters.values()]
        usage = takes.replace(parameters=plain, return_annotation=takes.empty)
        return f"{act.__name__} takes {usage}: {why}"
    return ""
