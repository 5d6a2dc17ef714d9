"""What builds the image and what runs it beside a database: looked over by the tools that read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sync.settings import load

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose" / "compose.yaml"
SET = {
    "DOMAIN": "tickets.example.com",
    "JIRA_URL": "https://your-team.atlassian.net",
    "JIRA_EMAIL": "jira-bot@example.com",
    "JIRA_PROJECT": "DATA",
}


def ran(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program that was installed beside Python."""
    beside = Path(sys.executable).parent / name
    program = str(beside) if beside.exists() else shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed (make setup)")
    environment = {key: value for key, value in os.environ.items() if key not in SET} | SET
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, env=environment
    )


def composed(file: Path) -> subprocess.CompletedProcess[str]:
    return ran("docker-compose", "-f", str(file), "config", "--format", "json")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    done = composed(COMPOSE)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


def test_the_containerfile_keeps_to_the_rules_of_its_trade(tmp_path: Path) -> None:
    done = ran("hadolint", str(ROOT / "Containerfile"))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    bad = tmp_path / "Containerfile"
    bad.write_text("FROM debian\nRUN cd /tmp && apt-get install curl\n")
    assert ran("hadolint", str(bad)).returncode == 1


def test_the_image_runs_as_a_number_with_one_volume_and_a_health_check() -> None:
    lines = (ROOT / "Containerfile").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert [line for line in lines if line.startswith("VOLUME ")] == [
        'VOLUME ["/var/lib/ticket-sync"]'
    ]
    assert len([line for line in lines if line.startswith("HEALTHCHECK ")]) == 1
    assert not re.search(
        r"pip\S* (--\S+ )*install(?!.*(--require-hashes|--no-index))", "\n".join(lines)
    )


def test_compose_understands_every_key(services: dict[str, Any], tmp_path: Path) -> None:
    assert sorted(services) == ["database", "proxy", "ticket-sync", "upgrade"]
    bad = tmp_path / "compose.yaml"
    bad.write_text(COMPOSE.read_text("utf-8").replace("read_only:", "readonly:"))
    assert composed(bad).returncode != 0


def test_what_compose_sets_is_a_whole_configuration(
    services: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("TICKET_SYNC_")]:
        monkeypatch.delenv(name)
    secrets = {
        "database-url": "postgresql://ticket_sync:pass@database/ticket_sync",
        "coalesce-signing-secret": "one",
        "jira-token": "two",
    }
    service = services["ticket-sync"]
    assert {one["source"] for one in service["secrets"]} == set(secrets)
    for name, value in secrets.items():
        (tmp_path / name).write_text(value + "\n")
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value.replace("/run/secrets", str(tmp_path)))
    monkeypatch.chdir(tmp_path)
    settings = load()
    assert settings.store.url.get_secret_value().endswith("@database/ticket_sync")
    assert settings.sites["main"].token.get_secret_value() == "two"
    assert settings.web.url == "https://tickets.example.com"


def test_compose_builds_the_image_of_this_project(services: dict[str, Any]) -> None:
    build = services["ticket-sync"]["build"]
    assert Path(build["context"]) == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_every_service_of_ours_is_read_only_and_without_privileges(
    services: dict[str, Any],
) -> None:
    for name in ("ticket-sync", "upgrade"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in services[name]["security_opt"]
