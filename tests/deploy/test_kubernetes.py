"""The chart and the manifests, as far as they can be held to the program without helm and kubectl: `make
kubernetes` renders them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sync.rules import Defaults, load
from sync.settings import Settings
from sync.settings import load as load_settings
from tests.deploy.changelog import newest_version
from tests.settings.test_example import settings_of

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm" / "ticket-sync"
KUSTOMIZE = DEPLOY / "kustomize"
SCHEMA = json.loads((CHART / "values.schema.json").read_text("utf-8"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
TEMPLATES = {path.name: path.read_text("utf-8") for path in CHART.glob("templates/*")}


def values(**changed: Any) -> dict[str, Any]:
    return {**VALUES, **changed}


def mistakes(given: dict[str, Any]) -> list[str]:
    found = jsonschema.Draft7Validator(SCHEMA).iter_errors(given)
    return [error.message for error in found]


def test_the_schema_takes_the_values_and_is_one_itself() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert mistakes(VALUES) == []
    for path in CHART.glob("ci/*.yaml"):
        assert mistakes(values(**yaml.safe_load(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"replicaCount": 2},
        {"replicacount": 1},
        {"existingSecret": ""},
        {"store": {"kind": "mysql"}},
        {"store": {"kind": "sqlite", "persistence": {"accessModes": ["ReadWriteMany"]}}},
        {"image": {**VALUES["image"], "digest": "latest"}},
        {"rules": {"issues.yaml": ""}},
        {"livenessProbe": {"period": 3}},
        {"networkPolicy": {**VALUES["networkPolicy"], "ports": []}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_would_not_work(changed: dict[str, Any]) -> None:
    assert mistakes(values(**changed)) != []


def test_several_daemons_are_for_postgresql() -> None:
    store = {**VALUES["store"], "kind": "postgresql"}
    assert mistakes(values(replicaCount=3, store=store)) == []
    assert mistakes(values(replicaCount=3)) == ["3 is greater than the maximum of 1"]


def test_every_value_is_in_the_schema_and_used_by_a_template() -> None:
    text = "".join(TEMPLATES.values())
    used = set(re.findall(r"\.Values\.(\w+)", text))
    assert used == set(VALUES) == set(SCHEMA["properties"]) - {"global"}


def test_the_chart_is_of_this_version_and_has_the_alerts_and_the_board() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == newest_version()
    for copy, original in (
        ("alerts.yml", DEPLOY / "prometheus" / "alerts.yml"),
        ("dashboard.json", DEPLOY / "grafana" / "ticket-sync.json"),
    ):
        assert (CHART / "files" / copy).read_bytes() == original.read_bytes(), (
            f"cp {original} {CHART / 'files' / copy}"
        )


def test_every_variable_that_is_set_is_one_of_a_setting() -> None:
    texts = [TEMPLATES["_helpers.tpl"], *map(Path.read_text, KUSTOMIZE.glob("*/deployment.yaml"))]
    names = {name for text in texts for name in re.findall(r"TICKET_SYNC_\w+", text)}
    known = {
        "TICKET_SYNC_" + name.upper().replace(".", "__")
        for name, _ in settings_of(Settings)
        if "main" not in name
    }
    assert len(names) == 7
    stray = {name.removesuffix("__FILE") for name in names} - known - {"TICKET_SYNC_CONFIG"}
    assert stray == set()


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        if name.startswith("TICKET_SYNC_"):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    "text",
    [VALUES["config"], (KUSTOMIZE / "base" / "config.toml").read_text("utf-8")],
    ids=["chart", "kustomize"],
)
def test_the_configuration_to_start_from_is_taken_with_the_variables_of_the_pod(
    text: str, tmp_path: Path, bare_environment: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, value in (
        ("coalesce-signing-secret", "s"),
        ("jira-token", "t"),
        ("database-url", "postgresql://u:p@db/ticket_sync"),
    ):
        (secrets / name).write_text(value)
    config = tmp_path / "config.toml"
    config.write_text(text.replace("/etc/ticket-sync/secrets", str(secrets)))
    patch = yaml.safe_load((KUSTOMIZE / "two-replicas" / "deployment.yaml").read_text("utf-8"))
    for variable in patch["spec"]["template"]["spec"]["initContainers"][0]["env"]:
        value = variable["value"].replace("/etc/ticket-sync/secrets", str(secrets))
        if variable["name"] != "TICKET_SYNC_CONFIG":
            bare_environment.setenv(variable["name"], value)
    settings = load_settings(config)
    server = settings.server
    assert (server.host, server.port) == ("0.0.0.0", 8080)
    assert (server.admin_host, server.admin_port) == ("0.0.0.0", 8081)
    assert settings.store.url.get_secret_value().startswith("postgresql")
    # The end of the process, and the seconds for which proxies may still send deliveries.
    seconds = VALUES["drainSeconds"] + server.stop_timeout + 10
    assert seconds <= VALUES["terminationGracePeriodSeconds"] - 5


def test_rules_are_read_from_a_folder_as_kubernetes_makes_it(tmp_path: Path) -> None:
    folder, hidden = tmp_path / "mappings", tmp_path / "mappings" / "..2026_11_27_23_00_00.1"
    hidden.mkdir(parents=True)
    (hidden / "rules.toml").write_bytes((KUSTOMIZE / "base" / "rules.toml").read_bytes())
    (folder / "..data").symlink_to(hidden.name)
    (folder / "rules.toml").symlink_to("..data/rules.toml")
    found = load(folder, Defaults({"main": "DATA"}, "main"))
    assert [rule.name for rule in found.rules] == ["issues", "incidents"]


def test_the_manifests_name_files_that_are_there() -> None:
    for file in KUSTOMIZE.glob("*/kustomization.yaml"):
        told = yaml.safe_load(file.read_text("utf-8"))
        named = [*told["resources"], *(p["path"] for p in told.get("patches", ()) if "path" in p)]
        named += [name for one in told.get("configMapGenerator", ()) for name in one["files"]]
        assert [name for name in named if not (file.parent / name).exists()] == []
        there = {path.name for path in file.parent.iterdir()} - {file.name}
        assert there <= set(named), "a file that no kustomization names"
