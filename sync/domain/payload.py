"""The canonical payload of a subject: the fields that rules and templates may count on.

Each source fills these from its own messages. Absent texts and times are "", absent lists [], an absent
``trigger_entity`` or ``status_actor`` is None, so that no rule meets a missing key.
"""

from __future__ import annotations

from typing import Any

# The fields of an entity's ``identifier`` by platform, in the order in which an adapter picks one
# platform if an identifier names several.
PLATFORMS: dict[str, tuple[str, ...]] = {
    "airflow_dag": ("integration_id", "dag_id"),
    "airflow_task": ("integration_id", "dag_id", "task_id"),
    "bigquery_table": ("project", "dataset", "table"),
    "clickhouse_table": ("host", "schema", "table"),
    "custom": ("id",),
    "databricks_table": ("workspace", "catalog", "schema", "table"),
    "dataproduct": ("id",),
    "dbt_cloud_node": ("account_id", "project_id", "node_id"),
    "dbt_core_node": ("integration_id", "node_id"),
    "monitor": ("integration_id", "monitor_id", "monitored_id", "segment"),
    "mysql_table": ("host", "schema", "table"),
    "postgres_table": ("host", "database", "schema", "table"),
    "redshift_table": ("cluster", "database", "schema", "table"),
    "snowflake_table": ("account", "database", "schema", "table"),
    "sql_mesh_audit": ("integration_id", "fqn", "audit_id"),
    "sql_mesh_model": ("integration_id", "fqn"),
    "synq_path": ("path",),
    "trino_table": ("host", "catalog", "schema", "table"),
}

# Fields that are text or a time.
COMMON_TEXTS = ("title", "description", "description_html", "started_at", "ended_at")
ISSUE_TEXTS = (
    *("issue_id", "issue_group_id", "issue_url", *COMMON_TEXTS),
    *("trigger_run_id", "trigger_name", "trigger_message", "status"),
)
INCIDENT_TEXTS = ("incident_id", "incident_url", *COMMON_TEXTS)


def empty_issue() -> dict[str, Any]:
    """The payload of an issue of which nothing is known.

    ``told_at`` is the time (nanoseconds since the epoch) of the event that the payload comes from, 0
    where the payload comes from an API.
    """
    return {
        **dict.fromkeys(ISSUE_TEXTS, ""),
        "trigger_entity": None,
        "directly_affected_entities": [],
        "monitored_entities": [],
        "more_entities": 0,
        "status_actor": None,
        "owners": [],
        "told_at": 0,
    }


def empty_incident() -> dict[str, Any]:
    """The payload of an incident of which nothing is known. ``told_at`` as for issues."""
    return {**dict.fromkeys(INCIDENT_TEXTS, ""), "told_at": 0}
