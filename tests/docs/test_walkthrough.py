"""The walks in the docs, run as they are written: an edit of the rules, and telling upstream."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.ports import free_port

pytestmark = pytest.mark.proof

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```(\w+) ?([^\n]*)\n(.*?)```", re.S)
PATIENCE = 120.0


def wait_for(what: str, done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, f"{what} did not come about"
        time.sleep(0.05)


class Terminal:
    """A folder, an environment, and what was started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: free_port() for port in ("9080", "9081", "8080")}
        self.started: list[subprocess.Popen[bytes]] = []
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "COLUMNS": "160",
            "TICKET_SYNC_SERVER__PORT": str(self.ports["8080"]),
        }

    def text(self, commands: str) -> str:
        """The commands, on ports of this test's own."""
        return re.sub(rf"\b({'|'.join(self.ports)})\b", lambda m: str(self.ports[m[1]]), commands)

    def run(self, commands: str, *, ends_well: bool = True) -> str:
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
        assert done.returncode == 0 or not ends_well, f"{commands}\n{done.stdout}\n{done.stderr}"
        for folder in re.findall(r"\bcd ([\w-]+)$", commands, re.M):
            self.folder /= folder
        return done.stdout

    def answer(self, command: str) -> tuple[int, str, str]:
        """How a command ends, and what it prints."""
        done = subprocess.run(
            shlex.split(self.text(command)),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout, done.stderr

    def shows(self, command: str, words: str) -> bool:
        """Whether a command prints these words by now. It may fail at first: the daemon listens before
        it has made its store."""
        return words in self.run(command, ends_well=False)

    def start(self, command: str, port: str) -> None:
        """Start what runs in a terminal of its own, and wait until it listens."""
        log = (self.folder / f"{port}.log").open("wb")
        self.started.append(
            subprocess.Popen(
                shlex.split(self.text(command)),
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
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    made = Terminal(tmp_path)
    yield made
    made.close()


def _section(file: str, heading: str) -> str:
    """The part of a document under a heading, up to the next of its level."""
    _, _, after = (ROOT / file).read_text("utf-8").partition(f"## {heading}\n")
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


# What a person sees happen before they go on: a command, and words in what it prints.
EDIT = {
    "settled": ("ticket-sync status --json", '"linked": 2'),
    "waiting": ("ticket-sync status --json", "would change 2 and make 0 tickets"),
    "planned": ("ticket-sync plan --live", "Nothing to do"),
}
OTHER_PAGES = ("docs/rules.md", "docs/pages.md", "docs/sweeps.md", "docs/noise.md")
BOTH_WAYS = {
    "made": ("ticket-sync status --json", '"linked": 1'),
    "begun": ("ticket-sync why DATA-1 --offline", "telling upstream has only just begun"),
    "marked": ("ticket-sync why DATA-1 --offline", "upstream as fixed for Data Owner"),
    "said": ("ticket-sync why DATA-1 --offline", "Data Owner in Jira: #upstream"),
    "copied": ("ticket-sync why DATA-1 --offline", "copy a comment from upstream"),
    "linked": ("ticket-sync status --json", '"linked": 6'),
    "guarded": ("ticket-sync upstream", "3 acts wait"),
    "accepted": ("ticket-sync upstream", "Nothing waits"),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("file", "heading", "until"),
    [
        ("README.md", "Change a rule without fear", EDIT),
        ("docs/two-way.md", "See it work", BOTH_WAYS),
    ],
    ids=["an edit", "both ways"],
)
def test_each_step_does_what_the_document_says(
    terminal: Terminal, file: str, heading: str, until: dict[str, tuple[str, str]]
) -> None:
    printed, steps = "", 0
    for kind, info, content in BLOCK.findall(_section(file, heading)):
        if kind == "text":
            _shown(content, printed)
        elif info.startswith("background="):
            terminal.start(content.strip(), info.partition("=")[2])
        else:
            if info:
                command, words = until[info]
                wait_for(info, partial(terminal.shows, command, words))
            printed = terminal.run(content)
            steps += 1
    assert steps >= 10
    if until is EDIT:
        _run_what_other_pages_name(terminal)


def _run_what_other_pages_name(terminal: Terminal) -> None:
    """Every command on the pages that walk through nothing answers in words of its own, here where a
    daemon and both sides are there. What it finds differs from what a reader has."""
    (terminal.folder / "pairs.csv").write_text("subject,ticket\n63e8,DATA-1\n", "utf-8")
    lines = [line for page in OTHER_PAGES for line in _commands((ROOT / page).read_text("utf-8"))]
    assert len(lines) >= 15
    there = [
        re.sub(r"\b12\b", "1", line.replace("https://tickets.example.com", "http://127.0.0.1:8080"))
        for line in lines
    ]
    # Each waits for the daemon or for Jira most of its time.
    with ThreadPoolExecutor(4) as several:
        answers = list(several.map(terminal.answer, there))
    for line, (code, out, err) in zip(lines, answers, strict=True):
        assert code in (0, 1, 2), f"{line}\n{out}{err}"
        assert out or err, line
        for words in ("Usage:", "defect", "Traceback"):
            assert words not in err, f"{line}\n{err}"


def _commands(page: str) -> list[str]:
    """The commands in blocks of a page, without what is said of them."""
    found = re.findall(r"^ {0,4}(ticket-sync [^\n#]*)", page, re.M)
    return [line.strip() for line in found]
