"""Check: what can be known of a template before it is ever rendered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync.rules.errors import Wrong
from sync.rules.templates import Template


@dataclass(frozen=True)
class Scope:
    """What a template may speak of: the kinds its rule can match, and the tables there are."""

    kinds: frozenset[str]
    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()


def check(made: Template, scope: Scope) -> Iterator[Wrong]:
    """Everything wrong with a template."""
    yield from ()
