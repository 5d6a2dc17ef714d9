"""How long a daemon takes to accept a delivery while its workers make tickets, and while they rest.

The daemon and the simulated Jira are processes of this machine, on 127.0.0.1. Two connections send a
delivery at a time each, at intervals. The deliveries that are measured name no subject: they make no
work.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator

from benchmarks.accepting.deliveries import request
from benchmarks.accepting.load import Result, load
from proof.processes import SECRET
from proof.scene import Scene, jira_site
from proof.sending import PATH
from proof.stores import Stores, folder_for
from sync.adapters.coalesce.webhook.signature import signed_headers

_GAP = 0.01
_CONNECTIONS = 2


def waits(kind: str, *, seconds: float, tickets: int) -> tuple[Result, Result]:
    """The answers of a daemon at rest, and of one that gets so many new subjects to make tickets of."""
    folder = folder_for("accept")
    with jira_site(folder) as jira, Stores.shared().fresh(kind, folder) as url:
        scene = Scene(folder, url, jira)
        try:
            scene.daemon()
            scene.deliver(*(scene.one("", kind="issue") for _ in range(20)))
            scene.settle()
            idle = _measure(scene, "idle", seconds)
            new = [scene.traffic.subject(("",), kind="issue").bodies[0] for _ in range(tickets)]
            sending = scene.sending(new, senders=2)
            busy = _measure(scene, "busy", seconds)
            sending.wait()
            return idle, busy
        finally:
            scene.close()
            shutil.rmtree(folder, ignore_errors=True)


def _measure(scene: Scene, name: str, seconds: float) -> Result:
    address = scene.address()
    assert address is not None
    count = round(_CONNECTIONS * (seconds + 1) / _GAP)
    requests = list(_pings(name, count))
    return asyncio.run(
        load(address, requests, connections=_CONNECTIONS, warm_up=0.5, seconds=seconds, gap=_GAP)
    )


def _pings(name: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        body = json.dumps(
            {
                "event_id": f"{name}-{time.time_ns()}-{number}",
                "event_type": "EVENT_TYPE_PING",
                "ping": {"message": "x" * 1800},
            }
        ).encode()
        yield request(body, signed_headers(SECRET, body), path=PATH)
