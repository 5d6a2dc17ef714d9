"""The API's answers about impact and owners, read into the domain's terms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sync.adapters.coalesce.message.fields import child, get, text, word
from sync.domain.surroundings import MOST_EMAILS, MOST_OWNERS, Impact, Product, by_rank, by_size

# Upper bound of the entries of a list that are looked at.
_MOST = 20_000
_LONGEST_TEXT = 300
_LONGEST_DESCRIPTION = 1_000
_PRIORITIES = {number: f"p{number}" for number in range(1, 10)}
_PREFIX = "owner-"


def identifier_sent(flat: Mapping[str, Any]) -> dict[str, Any]:
    """An identifier in the form that the API takes, of the flat form of payloads: the parts in an object
    under the name of the platform."""
    parts = {name: value for name, value in flat.items() if name != "platform"}
    if isinstance(monitored := parts.get("monitored_id"), Mapping):
        parts["monitored_id"] = identifier_sent(monitored)
    return {str(flat["platform"]): parts}


def impact_of(answer: Mapping[str, Any]) -> Impact:
    """The impact in an answer. What cannot be read is left out."""
    products = [
        *_products(answer, "dataproducts", downstream=False),
        *_products(answer, "downstream_dataproducts", downstream=True),
    ]
    titles = (
        text(get(one, "title"), _LONGEST_TEXT)
        for name in ("owners", "downstream_owners")
        for one in _objects(get(answer, name))
    )
    entities, groups = set[str](), dict[str, int]()
    for group in _objects(get(answer, "downstream_entities")):
        ids = get(group, "ids")
        these = {json.dumps(id_, sort_keys=True) for id_ in ids[:_MOST]} if _listed(ids) else set()
        entities |= these
        if (name := text(get(group, "name"), _LONGEST_TEXT)) and these:
            groups[name] = groups.get(name, 0) + len(these)
    return Impact(
        by_rank(products),
        tuple(dict.fromkeys(filter(None, titles)))[:MOST_OWNERS],
        by_size(groups),
        len(entities),
    )


def _products(answer: Mapping[str, Any], name: str, *, downstream: bool) -> Iterable[Product]:
    for one in _objects(get(answer, name)):
        if title := text(get(one, "title"), _LONGEST_TEXT):
            yield Product(
                title,
                text(get(one, "description"), _LONGEST_DESCRIPTION),
                text(get(one, "folder"), _LONGEST_TEXT),
                word(get(one, "priority"), "priority_", _PRIORITIES).upper()[:_LONGEST_TEXT],
                downstream,
            )


def bare(id_: str) -> str:
    """An owner's id without the prefix that it has in some places."""
    return id_.removeprefix(_PREFIX)


def emails_of(answer: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The addresses of the contacts of each owner in an answer, by the owner's bare id. Owners without
    an address are left out."""
    found = {}
    for id_, one in (child(answer, "owners") or answer).items():
        if isinstance(one, Mapping) and (emails := _addresses(one)):
            found[bare(id_)] = emails
    return found


def _addresses(owner: Mapping[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for contact in _objects(get(owner, "contacts")):
        for kind, name in (("email", "recipient_emails"), ("users", "user_emails")):
            given = get(child(contact, kind) or {}, name)
            for one in given[:MOST_EMAILS] if _listed(given) else ():
                if "@" in (address := text(one, _LONGEST_TEXT).strip()):
                    found.setdefault(address)
    return tuple(found)[:MOST_EMAILS]


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value[:_MOST] if isinstance(one, Mapping)] if _listed(value) else []


def _listed(value: Any) -> bool:
    return isinstance(value, list)
