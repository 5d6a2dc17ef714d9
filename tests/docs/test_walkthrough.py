"""The README's walk from an edit of the rules to its being in force, run as it is written."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.proof

README = Path(__file__).resolve().parents[2] / "README.md"
HEADING = "## Change a rule without fear\n"
BLOCK = re.compile(r"```(\w+) ?([^\n]*)\n(.*?)```", re.S)
PATIENCE = 120.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(what: str, done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, f"{what} did not come about"
        time.sleep(0.05)


class Terminal:
    """A folder, an environment, and what was started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: free_port() for port in ("9080", "8080")}
        self.started: list[subprocess.Popen[bytes]] = []
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "COLUMNS": "160",
            "TICKET_SYNC_SERVER__PORT": str(self.ports["8080"]),
        }

    def text(self, commands: str) -> str:
        """The commands, on a port of this test's own."""
        return re.sub(r"\b9080\b", str(self.ports["9080"]), commands)

    def run(self, commands: str) -> str:
        """What the commands print. An ``export`` and a ``cd`` stay for those that follow."""
        for name, value in re.findall(r"(\w+)=([\w-]+)(?= |$)", _exports(commands)):
            self.environment[name] = value
        done = subprocess.run(
            ["bash", "-ec", self.text(commands)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        for folder in re.findall(r"\bcd ([\w-]+)$", commands, re.M):
            self.folder /= folder
        return done.stdout

    def start(self, command: str, port: str) -> None:
        """Start what runs in a terminal of its own, and wait until it listens."""
        log = (self.folder / f"{port}.log").open("wb")
        self.started.append(
            subprocess.Popen(
                self.text(command).split(),
                cwd=self.folder,
                env=self.environment,
                executable=shutil.which(command.split()[0], path=self.environment["PATH"]),
                stdout=log,
                stderr=log,
            )
        )
        wait_for(command, lambda: self._listens(self.ports[port]))

    def _listens(self, port: int) -> bool:
        assert self.started[-1].poll() is None, "it ended by itself"
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", port)) == 0

    def close(self) -> None:
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    # The reader stands in a checkout, which has rules of its own.
    shutil.copytree(README.parent / "mappings", tmp_path / "mappings")
    made = Terminal(tmp_path)
    yield made
    made.close()


def _section() -> str:
    """The part of the README under the heading, up to the next of its level."""
    _, _, after = README.read_text("utf-8").partition(HEADING)
    return after.partition("\n## ")[0]


def _exports(commands: str) -> str:
    return " ".join(re.findall(r"(?m)^export (.*)$", commands))


def _plain(text: str) -> str:
    """Without the frames of tables and the number of blanks."""
    return " ".join(re.sub(r"[│┃━─┏┓┗┛┡┩└┘┌┐├┤┬┴┼╇┳]", " ", text).split())


def _shown(expected: str, printed: str) -> None:
    """Each line that the document shows is among what was printed; … stands for anything."""
    for line in filter(None, map(_plain, expected.splitlines())):
        pattern = ".*?".join(re.escape(part) for part in line.split("…"))
        assert re.search(pattern, _plain(printed)), f"{line!r} is not in:\n{printed}"


@pytest.mark.timeout(600)
def test_each_step_does_what_the_document_says(terminal: Terminal) -> None:
    until: dict[str, tuple[str, str]] = {
        # What a person sees happen before they go on: a command, and words in what it prints.
        "settled": ("ticket-sync status --json", '"linked": 2'),
        "waiting": ("ticket-sync status --json", "would change 2 and make 0 tickets"),
        "planned": ("ticket-sync plan --live", "Nothing to do"),
    }
    printed, steps = "", 0
    for kind, info, content in BLOCK.findall(_section()):
        if kind == "text":
            _shown(content, printed)
        elif info.startswith("background="):
            terminal.start(content.strip(), info.partition("=")[2])
        else:
            if info:
                command, words = until[info]
                wait_for(info, lambda c=command, w=words: w in terminal.run(c))  # type: ignore[misc]
            printed = terminal.run(content)
            steps += 1
    assert steps >= 10
