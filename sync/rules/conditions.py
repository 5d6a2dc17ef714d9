"""Conditions: ``when`` compiled, to find out whether a subject matches, and if not, why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sync.domain.subject import Snapshot
from sync.domain.surroundings import Impact
from sync.domain.text import cut
from sync.rules.amounts import Amount, amount
from sync.rules.doubts import API_ALONE, IMPACT, Doubt, of_api
from sync.rules.patterns import Patterns, Undecided, all_hold, any_holds, pattern
from sync.rules.vocabulary import IDENTIFIER_TEXTS
from sync.toml import Mistakes, Path, Position, Wrong, meant

Entity = Mapping[str, Any]


def _text(payload: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = payload.get(name)
    return (str(value),) if value else ()


def _owners(snapshot: Snapshot) -> tuple[str, ...]:
    owners = snapshot.payload.get("owners") or ()
    return tuple(str(o[k]) for o in owners for k in ("title", "id") if o.get(k))


FACETS: dict[str, Callable[[Snapshot], tuple[str, ...]]] = {
    "kind": lambda s: (s.ref.kind.value,),
    "workspace": lambda s: (s.workspace,),
    "title": lambda s: _text(s.payload, "title"),
    "description": lambda s: _text(s.payload, "description"),
    "trigger": lambda s: _text(s.payload, "trigger_name"),
    "trigger_message": lambda s: _text(s.payload, "trigger_message"),
    "owner": _owners,
    "status": lambda s: (s.status.value,),
    "severity": lambda s: (s.severity,),
}


def _trigger(snapshot: Snapshot) -> Sequence[Entity]:
    entity = snapshot.payload.get("trigger_entity")
    return (entity,) if entity else ()


def _affected(snapshot: Snapshot) -> Sequence[Entity]:
    return snapshot.payload.get("directly_affected_entities") or ()


def _monitored(snapshot: Snapshot) -> Sequence[Entity]:
    return snapshot.payload.get("monitored_entities") or ()


ENTITIES: dict[str, Callable[[Snapshot], Sequence[Entity]]] = {
    "entity": _trigger,
    "affected": _affected,
    "monitored": _monitored,
    "any_entity": lambda s: (*_trigger(s), *_affected(s), *_monitored(s)),
}


# What a condition on the impact looks at, by its keys. The number of downstream entities is ``COUNT``.
IMPACTS: dict[str, Callable[[Impact], tuple[str, ...]]] = {
    "product_priority": lambda impact: (impact.product_priority,),
    "product": lambda impact: tuple(one.title for one in impact.products),
    "owner": lambda impact: impact.owners,
}
COUNT = "count"


def entity_text(entity: Entity, key: str) -> str:
    """The text of an entity that a condition on ``key`` looks at; "" where the entity has none."""
    name = {"type": "type_name"}.get(key, key)
    value = entity.get(name)
    if not value:
        value = (entity.get("identifier") or {}).get(key)
    return value if isinstance(value, str) else ""


class Condition(Protocol):
    """One condition. ``why_not`` is "" for a subject that meets the condition. ``holds`` and
    ``why_not`` raise Undecided."""

    def holds(self, snapshot: Snapshot) -> bool: ...

    def why_not(self, snapshot: Snapshot) -> str: ...

    def exact(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """For ``match.Index``: facets that must have one of some plain texts, with these texts,
        case-folded. None at all for a condition that asks for no such facet."""
        ...


def _fails(part: Condition, snapshot: Snapshot) -> bool:
    """Whether a condition surely does not hold."""
    try:
        return not part.holds(snapshot)
    except Undecided:
        return False


def _lacks(patterns: Patterns, text: str) -> bool:
    """Whether surely none of the patterns holds."""
    return _surely_not(patterns, (text,))


def _surely_not(patterns: Patterns, texts: tuple[str, ...]) -> bool:
    """Whether surely none of the patterns holds for any of the texts."""
    try:
        return not patterns.hold(texts)
    except Undecided:
        return False


def _shown(values: Sequence[str]) -> str:
    return " and ".join(repr(cut(" ".join(v.split()), 60)) for v in [v for v in values if v][:4])


@dataclass(frozen=True, slots=True)
class Test:
    """A condition on a subject's own text."""

    facet: str
    patterns: Patterns

    def holds(self, snapshot: Snapshot) -> bool:
        return self.patterns.hold(FACETS[self.facet](snapshot))

    def why_not(self, snapshot: Snapshot) -> str:
        if self.holds(snapshot):
            return ""
        there = _shown(FACETS[self.facet](snapshot))
        return f"{self.facet} is {there or 'not there'}, and {self.patterns} is asked for"

    def exact(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        if (literals := self.patterns.literals) is not None:
            yield self.facet, literals


@dataclass(frozen=True, slots=True)
class EntityTest:
    """Conditions that one and the same entity must meet."""

    which: str
    tests: tuple[tuple[str, Patterns], ...]

    def holds(self, snapshot: Snapshot) -> bool:
        return any_holds(self._fits, ENTITIES[self.which](snapshot))

    def _fits(self, entity: Entity) -> bool:
        return all_hold(lambda test: test[1].hold((entity_text(entity, test[0]),)), self.tests)

    def why_not(self, snapshot: Snapshot) -> str:
        if self.holds(snapshot):
            return ""
        entities = ENTITIES[self.which](snapshot)
        if len(entities) == 1:
            key, patterns = next(
                (k, p) for k, p in self.tests if _lacks(p, entity_text(entities[0], k))
            )
            there = _shown((entity_text(entities[0], key),))
            return f"{self.which}.{key} is {there or 'not there'}, and {patterns} is asked for"
        wished = " and ".join(f"{key} {patterns}" for key, patterns in self.tests)
        return f"none of {len(entities)} entities in {self.which} has {wished}"

    def exact(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for key, patterns in self.tests:
            if self.which == "entity" and (literals := patterns.literals) is not None:
                yield f"entity.{key}", literals


@dataclass(frozen=True, slots=True)
class ImpactTest:
    """Conditions on the impact of an issue. None holds while the impact is not known."""

    tests: tuple[tuple[str, Patterns], ...]
    count: Amount | None = None

    def holds(self, snapshot: Snapshot) -> bool:
        impact = snapshot.impact
        if impact is None or not (self.count is None or self.count.holds(impact.count)):
            return False
        return all_hold(lambda test: test[1].hold(IMPACTS[test[0]](impact)), self.tests)

    def why_not(self, snapshot: Snapshot) -> str:
        if self.holds(snapshot):
            return ""
        impact = snapshot.impact
        if impact is None:
            return "impact is not known"
        if self.count is not None and not self.count.holds(impact.count):
            return f"{IMPACT}.{COUNT} is {impact.count}, and {self.count} is asked for"
        return next(
            f"{IMPACT}.{key} is {_shown(there) or 'not there'}, and {patterns} is asked for"
            for key, patterns in self.tests
            if _surely_not(patterns, there := IMPACTS[key](impact))
        )

    def exact(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield from ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part must match."""

    parts: tuple[Condition, ...]

    def holds(self, snapshot: Snapshot) -> bool:
        return all_hold(lambda part: part.holds(snapshot), self.parts)

    def why_not(self, snapshot: Snapshot) -> str:
        if self.holds(snapshot):
            return ""
        return next(part.why_not(snapshot) for part in self.parts if _fails(part, snapshot))

    def exact(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for part in self.parts:
            yield from part.exact()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part must match."""

    parts: tuple[Condition, ...]

    def holds(self, snapshot: Snapshot) -> bool:
        return any_holds(lambda part: part.holds(snapshot), self.parts)

    def why_not(self, snapshot: Snapshot) -> str:
        if self.holds(snapshot):
            return ""
        return "none of `any` holds: " + "; ".join(part.why_not(snapshot) for part in self.parts)

    def exact(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield from ()


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not match. ``words`` is the part as the file writes it."""

    part: Condition
    words: str

    def holds(self, snapshot: Snapshot) -> bool:
        return not self.part.holds(snapshot)

    def why_not(self, snapshot: Snapshot) -> str:
        return "" if self.holds(snapshot) else f"it is excluded by not = {self.words}"

    def exact(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield from ()


_LISTS: dict[str, Callable[[tuple[Condition, ...]], Condition]] = {"any": AnyOf, "all": AllOf}
KEYS = (*FACETS, *ENTITIES, IMPACT, *_LISTS, "not")
IMPACT_KEYS = (*IMPACTS, COUNT)
ENTITY_KEYS = ("name", "type", "folder", "platform", *IDENTIFIER_TEXTS)


def written(value: Any) -> str:
    """A condition as the file writes it, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {written(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


class Compiler:
    """Compiles one rule's conditions. Mistakes go to ``mistakes``, what only the API knows to
    ``doubts``."""

    def __init__(
        self,
        mistakes: Mistakes,
        position: Callable[[Path], Position],
        doubts: list[Doubt] | None = None,
    ) -> None:
        self._mistakes = mistakes
        self._position = position
        self._doubts = [] if doubts is None else doubts

    def _patterns(self, value: Any, path: Path, key: str) -> Patterns:
        found = []
        for number, source in enumerate(value if isinstance(value, list) else [value]):
            position = self._position((*path, number) if isinstance(value, list) else path)
            try:
                found.append(pattern(source, str(position)))
            except Wrong as fault:
                self._mistakes.wrong(position, key, fault)
        return Patterns(tuple(found))

    def compile(self, when: Mapping[str, Any], path: Path, key: str) -> AllOf:
        """``path`` is the place of ``when`` in the file, ``key`` the name that messages use for it."""
        parts = [
            self._condition(name, value, (*path, name), f"{key}.{name}")
            for name, value in when.items()
        ]
        return AllOf(tuple(part for part in parts if part is not None))

    def _condition(self, name: str, value: Any, path: Path, key: str) -> Condition | None:
        """The condition of one key of a ``when``. None for a key with a mistake."""
        if name not in KEYS:
            self._unknown(name, KEYS, path, key)
        elif not value:
            self._mistakes.add(
                self._position(path), key, "has no condition", "Give one, or remove it."
            )
        elif name in FACETS:
            if name in API_ALONE:
                self._doubts.append(of_api(name, self._position(path), key))
            return Test(name, self._patterns(value, path, key))
        elif name in ENTITIES:
            return self._entity(name, value, path, key)
        elif name == IMPACT:
            self._doubts.append(of_api(name, self._position(path), key))
            return self._impact(value, path, key)
        elif name == "not":
            return Not(self.compile(value, path, key), written(value))
        else:
            inner = tuple(
                self.compile(one, (*path, number), f"{key}[{number + 1}]")
                for number, one in enumerate(value)
            )
            return _LISTS[name](inner)
        return None

    def _entity(self, name: str, value: Any, path: Path, key: str) -> EntityTest:
        if not isinstance(value, dict):
            return EntityTest(name, (("name", self._patterns(value, path, key)),))
        for unknown in value.keys() - set(ENTITY_KEYS):
            self._unknown(unknown, ENTITY_KEYS, (*path, unknown), f"{key}.{unknown}")
        return EntityTest(
            name, tuple((k, self._patterns(v, (*path, k), f"{key}.{k}")) for k, v in value.items())
        )

    def _impact(self, value: Any, path: Path, key: str) -> ImpactTest | None:
        if not isinstance(value, dict):
            # The shape of the file has told of the mistake.
            return None
        for unknown in value.keys() - set(IMPACT_KEYS):
            self._unknown(unknown, IMPACT_KEYS, (*path, unknown), f"{key}.{unknown}")
        tests = tuple(
            (k, self._patterns(value[k], (*path, k), f"{key}.{k}")) for k in IMPACTS if k in value
        )
        try:
            return ImpactTest(tests, amount(value[COUNT]) if COUNT in value else None)
        except Wrong as fault:
            self._mistakes.wrong(self._position((*path, COUNT)), f"{key}.{COUNT}", fault)
            return None

    def _unknown(self, name: str, known: Sequence[str], path: Path, key: str) -> None:
        self._mistakes.add(self._position(path), key, "is not a condition", meant(name, known))
