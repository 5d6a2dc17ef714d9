"""Match: the first rule that matches a subject, without evaluating rules that cannot match."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from sync.domain.subject import Snapshot
from sync.rules.conditions import FACETS, AllOf, entity_text

Reader = Callable[[Snapshot], tuple[str, ...]]


def _reader(facet: str) -> Reader:
    """What reads the texts of a facet from a subject."""
    if facet in FACETS:
        return FACETS[facet]
    key = facet.removeprefix("entity.")

    def of_trigger(snapshot: Snapshot) -> tuple[str, ...]:
        entity = snapshot.payload.get("trigger_entity")
        return (entity_text(entity, key),) if entity else ()

    return of_trigger


class Index:
    """Rules by their most selective exact condition.

    A rule is evaluated only for subjects that have the text of that condition, so the cost of a match
    grows with the rules that may match and not with all rules. Rules without an exact condition are
    always evaluated.
    """

    def __init__(self, conditions: Sequence[AllOf]) -> None:
        self._conditions = tuple(conditions)
        exact = [list(condition.exact()) for condition in conditions]
        shared = Counter(
            (facet, text) for facets in exact for facet, texts in facets for text in texts
        )
        buckets: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        rest: list[int] = []
        for number, facets in enumerate(exact):
            if not facets:
                rest.append(number)
                continue
            facet, texts = min(facets, key=lambda f: max(shared[f[0], text] for text in f[1]))
            for text in set(texts):
                buckets[facet][text].append(number)
        self._buckets = [(_reader(facet), dict(texts)) for facet, texts in buckets.items()]
        self._rest = rest

    def candidates(self, snapshot: Snapshot) -> Iterable[int]:
        """The numbers of the rules to evaluate, in order."""
        rows = [self._rest] if self._rest else []
        for read, texts in self._buckets:
            for value in read(snapshot):
                if value and (numbers := texts.get(value.casefold())):
                    rows.append(numbers)
        return rows[0] if len(rows) == 1 else _merged(rows)


def _merged(rows: Sequence[Sequence[int]]) -> Iterator[int]:
    """The numbers of several rows in order, each once."""
    last = -1
    for number in heapq.merge(*rows):
        if number != last:
            yield number
        last = number
