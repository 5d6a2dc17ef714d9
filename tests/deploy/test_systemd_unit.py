"""The unit: systemd takes every line of it, and finds little that the service may do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sync.settings import load

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNIT = "ticket-sync.service"
PROGRAM = "/opt/ticket-sync/bin/ticket-sync"
# Of 100, as `systemd-analyze security` counts; 100 is a service that may do everything.
MOST_EXPOSED = "20"


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian: apt install systemd)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)


def verified(unit: Path) -> str:
    """What systemd says about a unit; "" for a unit without a fault. An unknown key is only a warning,
    so the exit code says nothing."""
    done = analyzed("verify", "--man=no", str(unit))
    return done.stdout + done.stderr


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there."""
    text = (FOLDER / UNIT).read_text("utf-8")
    assert text.count(f"ExecStart={PROGRAM} serve\n") == 1
    copy = tmp_path / UNIT
    copy.write_text(text.replace(PROGRAM, shutil.which("true") or ""), "utf-8")
    return copy


def test_systemd_understands_every_line(unit: Path) -> None:
    assert verified(unit) == ""
    unit.write_text(unit.read_text().replace("[Install]", "ProtectEverything=yes\n[Install]"))
    assert "ProtectEverything" in verified(unit)


def test_the_service_may_do_little(unit: Path) -> None:
    how = ("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", str(unit))
    done = analyzed(*how)
    assert done.returncode == 0, done.stdout + done.stderr
    fences = ("SystemCallFilter=", "CapabilityBoundingSet=", "DynamicUser=")
    kept = [line for line in unit.read_text().splitlines() if not line.startswith(fences)]
    unit.write_text("\n".join(kept))
    assert analyzed(*how).returncode != 0


def test_the_configuration_beside_it_names_the_credentials_that_it_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (FOLDER / UNIT).read_text("utf-8").splitlines()
    for line in lines:
        if line.startswith("LoadCredential="):
            (tmp_path / line.partition("=")[2].partition(":")[0]).write_text("secret\n")
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = load(FOLDER / "config.toml")
    assert settings.sites["main"].token.get_secret_value() == "secret"
    store = settings.store.url.get_secret_value()
    assert store.startswith("sqlite:////var/lib/ticket-sync/")
    assert "StateDirectory=ticket-sync" in lines
