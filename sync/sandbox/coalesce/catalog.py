"""The catalog of the simulated workspace: lineage, data products, and how teams are reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.sandbox.coalesce.inventory import ASSETS, TEAMS, Asset


@dataclass(frozen=True, slots=True)
class DataProduct:
    """A data product. ``priority`` is 1 to 4, 0 for none; ``assets`` are the names of its parts."""

    title: str
    description: str
    folder: str
    priority: int
    assets: frozenset[str]
    team: str

    def api(self) -> dict[str, Any]:
        """The product as the impact API shows it. As in protobuf, what is empty is left out."""
        found = {"title": self.title, "description": self.description, "folder": self.folder}
        if self.priority:
            found["priority"] = f"PRIORITY_P{self.priority}"
        return {name: value for name, value in found.items() if value}


def _lineage() -> dict[str, tuple[str, ...]]:
    return {
        "ANALYTICS.SALES.ORDERS": ("int_orders_joined",),
        "ANALYTICS.SALES.CUSTOMERS": ("int_orders_joined", "mart_churn"),
        "int_orders_joined": ("mart_revenue",),
        "stg_payments": ("mart_revenue", "ANALYTICS.FINANCE.LEDGER_ENTRIES"),
        "ANALYTICS.FINANCE.INVOICES": ("ANALYTICS.FINANCE.LEDGER_ENTRIES",),
        "web_events.page_views": ("web_events.sessions",),
        "web_events.sessions": ("mart_churn",),
    }


def _products() -> list[DataProduct]:
    revenue = "What the company earns, by day and country."
    return [
        DataProduct("Revenue", revenue, "Finance", 1, frozenset({"mart_revenue"}), "finance-data"),
        DataProduct("Churn", "", "Growth", 2, frozenset({"mart_churn"}), "growth"),
        DataProduct(
            "Order desk", "", "Sales", 3, frozenset({"ANALYTICS.SALES.ORDERS"}), "sales-data"
        ),
        DataProduct("Telemetry", "", "", 0, frozenset({"lake.iot.sensor_readings"}), "platform"),
    ]


def _contacts() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {
        f"team-{team}": [
            {"slack": {"channel": f"#{team}", "mentions": ["@here"]}},
            {"email": {"recipientEmails": [f"{team}@example.com"]}},
        ]
        for team in TEAMS
    }
    found["team-sales-data"].append({"users": {"userEmails": ["sales-lead@example.com"]}})
    # A team that is reached by chat alone.
    found["team-platform"] = [{"msTeams": {"channel": "platform"}}]
    return found


@dataclass(slots=True)
class Catalog:
    """What is known of the assets. ``lineage`` has the names of what is made of an asset directly, by
    the asset's name; ``contacts`` those of a team, by the team's id. All may change at any time."""

    lineage: dict[str, tuple[str, ...]] = field(default_factory=_lineage)
    products: list[DataProduct] = field(default_factory=_products)
    contacts: dict[str, list[dict[str, Any]]] = field(default_factory=_contacts)

    def named(self, identifier: Mapping[str, Any]) -> Asset | None:
        """The asset with an identifier in snake_case, None where there is none."""
        return next((one for one in ASSETS if one.identifier == identifier), None)

    def downstream(self, names: Iterable[str]) -> list[Asset]:
        """What is made of some assets, directly or not, without the assets themselves."""
        asked = set(names)
        found, left = set[str](), list(asked)
        while left:
            for name in self.lineage.get(left.pop(), ()):
                if name not in found:
                    found.add(name)
                    left.append(name)
        return [asset for asset in ASSETS if asset.name in found - asked]

    def products_of(self, assets: Iterable[Asset]) -> list[DataProduct]:
        """The data products that some assets are parts of."""
        names = {asset.name for asset in assets}
        return [one for one in self.products if one.assets & names]
