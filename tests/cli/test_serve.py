"""The daemon as a real process: it takes deliveries, makes tickets, and stops as it is told."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync.bootstrap.simulated import SimulatedJira, start_jira
from sync.cli.main import app
from tests.ports import nobody_listens

pytestmark = pytest.mark.proof

SECRET = "tested"


@pytest.fixture
def jira() -> Iterator[SimulatedJira]:
    jira = start_jira(index_lag=0.0)
    yield jira
    jira.stop()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("TICKET_SYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def configured(jira: SimulatedJira, more: str = "") -> None:
    site = "\n".join(f'{key} = "{value}"' for key, value in jira.settings().items())
    Path("config.toml").write_text(
        f'[server]\nport = 0\n[coalesce]\nsigning_secrets = ["{SECRET}"]\n{more}\n'
        f"[sites.main]\n{site}\n"
    )


class Daemon:
    """``ticket-sync serve`` under way; ``url`` is where it receives."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[dict[str, object]] = []
        self.raw: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._drain, daemon=True).start()
        # The addresses of the sources come first, and those of Jira's webhooks after them.
        self.url = str(self.until("serving")["webhook"]).split()[0]

    def until(self, event: str) -> dict[str, object]:
        """Read the log up to this event."""
        while line := self._lines.get(timeout=60):
            self.log.append(json.loads(line))
            if self.log[-1]["event"] == event:
                return self.log[-1]
        raise AssertionError(f"the daemon ended without {event!r}: {self.log}")

    def _drain(self) -> None:
        # A full pipe would stop the daemon.
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.raw.append(line)
            self._lines.put(line)
        self._lines.put("")


@contextmanager
def daemon() -> Iterator[Daemon]:
    command = [sys.executable, "-m", "sync.cli.main", "serve"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        running: Daemon | None = None
        try:
            running = Daemon(process)
            yield running
        except AssertionError:
            print(*(running.raw if running else ()))
            raise
        finally:
            process.kill()


def send(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["send", *args])
    return result.exit_code, result.stdout + result.stderr


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "that did not come about"
        time.sleep(0.02)


def test_a_signed_delivery_becomes_a_ticket_and_sigterm_ends_it_with_0(jira: SimulatedJira) -> None:
    configured(jira)
    with daemon() as running:
        code, said = send("--sample", "issue_created", "--url", running.url)
        assert (code, said[:4]) == (0, "202 ")
        eventually(lambda: len(jira.site.tickets()) == 1)
        send("--sample", "issue_closed", "--url", running.url)
        eventually(lambda: jira.site.tickets()[0].category == "done")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
        assert running.until("stopped")
    assert len(jira.site.tickets()) == 1
    assert (
        jira.site.tickets()[0].summary
        == "ORDERS is stale: no new rows for 5 hours (ANALYTICS.SALES.ORDERS)"
    )


def test_the_environment_alone_is_enough_for_daemon_and_verbs(
    jira: SimulatedJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in jira.settings().items():
        monkeypatch.setenv(f"TICKET_SYNC_SITES__MAIN__{name.upper()}", str(value))
    monkeypatch.setenv("TICKET_SYNC_SERVER__PORT", "0")
    monkeypatch.setenv("TICKET_SYNC_COALESCE__SIGNING_SECRETS", SECRET)
    with daemon() as running:
        assert send("--sample", "issue_created", "--url", running.url)[0] == 0
        eventually(lambda: len(jira.site.tickets()) == 1)
        status = CliRunner().invoke(app, ["status"])
        assert (status.exit_code, status.stderr) == (0, "")
        assert Path("ticket-sync.db").exists()
        assert not Path("config.toml").exists()
    checked = CliRunner().invoke(app, ["check"])
    assert checked.exit_code == 0, checked.output


def test_a_wrong_secret_is_refused_and_explained(jira: SimulatedJira) -> None:
    configured(jira)
    with daemon() as running:
        code, said = send("--sample", "ping", "--url", running.url, "--secret", "other")
        assert code == 1
        assert said.startswith('401 {"error":"the signature is missing or wrong"}\n')
        assert "signing_secrets do not hold the secret used here" in said
        refused = running.until("delivery")
        assert refused["reason"] == "the signature fits none of the secrets"
    assert jira.site.tickets() == []


def test_unsigned_deliveries_are_warned_about_at_every_start(jira: SimulatedJira) -> None:
    configured(jira, "allow_unsigned = true")
    for _ in range(2):
        with daemon() as running:
            warning = running.log[0]
            assert warning["level"] == "warning"
            assert "accepted UNSIGNED" in str(warning["event"])
            assert send("--sample", "ping", "--url", running.url, "--unsigned")[0] == 0
            running.process.send_signal(signal.SIGINT)
            assert running.process.wait(30) == 0


def test_what_was_accepted_before_a_kill_is_worked_on_after_it(jira: SimulatedJira) -> None:
    configured(jira)
    jira.site.faults.add("refuse")
    with daemon() as running:
        assert send("--sample", "issue_created", "--url", running.url)[0] == 0
        running.process.kill()
    jira.site.faults.clear()
    with daemon():
        eventually(lambda: len(jira.site.tickets()) == 1)


def test_a_port_in_use_is_one_paragraph(jira: SimulatedJira) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        configured(jira)
        done = subprocess.run(
            [sys.executable, "-m", "sync.cli.main", "serve"],
            env={**os.environ, "TICKET_SYNC_SERVER__PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"Cannot listen on 127.0.0.1:{port}: Address already in use.")
    assert "Traceback" not in done.stderr
    assert not Path("ticket-sync.db").exists()


def test_broken_rules_are_one_paragraph_and_nothing_is_made(jira: SimulatedJira) -> None:
    configured(jira)
    Path("mappings").mkdir()
    Path("mappings/a.toml").write_text('[[rule]]\nname = "x"\nprojekt = "DATA"\n')
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 2
    assert result.stderr.startswith("The mapping rules cannot be used. ")
    assert "a.toml:3: projekt" in result.stderr
    assert "Did you mean 'project'?" in result.stderr
    assert not Path("ticket-sync.db").exists()


def test_nobody_at_the_address_is_said_in_words(jira: SimulatedJira) -> None:
    with nobody_listens() as port:
        url = f"http://127.0.0.1:{port}/webhooks/coalesce"
        code, said = send("--sample", "ping", "--url", url, "--secret", "s")
    assert code == 1
    assert said.startswith(f"Nothing answers at {url}")
    assert "Is the daemon running (`ticket-sync serve`)" in said


def test_a_file_is_sent_as_it_is_and_a_sample_can_be_printed(jira: SimulatedJira) -> None:
    configured(jira)
    code, body = send("--sample", "incident_open", "--title", "Late", "--id", "i-1", "--print")
    assert code == 0
    assert json.loads(body)["incident_open"]["incident"]["title"] == "Late"
    Path("body.json").write_text(body)
    with daemon() as running:
        assert send("body.json", "--url", running.url)[0] == 0
        eventually(lambda: len(jira.site.tickets()) == 1)
    assert jira.site.tickets()[0].summary == "Late"
    assert send()[1].startswith("Give either a file or --sample with one of ping, issue_created,")
