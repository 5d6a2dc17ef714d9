"""The simulated Jira as a process, and its control API from outside."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from proof.processes import Running


class Jira(Running):
    """``ticket-sync sandbox``. ``site`` holds the keys of ``[sites.main]`` once it is up."""

    def __init__(
        self,
        folder: Path,
        *,
        lag: float = 0.0,
        limits: bool = True,
        port: int = 0,
        datacenter: bool = False,
    ) -> None:
        flag = "--rate-limits" if limits else "--no-rate-limits"
        command = ["sync.cli.main", "sandbox", "--port", str(port), "--index-lag", str(lag), flag]
        command += ["--datacenter"] if datacenter else []
        super().__init__(command, folder, "jira")
        self.lag = lag
        self.site: dict[str, str] = {}

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.spawn()
        self.wait_for(lambda line: line if line.startswith("project = ") else None)
        self.site = {}
        for line in self.lines():
            key, found, value = line.partition(" = ")
            if found:
                self.site[key] = json.loads(value)

    @property
    def port(self) -> int:
        return int(self.site["url"].rsplit(":", 1)[1])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(
                method, f"/sandbox/{path}", data, {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            said = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise AssertionError(f"{method} {path}: {response.status} {said[:500]!r}")
        return json.loads(said) if said else None

    def reset(self, lag: float = 0.0) -> None:
        """A fresh site, with this index lag."""
        self.ask("POST", "reset")
        self.ask("PUT", "lag", {"seconds": lag})

    def tickets(self) -> list[dict[str, Any]]:
        """All tickets, past any index lag."""
        found: list[dict[str, Any]] = self.ask("GET", "tickets")
        return found

    def calls(self) -> list[dict[str, Any]]:
        """Calls by method, path and status; 0 stands for no answer."""
        found: list[dict[str, Any]] = self.ask("GET", "calls")["calls"]
        return found

    def count(self, status: int | None = None) -> int:
        """How many calls there were, or how many with this status."""
        return sum(c["count"] for c in self.calls() if status is None or c["status"] == status)

    def fault(self, effect: str, **how: Any) -> None:
        """Put a fault in force."""
        self.ask("POST", "faults", {"effect": effect, **how})

    def hits(self) -> int:
        """How often the faults in force have struck."""
        return sum(one["hits"] for one in self.ask("GET", "faults"))

    def healthy(self) -> None:
        """No more faults."""
        self.ask("DELETE", "faults")

    def act(self, do: str, *args: Any, **given: Any) -> Any:
        """Something a person does."""
        return self.ask("POST", "act", {"do": do, "args": args, "with": given})["result"]


class Front(Running):
    """What stands before Jira, see ``proof.front``."""

    def __init__(self, folder: Path, target: int) -> None:
        super().__init__(["proof.front", "0", str(target)], folder, "front")
        self.port = 0

    def start(self) -> None:
        """Start, or start again at the same port."""
        self.command[-2] = str(self.port)
        self.spawn()
        self.port = self.wait_for(
            lambda line: int(line.split()[1]) if line.startswith("port ") else None
        )
