"""docs/running.md: its commands do what it says, and what it names is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.cli.main import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "running.md").read_text("utf-8")
BLOCK = re.compile(r"```sh ?([^\n]*)\n(.*?)```", re.S)
BLOCKS = {kind: commands for kind, commands in BLOCK.findall(PAGE) if kind}


def run(commands: str, folder: Path, typed: str = "") -> str:
    """What the commands print, each of which has to end well. ``typed`` goes to those that wait."""
    beside = Path(sys.executable).parent
    environment = {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_environment_of_the_page_is_a_whole_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "jira-token").write_text("one")
    (tmp_path / "secrets" / "coalesce-signing-secret").write_text("two")
    shutil.copytree(ROOT / "mappings", tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TICKET_SYNC_")]:
        monkeypatch.delenv(name)
    for name, value in re.findall(r"^export (\w+)=(\S+)$", BLOCKS["run"], re.M):
        monkeypatch.setenv(name, value)
    show, check = re.findall(r"^ticket-sync (.+)$", BLOCKS["run"], re.M)
    shown = CliRunner().invoke(app, show.split())
    assert shown.exit_code == 0, shown.output
    assert "# environment variable TICKET_SYNC_SITES__MAIN__TOKEN__FILE" in shown.stdout
    assert f'directory = "{tmp_path}/rules"' in shown.stdout
    checked = CliRunner().invoke(app, check.split())
    assert checked.exit_code == 0, checked.output


def test_a_service_is_installed_as_the_page_says(tmp_path: Path) -> None:
    commands = [line for line in BLOCKS["as root"].splitlines() if line.startswith("install ")]
    here = (
        "\n".join(commands)
        .replace(" /etc/", f" {tmp_path}/etc/")
        .replace("deploy/", f"{ROOT}/deploy/")
    )
    systemd = tmp_path / "etc" / "systemd" / "system"
    systemd.mkdir(parents=True)
    run(here, tmp_path, typed="secret")
    unit = (systemd / "ticket-sync.service").read_text("utf-8")
    for place in re.findall(r"^LoadCredential=[\w-]+:(\S+)$", unit, re.M):
        assert (tmp_path / place.lstrip("/")).stat().st_mode & 0o777 == 0o600
    (config,) = re.findall(r"^Environment=TICKET_SYNC_CONFIG=(\S+)$", unit, re.M)
    assert (tmp_path / config.lstrip("/")).is_file()


def test_compose_is_set_up_as_the_page_says(tmp_path: Path) -> None:
    if not (Path(sys.executable).parent / "docker-compose").exists():
        pytest.skip("docker-compose is not installed (make setup)")
    shutil.copytree(ROOT / "deploy" / "compose", tmp_path / "deploy" / "compose")
    commands = BLOCKS["compose"].replace("docker compose", "docker-compose")
    run(commands, tmp_path, typed="secret")
    secrets = tmp_path / "deploy" / "compose" / "secrets"
    password = (secrets / "database-password").read_text()
    assert len(password) == 48
    assert f":{password}@database/" in (secrets / "database-url").read_text()
    compose = (tmp_path / "deploy" / "compose" / "compose.yaml").read_text("utf-8")
    named = set(re.findall(r"file: secrets/([\w-]+)", compose))
    assert named == {one.name for one in secrets.iterdir()}


def test_every_way_on_the_page_that_is_not_run_names_what_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert BLOCKS["image"].split() == ["make", "image"]
    assert "\nimage:" in makefile
    for place in re.findall(r"`(deploy/[\w./-]+)`", PAGE):
        assert (ROOT / place).exists(), place
