"""What systemd is told, and what SIGHUP does: a real socket, a real signal, a real process."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from proof.processes import Daemon
from sync.bootstrap.systemd import Systemd
from sync.worker.daemon.loop import Loop
from sync.worker.daemon.schedule import Schedule

SITE = {
    "url": "http://127.0.0.1:9",
    "token": "t",
    "email": "bot@example.com",
    "project": "DATA",
    "deployment": "cloud",
}
RULE = '[[rule]]\nname = "all"\nwhen.kind = "issue"\n'


class Heard:
    """What comes to a socket as systemd has it."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(20)

    def next(self) -> dict[str, str]:
        """The assignments of the next message."""
        lines = self._socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def until(self, name: str) -> dict[str, str]:
        """The next message that assigns this."""
        while name not in (found := self.next()):
            pass
        return found

    def nothing(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(4096)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(20)
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    socket_ = Heard(str(tmp_path / "notify"))
    yield socket_
    socket_.close()


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard) -> Iterator[Daemon]:
    """A daemon of which signs of life are expected each second. Its rules are not looked at by
    themselves."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.toml").write_text(RULE)
    daemon = Daemon(tmp_path, f"sqlite:///{tmp_path}/s.db", SITE, rules=rules)
    text = daemon.config.read_text()
    daemon.config.write_text(text.replace('reload_every = "300ms"', 'reload_every = "1h"'))
    daemon.start()
    yield daemon
    daemon.kill()


def said(daemon: Daemon, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in daemon.lines()]
    return [one for one in found if one["event"] == event]


@pytest.mark.proof
def test_a_service_is_ready_alive_reads_its_rules_again_on_sighup_and_stops(
    daemon: Daemon, heard: Heard, tmp_path: Path
) -> None:
    ready = heard.next()
    assert ready["READY"] == "1"
    assert ready["STATUS"].startswith("serving at http://127.0.0.1:")
    assert heard.next() == {"WATCHDOG": "1"}
    assert heard.next() == {"WATCHDOG": "1"}

    def hang_up() -> None:
        os.kill(daemon.pid, signal.SIGHUP)
        asked = heard.until("RELOADING")
        assert abs(int(asked["MONOTONIC_USEC"]) - time.monotonic() * 1e6) < 5e6
        heard.until("READY")

    # An edit is taken up, by the same door as always.
    (tmp_path / "rules" / "a.toml").write_text(RULE + 'fields.labels = ["seen"]\n')
    hang_up()
    assert len(said(daemon, "rules swapped")) == 1
    # A mistake is told, and what was in force stays so. What needs a restart is named.
    (tmp_path / "rules" / "a.toml").write_text(RULE + 'feilds.labels = ["seen"]\n')
    config = daemon.config.read_text()
    token = 'token = "t"'
    daemon.config.write_text(config.replace(token, 'token = "hunter2"') + "[server.x]\n")
    hang_up()
    mistakes = [
        str(one) for one in said(daemon, "a mistake in the settings; those of the start hold")
    ]
    assert len(mistakes) == 1
    assert "[server] x" in mistakes[0]
    edited = config.replace(token, 'token = "hunter2"')
    daemon.config.write_text(edited + "[log]\nlevel = 'debug'\n")
    hang_up()
    (changed,) = said(daemon, "settings have changed; restart to have them in force")
    assert changed["settings"] == ["[log] level", "[sites.main] token"]
    assert "hunter2" not in daemon.said.read_text()
    again = said(daemon, "read the rules again")
    assert [bool(one["waits"]) for one in again] == [False, True, True]
    assert len(said(daemon, "rules swapped")) == 1
    assert daemon.terminate() == 0
    stopping = heard.until("STOPPING")
    assert stopping["EXTEND_TIMEOUT_USEC"] == "30000000"


def test_names_that_are_in_no_file_system_are_understood() -> None:
    name = f"ticket-sync-{os.getpid()}"
    heard = Heard(f"\0{name}")
    Systemd({"NOTIFY_SOCKET": f"@{name}"}).say(READY=1, STATUS="serving")
    assert heard.next() == {"READY": "1", "STATUS": "serving"}
    heard.close()


def test_nobody_is_told_where_nobody_listens(tmp_path: Path) -> None:
    Systemd({}).say(READY=1)
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}).say(READY=1)


def test_a_sign_of_life_comes_in_time_and_only_while_everything_turns(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "40000000"}
    systemd = Systemd(environment)
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    systemd.alive(lambda: "")
    now += 9.9
    systemd.alive(lambda: "")
    assert heard.next() == {"WATCHDOG": "1"}
    assert heard.nothing(0.05)
    now += 0.1
    with structlog.testing.capture_logs() as logs:
        systemd.alive(lambda: "triage has not turned for 601 s")
        systemd.alive(lambda: "triage has not turned for 601 s")
    assert heard.nothing(0.05)
    assert [one["why"] for one in logs] == ["triage has not turned for 601 s"]
    systemd.alive(lambda: "")
    assert heard.next() == {"WATCHDOG": "1"}


@pytest.mark.parametrize("more", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": ""}])
def test_signs_of_life_that_another_process_gives_are_not_given(
    heard: Heard, tmp_path: Path, more: dict[str, str]
) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000", **more}
    Systemd(environment).alive(lambda: "")
    assert heard.nothing(0.05)


def test_a_loop_whose_step_hangs_and_a_schedule_that_begins_no_job_are_stuck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hanging, on = threading.Event(), threading.Event()
    real, ahead = time.monotonic, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: real() + ahead)

    def step() -> float:
        hanging.set()
        on.wait(60)
        return 3600.0

    loop, schedule = Loop("triage", step), Schedule()
    schedule.every(86_400, "seldom", lambda: None)
    schedule.start()
    loop.start()
    assert hanging.wait(60)
    ahead = 3600.0
    assert loop.stuck(7200) == schedule.stuck(7200) == ""
    assert re.fullmatch(r"triage has not turned for 36\d\d s", loop.stuck(3000))
    assert re.fullmatch(r"no scheduled job has begun for 36\d\d s", schedule.stuck(3000))
    schedule.do("seldom")
    assert schedule.stuck(3000) == ""
    loop.stop()
    on.set()
    assert loop.join(10)
    schedule.stop()


WAITS = """
import sys
from sync.bootstrap.signals import stop_on_signals
with stop_on_signals() as stop:
    print("ready", flush=True)
    # In short pieces: Python may miss a signal that comes while a wait begins.
    sys.exit(7 if any(stop.wait(0.1) for _ in range(600)) else 0)
"""


def test_a_program_ends_with_its_terminal() -> None:
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", WAITS],
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(theirs)
    assert program.stdout is not None
    assert program.stdout.readline() == b"ready\n"
    os.close(ours)
    os.kill(program.pid, signal.SIGHUP)
    assert program.wait(60) == 7
    program.stdout.close()
