"""What an editor of rules completes: keys, words, names in templates, filters, and Jira's names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sync.domain.payload import PLATFORMS
from sync.operations.rules.names import Names, SiteNames
from sync.rules import RuleSet
from sync.rules.filters import KNOWN
from sync.rules.json_schema import json_schema
from sync.rules.vocabulary import KINDS, NAMES, SEVERITIES, STANDARD_FIELDS, STATUSES, Shape

_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Completion:
    """``schema`` is the JSON Schema of rule files, with what each key means. ``names`` are what a
    template may name, as ``subject.title``, ``filters`` what may follow a ``|``. ``fields`` are the
    standard fields, ``statuses``, ``kinds``, ``severities`` and ``platforms`` the words of upstream.
    ``sites`` is what each site offers."""

    schema: Mapping[str, Any]
    names: tuple[str, ...]
    filters: tuple[str, ...]
    fields: tuple[str, ...]
    statuses: tuple[str, ...]
    kinds: tuple[str, ...]
    severities: tuple[str, ...]
    platforms: tuple[str, ...]
    sites: Mapping[str, SiteNames]


def completion(names: Names | None, rules: RuleSet | None) -> Completion:
    """Everything that can be completed. Where ``names`` are asked for the sites of the rules, a site
    that does not answer offers nothing."""
    return Completion(
        schema=json_schema(),
        names=in_templates(),
        filters=KNOWN,
        fields=STANDARD_FIELDS,
        statuses=STATUSES,
        kinds=KINDS,
        severities=SEVERITIES,
        platforms=tuple(PLATFORMS),
        sites=names.offered(rules) if names and rules else {},
    )


@cache
def in_templates() -> tuple[str, ...]:
    """What a template may name, with dots, in order."""
    return tuple(sorted(set(_names(NAMES, "", 0))))


def _names(fields: Mapping[str, Shape | None], before: str, depth: int) -> Iterator[str]:
    for name, shape in fields.items():
        yield f"{before}{name}"
        if shape is not None and depth < _DEEPEST:
            yield from _names(shape.fields, f"{before}{name}.", depth + 1)
