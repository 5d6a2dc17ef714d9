"""The programs whose pages are looked at, as processes of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).parents[2]
# A proxy in the environment has no part in this.
_OPENER = build_opener(ProxyHandler({}))


@contextmanager
def started(*words: str, until: str) -> Iterator[str]:
    """``ticket-sync`` with ``words``; what it has printed by the time a line has ``until`` in it.

    It is told to stop in the end, and must end well.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "sync.cli.main", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if until in line:
                break
        # What nobody reads would stop the program once the pipe is full.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        assert until in said, said
        yield said
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Site:
    """A simulated Jira, and what can be done to it from outside."""

    url: str

    def act(self, do: str, *args: str, **how: Any) -> str:
        """Have a person do something; what came of it (the new ticket's key, say)."""
        return str(self._post("act", {"do": do, "args": args, "with": how})["result"])

    def reset(self) -> None:
        self._post("reset", {})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = Request(
            f"{self.url}/sandbox/{path}",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with _OPENER.open(request, timeout=20) as reply:
            text = reply.read()
        return json.loads(text) if text else None


@dataclass(frozen=True, slots=True)
class Everything:
    """A running demo: where its board and its daemon are."""

    board: str
    daemon: str


@contextmanager
def sandbox() -> Iterator[Site]:
    with started("sandbox", "--port", "0", until="Ctrl-C") as said:
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found, said
        yield Site(found[0])


@contextmanager
def demo() -> Iterator[Everything]:
    with started("demo", "--no-open", until="its pages") as said:
        board, daemon, _ = re.findall(r"http://127\.0\.0\.1:\d+", said)
        yield Everything(board, daemon)
