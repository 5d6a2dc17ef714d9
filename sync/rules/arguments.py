"""Checks of the arguments that filters of times are given, as far as they are written out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import nodes

from sync.rules import filters
from sync.rules.languages import language
from sync.rules.moments import zone
from sync.rules.templates import outcomes
from sync.rules.worktime import calendar, span_of, working_hours
from sync.toml import Wrong

_CHECKS: dict[str, Callable[[str], object]] = {
    "duration": span_of,
    "tz": zone,
    "calendar": calendar,
    "hours": working_hours,
    "language": lambda name: name and language(name),
}
_OF_TIMES = ("plus", "local_time", "date")


def wrong_arguments(node: nodes.Filter, tables: Mapping[str, Mapping[str, Any]]) -> Iterator[Wrong]:
    """What is wrong with each argument that is a text or number in the template, also in the table or
    as the default of a lookup, or as one side of an ``if``. Other filters are not judged."""
    if node.name not in _OF_TIMES:
        return
    # The first parameter is the value before the |.
    names = [*inspect.signature(filters.ALL[node.name]).parameters][1:]
    given = {
        **dict(zip(names, node.args, strict=False)),
        **{str(pair.key): pair.value for pair in node.kwargs},
    }
    for name, argument in given.items():
        for value in outcomes(argument, tables) if name in _CHECKS else ():
            try:
                _CHECKS[name](value if name == "duration" else str(value))
            except Wrong as wrong:
                yield wrong
