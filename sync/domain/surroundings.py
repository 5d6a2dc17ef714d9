"""What is around an issue, as the source's API alone tells it: the impact of what broke, and the
contacts of the issue's owners.

Both are asked for a set of names (identifiers of entities, ids of owners), and keep a digest of that
set, so that they are asked for again only when the set changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

# Upper bounds of what is kept of one answer. Products of the highest priority stay.
MOST_PRODUCTS = 50
MOST_OWNERS = 50
MOST_GROUPS = 50
MOST_EMAILS = 20
# So many products are named in words.
_NAMED = 3
# Upper bound of the entities that one question names.
MOST_ENTITIES = 100


@dataclass(frozen=True, slots=True)
class Product:
    """A data product. ``priority`` is P1 (the highest), P2, … or "". ``downstream``: it is not among the
    products of the broken entities themselves, but of what is made of them."""

    title: str
    description: str = ""
    folder: str = ""
    priority: str = ""
    downstream: bool = False

    @property
    def rank(self) -> tuple[int, str, str]:
        """Products in this order begin with the highest priority."""
        return rank_of(self.priority), self.priority, self.title.casefold()


@dataclass(frozen=True, slots=True)
class Impact:
    """What is touched where some entities break.

    ``products`` come by priority, the highest first. ``owners`` are titles of whom the entities and
    what is downstream of them belong to. ``groups`` are the groups of downstream entities by name, with
    how many each has, the largest first; ``count`` is the number of downstream entities. ``of`` is the
    digest of the entities that were asked for.
    """

    products: tuple[Product, ...] = ()
    owners: tuple[str, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    count: int = 0
    of: str = ""

    @property
    def product_priority(self) -> str:
        """The highest priority of the products, "" where none has one."""
        return next((one.priority for one in self.products if one.priority), "")

    @property
    def words(self) -> str:
        """The impact for people, as a part of a sentence.

        >>> Impact((Product("Revenue", priority="P1"),), count=4).words
        'has an impact on Revenue (P1); 4 entities are downstream'
        """
        called = [
            f"{one.title} ({one.priority})" if one.priority else one.title
            for one in self.products[:_NAMED]
        ]
        more = len(self.products) - len(called)
        named = ", ".join(called) + (f" and {more} more" if more else "")
        entities = "entity is" if self.count == 1 else "entities are"
        return (
            f"has an impact on {named or 'no data product'}; {self.count:,} {entities} downstream"
        )

    def to_json(self) -> dict[str, Any]:
        """The impact as a JSON value. ``impact_of_json`` reads it back."""
        products = [
            [one.title, one.description, one.folder, one.priority, one.downstream]
            for one in self.products
        ]
        groups = [list(one) for one in self.groups]
        return {
            "products": products,
            "owners": list(self.owners),
            "groups": groups,
            "count": self.count,
            "of": self.of,
        }


def impact_of_json(value: Mapping[str, Any]) -> Impact:
    """The impact that ``Impact.to_json`` wrote."""
    return Impact(
        tuple(Product(*one) for one in value["products"]),
        tuple(value["owners"]),
        tuple((name, count) for name, count in value["groups"]),
        value["count"],
        value["of"],
    )


@dataclass(frozen=True, slots=True)
class Contacts:
    """The email addresses by which owners are reached, by the owner's id. An owner without an address
    is left out. ``of`` is the digest of the owners that were asked for."""

    emails: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    of: str = ""

    def to_json(self) -> dict[str, Any]:
        """The contacts as a JSON value. ``contacts_of_json`` reads it back."""
        return {"emails": {id_: list(them) for id_, them in self.emails.items()}, "of": self.of}


def contacts_of_json(value: Mapping[str, Any]) -> Contacts:
    """The contacts that ``Contacts.to_json`` wrote."""
    return Contacts({id_: tuple(them) for id_, them in value["emails"].items()}, value["of"])


def rank_of(priority: str) -> int:
    """The place of a priority among others: 1 for P1. What has no number comes after all that have."""
    digits = priority[1:]
    if priority[:1].upper() == "P" and digits.isascii() and digits.isdigit():
        return int(digits[:6])
    return 10**6 + (not priority)


def by_rank(products: Iterable[Product]) -> tuple[Product, ...]:
    """Products without those that are there twice, the highest priority first, and not too many.

    A product of the broken entities counts as such, even where it is downstream as well.
    """
    found: dict[tuple[str, str], Product] = {}
    for one in sorted(products, key=lambda product: product.downstream):
        found.setdefault((one.title, one.folder), one)
    return tuple(sorted(found.values(), key=lambda product: product.rank)[:MOST_PRODUCTS])


def together(impacts: Iterable[Impact | None]) -> Impact | None:
    """The impact of several subjects as one; None where none is known.

    How many downstream entities the subjects share is not known, so the counts are those of the subject
    that has most.
    """
    known = list(dict.fromkeys(one for one in impacts if one is not None))
    if len(known) < 2:
        return known[0] if known else None
    groups: dict[str, int] = {}
    for name, count in chain.from_iterable(one.groups for one in known):
        groups[name] = max(count, groups.get(name, 0))
    owners = dict.fromkeys(chain.from_iterable(one.owners for one in known))
    return Impact(
        by_rank(chain.from_iterable(one.products for one in known)),
        tuple(owners)[:MOST_OWNERS],
        by_size(groups),
        max(one.count for one in known),
    )


def by_size(groups: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Groups of entities with their sizes, the largest first, and not too many."""
    return tuple(sorted(groups.items(), key=lambda one: (-one[1], one[0]))[:MOST_GROUPS])


def entities_in(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The identifiers of the entities that an issue breaks: of what triggered the issue, and of what the
    issue affects directly. Each is there once, in a fixed order."""
    trigger = payload.get("trigger_entity")
    entities = [*([trigger] if trigger else []), *(payload.get("directly_affected_entities") or ())]
    found = {
        json.dumps(identifier, sort_keys=True): identifier
        for entity in entities
        if (identifier := entity.get("identifier") or {}).get("platform")
    }
    return [found[key] for key in sorted(found)[:MOST_ENTITIES]]


def owners_in(payload: Mapping[str, Any]) -> list[str]:
    """The ids of the owners of an issue, each once, in a fixed order."""
    return sorted({str(owner["id"]) for owner in payload.get("owners") or () if owner.get("id")})


def digest_of(names: Sequence[Any]) -> str:
    """What tells one question from another; "" for one about nothing."""
    if not names:
        return ""
    return hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]
