"""An invented company: its assets, teams and people, and the kinds of trouble that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

APP = "https://app.example.com"
WORKSPACE = "acme"


@dataclass(frozen=True, slots=True, eq=False)
class Asset:
    """A table or a model that the workspace monitors."""

    name: str
    type_name: str
    folder: str
    identifier: Mapping[str, Mapping[str, Any]]
    team: str

    def entity(self) -> dict[str, Any]:
        """The asset as webhooks show it."""
        return {
            "name": self.name,
            "type_name": self.type_name,
            "folder": self.folder,
            "entity_url": f"{APP}/entities/{self.name.lower().replace('.', '-')}",
            "identifier": dict(self.identifier),
        }


def _snowflake(schema: str, table: str, team: str) -> Asset:
    name, folder = f"ANALYTICS.{schema}.{table}", f"snowflake/analytics/{schema.lower()}"
    parts = {"account": "acme-eu1", "database": "ANALYTICS", "schema": schema, "table": table}
    return Asset(name, "Snowflake table", folder, {"snowflake_table": parts}, team)


def _bigquery(dataset: str, table: str, team: str) -> Asset:
    name, folder = f"{dataset}.{table}", f"bigquery/acme-prod/{dataset}"
    parts = {"project": "acme-prod", "dataset": dataset, "table": table}
    return Asset(name, "BigQuery table", folder, {"bigquery_table": parts}, team)


def _databricks(schema: str, table: str, team: str) -> Asset:
    name, folder = f"lake.{schema}.{table}", f"databricks/lake/{schema}"
    workspace = "https://dbc.example.com"
    parts = {"workspace": workspace, "catalog": "lake", "schema": schema, "table": table}
    return Asset(name, "Databricks table", folder, {"databricks_table": parts}, team)


def _dbt(model: str, folder: str, team: str) -> Asset:
    node = {"account_id": "4711", "project_id": "12", "node_id": f"model.acme.{model}"}
    return Asset(model, "dbt model", f"dbt/{folder}", {"dbt_cloud_node": node}, team)


ASSETS = (
    _snowflake("SALES", "ORDERS", "sales-data"),
    _snowflake("SALES", "CUSTOMERS", "sales-data"),
    _snowflake("FINANCE", "INVOICES", "finance-data"),
    _snowflake("FINANCE", "LEDGER_ENTRIES", "finance-data"),
    _bigquery("web_events", "page_views", "growth"),
    _bigquery("web_events", "sessions", "growth"),
    _bigquery("ads", "campaign_costs", "growth"),
    _databricks("iot", "sensor_readings", "platform"),
    _databricks("iot", "device_registry", "platform"),
    _dbt("mart_revenue", "marts", "finance-data"),
    _dbt("mart_churn", "marts", "growth"),
    _dbt("stg_payments", "staging", "platform"),
    _dbt("int_orders_joined", "intermediate", "sales-data"),
)

TEAMS: Mapping[str, str] = {
    "sales-data": "Sales data",
    "finance-data": "Finance data",
    "growth": "Growth analytics",
    "platform": "Data platform",
}


def owner(team: str) -> dict[str, str]:
    """A team as webhooks show it."""
    return {"id": f"team-{team}", "title": TEAMS[team], "url": f"{APP}/teams/{team}"}


ACTORS: tuple[dict[str, Any], ...] = (
    {"name": "On-call engineer", "email": {"user_email": "on-call@example.com"}, "via": "api"},
    {"name": "Data steward", "email": {"user_email": "data-steward@example.com"}},
    {"name": "Analytics lead", "slack": {"user_id": "U0EXAMPLE1"}, "via": "slack"},
    {"name": "Pager rota", "pagerduty": {"user_id": "PEXAMPLE"}, "via": "pagerduty"},
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """The texts of one kind of issue, with places for a name (``{asset}``) and two numbers."""

    title: str
    monitor: str
    message: str
    description: str
    severity: str


TROUBLES = (
    Trouble(
        "{asset} is stale: no new rows for {n} hours",
        "freshness of {asset}",
        "Last load {n} hours ago, wanted at most 2.",
        "**{asset}** has not been loaded for **{n} hours**.\n\n"
        "| measure | expected | found |\n| --- | --- | --- |\n"
        "| hours since the last load | < 2 | {n} |\n| rows in the last load | > 1,000 | 0 |\n\n"
        "See the [run book](https://wiki.example.com/runbooks/freshness).",
        "error",
    ),
    Trouble(
        "{asset}: {m} rows fail not_null on customer_id",
        "not_null_customer_id",
        "Got {m} results, configured to fail if != 0",
        "The dbt test `not_null_customer_id` on `{asset}` failed:\n\n"
        "```sql\nselect count(*)\nfrom {asset}\nwhere customer_id is null\n-- {m} rows\n```\n\n"
        "* first seen in run **{n}**\n* rows are kept in `audit.not_null_customer_id`",
        "error",
    ),
    Trouble(
        "Volume of {asset} dropped by {n} %",
        "volume of {asset}",
        "{m} rows, expected 21,000 to 34,000.",
        "The volume of **{asset}** is outside of what is usual for this hour.\n\n"
        "1. expected: 21,000 to 34,000 rows\n2. found: {m} rows\n\n"
        "> Segments hit most: `country = 'DE'`, `country = 'FR'`.",
        "warn",
    ),
    Trouble(
        "Schema of {asset} changed: {n} columns gone",
        "schema of {asset}",
        "columns removed: legacy_id, region_code",
        "Columns vanished from `{asset}`:\n\n| column | type | used by |\n| --- | --- | --- |\n"
        "| legacy_id | NUMBER | 3 models |\n| region_code | VARCHAR | {n} dashboards |\n",
        "warn",
    ),
    Trouble(
        "Values of amount in {asset} are {n}σ off",
        "anomaly of amount in {asset}",
        "mean 17.3, expected 41.2 ± 4",
        "The mean of `amount` is **{n} standard deviations** away from what was learnt. "
        "Umlauts and signs arrive whole: Größe < 5 & „naïve“ 📉.",
        "fatal",
    ),
    Trouble(
        "Uniqueness of order_id broken in {asset}",
        "unique_order_id",
        "Got {m} results, configured to fail if != 0",
        "`order_id` is there twice or more in {m} cases. Compare with "
        "[the last good run](https://app.example.com/runs/{n}).",
        "info",
    ),
)
