"""Real processes on 127.0.0.1: the daemon, the simulated Jira, and what stands before it.

Each is ended by its own process id. What they say goes to a file in their folder.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[1]
T = TypeVar("T")

SECRET = "proof"
_START_SECONDS = 60.0

# Intervals that are minutes in production, shortened; nothing else differs from it.
CONFIG = """\
[server]
port = 0
stop_timeout = "{stop_timeout}s"
[store]
url = {store}
[coalesce]
signing_secrets = ["{secret}"]
[sites.main]
{site}
index_lag = "{index_lag}s"
connect_timeout = "2s"
read_timeout = "{read_timeout}s"
probe_every = "500ms"
[worker]
lease = "{lease}s"
[mappings]
reload_every = "300ms"
{mappings}
# Nothing may depend on being swept up later.
[sweeps]
enabled = false
"""


class Ended(Exception):
    """A process ended, or did not come up; with the end of what it said."""


class Running:
    """One process. ``said`` is the file its output goes to."""

    def __init__(self, command: Sequence[str], folder: Path, name: str) -> None:
        self.command = [sys.executable, "-m", *command]
        self.folder = folder
        self.said = folder / f"{name}.log"
        # The most files that the process may have open, 0 for as many as this process may.
        self.files = 0
        # Where its program is.
        self.root = ROOT
        self._process: subprocess.Popen[bytes] | None = None
        self._from = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        """Start the process, without waiting for anything."""
        assert not self.alive
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TICKET_SYNC_")}
        environment["PYTHONPATH"] = str(self.root)
        self._from = self.said.stat().st_size if self.said.exists() else 0
        with self.said.open("ab") as said:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                preexec_fn=self._limit,
            )

    def _limit(self) -> None:
        if self.files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

    def lines(self) -> list[str]:
        """The whole lines that it has said since it was last started, and while it does not run, also
        what it has not said to the end."""
        alive = self.alive
        with self.said.open("rb") as said:
            said.seek(self._from)
            found = said.read()
        if alive:
            found = found[: found.rfind(b"\n") + 1]
        return found.decode(errors="replace").splitlines()

    def wait_for(self, found: Any, seconds: float = _START_SECONDS) -> Any:
        """Wait until ``found(line)`` is not None for a line it says, and return that."""
        end = time.monotonic() + seconds
        while True:
            alive = self.alive
            for line in self.lines():
                if (value := found(line)) is not None:
                    return value
            if not alive or time.monotonic() > end:
                tail = "\n".join(self.lines()[-20:])
                raise Ended(f"{' '.join(self.command)} did not come up or ended:\n{tail}")
            time.sleep(0.02)

    def wait(self, seconds: float = 60.0) -> int:
        """Wait until it ends by itself; its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def terminate(self, seconds: float = 60.0) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def resident(self) -> float:
        """MiB of memory it holds now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise Ended("it is gone")


class Daemon(Running):
    """``ticket-sync serve``, with a written config.toml. ``address`` changes with every start."""

    def __init__(  # noqa: PLR0913  (each is a line of its config.toml or of its command)
        self,
        folder: Path,
        store: str,
        site: Mapping[str, Any],
        *,
        name: str = "daemon",
        index_lag: float = 3.0,
        read_timeout: float = 2.0,
        stop_timeout: float = 20.0,
        lease: float = 15.0,
        rules: Path | None = None,
        module: str = "sync.cli.main",
        ahead: float = 0.0,
        more: str = "",
        files: int = 0,
        only: str = "",
        root: Path = ROOT,
    ) -> None:
        config = folder / f"{name}.toml"
        config.write_text(
            CONFIG.format(
                store=json.dumps(store),
                secret=SECRET,
                site="\n".join(f"{key} = {json.dumps(value)}" for key, value in site.items()),
                index_lag=index_lag,
                read_timeout=read_timeout,
                stop_timeout=stop_timeout,
                lease=lease,
                mappings=f"directory = {json.dumps(str(rules))}" if rules else "",
            )
            + more
        )
        program = ["proof.ahead", str(ahead)] if ahead else [module]
        half = ["--only", only] if only else []
        super().__init__([*program, "serve", "--config", str(config), *half], folder, name)
        self._only = only
        self.files = files
        self.root = root
        self.config = config
        self.address: tuple[str, int] | None = None

    def start(self) -> None:
        """Start, and wait until deliveries are taken."""
        self.spawn()
        self.await_serving()

    def await_serving(self) -> None:
        """Wait until deliveries are taken; of a worker alone, until it works."""
        url = self.wait_for(_served)
        host, _, port = url.split("/")[2].partition(":")
        self.address = (host, int(port)) if self._only != "worker" else None

    def kill(self) -> None:
        self.address = None
        super().kill()

    def verb(self, *arguments: str) -> str:
        """What ``ticket-sync`` says to other verbs with the same configuration."""
        done = subprocess.run(
            [sys.executable, "-m", "sync.cli.main", *arguments, "--config", str(self.config)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(self.root)},
        )
        if done.returncode:
            raise Ended(f"ticket-sync {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout


def _served(line: str) -> str | None:
    if '"serving"' not in line:
        return None
    said = json.loads(line)
    return str(said["address"]) if said.get("event") == "serving" else None
