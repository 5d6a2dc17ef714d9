"""What the impact API and the owners API let their callers read, simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sync.sandbox.coalesce.api_request import Request, invalid
from sync.sandbox.coalesce.catalog import DataProduct
from sync.sandbox.coalesce.inventory import ASSETS, TEAMS, Asset
from sync.sandbox.coalesce.subjects import camelled
from sync.sandbox.coalesce.webhook_body import camel
from sync.sandbox.coalesce.workspace import CoalesceSandbox

_PREFIX = "owner-"
# The platforms that an identifier may name: those of the assets, and what issues have besides.
_PLATFORMS = {key: camel(key) for asset in ASSETS for key in asset.identifier} | {
    "monitor": "monitor",
    "custom": "custom",
    "synq_path": "synqPath",
    "dbt_core_node": "dbtCoreNode",
    "postgres_table": "postgresTable",
}


class CatalogApi:
    """Reads of the catalog of a workspace."""

    def __init__(self, sandbox: CoalesceSandbox) -> None:
        self._sandbox = sandbox

    def impact(self, request: Request) -> dict[str, Any]:
        """``POST /api/impact/v1``. Entities that are not in the catalog have no impact; the answer
        leaves out what is empty."""
        catalog = self._sandbox.catalog
        wanted = [_identifier(one) for one in _ids(request)]
        assets = [one for one in map(catalog.named, wanted) if one is not None]
        below = catalog.downstream(asset.name for asset in assets)
        own, later = catalog.products_of(assets), catalog.products_of(below)
        found: dict[str, Any] = {
            "entities": _groups(assets),
            "downstreamEntities": _groups(below),
            "dataproducts": [one.api() for one in own],
            "downstreamDataproducts": [one.api() for one in later],
            "owners": _titles([*assets, *own]),
            "downstreamOwners": _titles([*below, *later]),
        }
        return _without_empty(found)

    def owners(self, request: Request) -> dict[str, Any]:
        """``POST /api/owners/v1/batch-get``. Ids are taken with and without their prefix, and given
        with it. Unknown ids are left out."""
        contacts = self._sandbox.catalog.contacts
        bare = [str(one).removeprefix(_PREFIX) for one in _ids(request)]
        return {
            "owners": {
                f"{_PREFIX}{id_}": {
                    "title": TEAMS.get(id_.removeprefix("team-"), id_),
                    "contacts": contacts[id_],
                }
                for id_ in bare
                if id_ in contacts
            }
        }


def _ids(request: Request) -> list[Any]:
    ids = request.json().get("ids")
    if not isinstance(ids, list) or not ids:
        raise invalid("ids is required")
    return ids


def _identifier(value: Any) -> dict[str, Any]:
    """An identifier in snake_case. Raises ApiError(400) for one that protobuf would not read."""
    names = set(value) & {*_PLATFORMS, *_PLATFORMS.values()} if isinstance(value, dict) else set()
    if not names or len(value) != 1 or not isinstance(value[next(iter(names))], dict):
        raise invalid("ids: an identifier is one platform and its parts")
    (name,) = names
    platform = next(key for key, camelled_ in _PLATFORMS.items() if name in (key, camelled_))
    by_camel = {camel(key): key for asset in ASSETS for key in asset.identifier.get(platform, {})}
    return {platform: {by_camel.get(key, key): part for key, part in value[name].items()}}


def _groups(assets: Iterable[Asset]) -> list[dict[str, Any]]:
    found: dict[str, list[Any]] = {}
    for asset in assets:
        found.setdefault(f"{asset.type_name}s", []).append(camelled(asset.identifier))
    return [{"name": name, "ids": ids} for name, ids in found.items()]


def _titles(owned: Iterable[Asset | DataProduct]) -> list[Mapping[str, str]]:
    return [{"title": TEAMS[team]} for team in dict.fromkeys(one.team for one in owned)]


def _without_empty(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if value}
