"""Nothing that lives as long as the process grows with the subjects that have passed through it."""

from __future__ import annotations

import gc
import sys
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from functools import _lru_cache_wrapper
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sync
from sync.domain.remembered import Remembered
from sync.sandbox.jira import JiraSandbox
from sync.sandbox.memory import MemoryTracker
from sync.store.engine import Store
from tests.walks.test_jira import jira_tracker
from tests.walks.world import RULES, SimulatedClock, World, issue_event

pytestmark = pytest.mark.proof

HERE = f"{sync.__name__}."
SIMULATED = f"{sync.__name__}.sandbox"
# A person that no two subjects share.
RULES_WITH_PEOPLE = RULES.replace(
    "[rule.status]", 'assignee = "{{ subject.title }}"\n\n[rule.status]'
)


def _ours(one: object) -> bool:
    module = str(getattr(type(one), "__module__", ""))
    return module.startswith(HERE) and not module.startswith(SIMULATED)


def _within(value: object, depth: int = 3) -> int:
    """How many things a container holds, with the containers in it. A deque of a bounded length counts
    as full."""
    if isinstance(value, deque) and value.maxlen is not None:
        return value.maxlen
    if depth and isinstance(value, dict | list | set | tuple | frozenset | deque):
        inner = value.values() if isinstance(value, Mapping) else value
        return len(value) + sum(_within(one, depth - 1) for one in list(inner))
    return len(value) if isinstance(value, Collection) and not isinstance(value, str | bytes) else 0


def _attributes(one: object) -> Iterator[tuple[str, Any]]:
    yield from getattr(one, "__dict__", {}).items()
    for class_ in type(one).__mro__:
        names = class_.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if hasattr(one, name):
                yield name, getattr(one, name)


def census() -> Counter[str]:
    """How many objects of ours there are, by class, and how much the containers of each class and of
    the modules hold; without what ``Remembered`` holds, whose size has a bound of its own."""
    gc.collect()
    for one in gc.get_objects():
        if isinstance(one, Remembered):
            one.forget_where(lambda _key, _value: True)
    gc.collect()
    found: Counter[str] = Counter()
    for one in gc.get_objects():
        if _ours(one):
            name = type(one).__qualname__
            found[name] += 1
            for attribute, value in _attributes(one):
                found[f"{name}.{attribute}"] += _within(value)
    for module in [m for n, m in sys.modules.items() if n.startswith(HERE)]:
        if not module.__name__.startswith(SIMULATED):
            for name, value in vars(module).items():
                if not isinstance(value, ModuleType) and not name.startswith("__"):
                    found[f"{module.__name__}.{name}"] += _within(value)
    return found


def _live(world: World, clock: SimulatedClock, numbers: range) -> None:
    """Issues that begin, change and end."""
    for number in numbers:
        about, at = f"issue-{number}", 10.0 * number
        text = f"**{number}** rows of [a table](https://example.com/{number}) are late."
        for step, kind in enumerate(("created", "updated", "closed")):
            said = {"title": f"person {number}", "description": f"{text} {step}"}
            world.deliver(issue_event(f"issue_{kind}", about, at=at + step, **said))
            world.settle(within=60)
        clock.sleep(60)


def test_nothing_but_bounded_memories_grows_with_the_subjects(
    sqlite_store: Store, clock: SimulatedClock, tmp_path: Path
) -> None:
    jira = JiraSandbox("cloud", clock, index_lag=20.0)
    world = World(
        sqlite_store, jira_tracker(jira, clock), clock, tmp_path / "rules", RULES_WITH_PEOPLE
    )
    try:
        _live(world, clock, range(6))
        before = census()
        _live(world, clock, range(6, 16))
        grown = {name: count for name, count in (census() - before).items() if count > 5}
        assert len(jira.tickets()) == 16
        assert not grown
    finally:
        world.close()


def test_edits_of_the_rules_leave_nothing_behind(
    sqlite_store: Store, clock: SimulatedClock, jira: MemoryTracker, tmp_path: Path
) -> None:
    world = World(sqlite_store, jira, clock, tmp_path / "rules")

    def edit(numbers: range) -> None:
        for number in numbers:
            title = f"{{{{ subject.title }}}} {{# edit {number} #}} ({number})"
            world.write_rules(RULES.replace('"{{ subject.title }}"', f'"{title}"'))
            world.deliver(issue_event("issue_updated", "one", at=number, description=f"{number}"))
            world.settle(within=60)

    try:
        edit(range(4))
        before = census()
        edit(range(4, 14))
        assert not {name: count for name, count in (census() - before).items() if count > 5}
        (ticket,) = jira.alive
        assert ticket.fields["summary"] == "orders is stale (13)"
    finally:
        world.close()


def test_every_cached_function_of_ours_has_a_bound() -> None:
    unbounded = [
        one.__qualname__
        for one in gc.get_objects()
        if isinstance(one, _lru_cache_wrapper)
        and str(one.__module__).startswith(HERE)
        and one.cache_parameters()["maxsize"] is None
        and signature(one).parameters
    ]
    assert not unbounded
