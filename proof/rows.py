"""The rows of the fault matrix: what goes wrong in each, and how the trial goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proof.scene import Scene
from sync.store import parking

# How a trial runs: from a scene whose Jira is fresh to the moment when all was delivered and the
# outside is healthy again. It starts the daemon itself. ``size`` is how many subjects.
Trial = Callable[[Scene, int], None]


@dataclass(frozen=True, slots=True)
class Row:
    """``core``: part of the short form. ``lag``: seconds by which Jira's search lags. ``only``: the
    one kind of store it makes sense on. ``own``: it needs a daemon and a store of its own; the others
    follow each other on one that stays."""

    name: str
    trial: Trial
    core: bool = False
    lag: float = 0.0
    only: str = ""
    own: bool = False


ROWS: list[Row] = []

# How often more is delivered, so that a fault which strikes now and then strikes at all.
_MORE = 8


def row(
    name: str, *, core: bool = False, lag: float = 0.0, only: str = "", own: bool = False
) -> Callable[[Trial], Trial]:
    """Make a function a row."""

    def add(trial: Trial) -> Trial:
        ROWS.append(Row(name, trial, core, lag, only, own))
        return trial

    return add


def struck_by(
    name: str,
    effect: str,
    *,
    core: bool = False,
    lag: float = 0.0,
    clear_after: float | None = None,
    **how: object,
) -> None:
    """A row with one fault in force while everything is delivered. Without a ``count`` it is lifted
    ``clear_after`` seconds after it first struck."""

    def trial(scene: Scene, size: int) -> None:
        given = dict(how)
        if given.get("count") == "half":
            given["count"] = max(2, size // 2)
        scene.jira.fault(effect, **given)
        scene.daemon()
        scene.deliver(*scene.made(size))
        # What strikes now and then may have let all these calls pass.
        for _ in range(_MORE if "probability" in given else 0):
            if scene.strikes(within=3.0):
                break
            scene.deliver(*scene.made(size))
        scene.struck()
        if clear_after is not None:
            time.sleep(clear_after)
            scene.jira.healthy()

    ROWS.append(Row(name, trial, core, lag))


@row("none", core=True)
def _none(scene: Scene, size: int) -> None:
    scene.daemon()
    scene.deliver(*scene.made(size))


CREATE = {"method": "POST", "path": "/issue$", "count": "half"}
_CLASSIC = ["read:jira-work", "write:jira-work", "read:jira-user"]
_NO_LINKS = ["read:jira-work", "read:jira-user", "write:issue:jira", "write:comment:jira"]
WRITES: dict[str, Any] = {"method": "POST|PUT|DELETE"}

struck_by("create: reply lost, search lags", "drop", after=True, core=True, lag=2.0, **CREATE)
struck_by("create: reply cut in half", "cut", lag=1.0, **CREATE)
struck_by("create: dropped before the work", "drop", lag=1.0, **CREATE)
struck_by("create: read timeout after the work", "read_timeout", lag=1.0, **CREATE)
struck_by("create: 500 before the work", "status", status=500, **CREATE)
struck_by("create: 500 after the work", "status", status=500, after=True, lag=1.0, **CREATE)
struck_by("create: HTML with 200, after", "html", status=200, after=True, lag=1.0, **CREATE)
struck_by("create: HTML with 200, before", "html", status=200, **CREATE)
struck_by("create: 502 after the work", "status", status=502, after=True, lag=1.0, **CREATE)
struck_by("create: 503 before the work", "status", status=503, **CREATE)
struck_by("create: 409 conflict", "status", status=409, **CREATE)
struck_by("everything: 502 now and then", "status", status=502, probability=0.25, clear_after=3.0)
struck_by("everything: 503 HTML for a while", "html", status=503, clear_after=3.0)
struck_by(
    "writes: 500 after, now and then",
    "status",
    after=True,
    probability=0.3,
    clear_after=3.0,
    lag=1.0,
    core=True,
    **WRITES,
)
struck_by(
    "everything: reply lost, now and then",
    "drop",
    after=True,
    probability=0.25,
    clear_after=3.0,
    lag=1.0,
)
struck_by("comment: reply lost", "drop", after=True, method="POST", path="/comment$", count="half")
struck_by("comment: 500 after", "status", after=True, method="POST", path="/comment$", count="half")
struck_by(
    "transition: reply lost", "drop", after=True, method="POST", path="/transitions$", count="half"
)
struck_by(
    "transition: 409 conflict",
    "status",
    status=409,
    method="POST",
    path="/transitions$",
    count="half",
)
struck_by("link back: reply lost", "drop", after=True, path="/remotelink$", count="half")
struck_by("writes: 409 conflict", "status", status=409, probability=0.3, clear_after=3.0, **WRITES)

for _reason in (
    "jira-burst-based",
    "jira-per-issue-on-write",
    "jira-quota-global-based",
    "jira-quota-tenant-based",
):
    struck_by(
        f"429 {_reason}",
        "rate_limit",
        reason=_reason,
        retry_after=1,
        probability=0.2,
        clear_after=3.0,
        core=_reason == "jira-burst-based",
    )
struck_by("429 without Retry-After", "status", status=429, probability=0.2, clear_after=3.0)
struck_by("latency of 0.4 s", "latency", seconds=0.4, clear_after=0.0)
struck_by("refused connections", "refuse", clear_after=3.0)
struck_by("401 for a while", "unauthorized", clear_after=1.5, core=True)
struck_by("served as nobody for a while", "anonymous", clear_after=3.0)
struck_by("CAPTCHA for a while", "captcha", clear_after=3.0)
struck_by("maintenance for a while", "maintenance", clear_after=3.0)
struck_by("read-only for a while", "read_only", clear_after=3.0)


@row("create: 500 for good, then mended", core=True, lag=0.5, own=True)
def _lasting(scene: Scene, size: int) -> None:
    scene.jira.fault("status", method="POST", path="/issue$", status=500)
    scene.daemon(index_lag=1.0)
    scene.deliver(*scene.made(size))
    scene.settle()
    assert scene.standing().parked > 0
    scene.jira.healthy()
    parking.retry_parked(scene.store, time.time(), "Jira is mended")
    scene.unparked(0)


@row("a token without the scope to link, then with it", core=True)
def _scope(scene: Scene, size: int) -> None:
    scene.daemon()
    before = scene.standing().parked
    scene.jira.ask("PUT", "scopes", {"scopes": _NO_LINKS})
    try:
        scene.deliver(*scene.made(size))
        scene.settle()
        assert scene.jira.count(401) > 0
        assert scene.standing().parked > before
    finally:
        scene.jira.ask("PUT", "scopes", {"scopes": _CLASSIC})
    parking.retry_parked(scene.store, time.time(), "the token has the scope now")
    scene.unparked(before)


@row("writes: reply lost behind a proxy", core=True, lag=2.0, own=True)
def _behind_a_proxy(scene: Scene, size: int) -> None:
    scene.with_front(as_proxy=True)
    scene.jira.fault("drop", after=True, count=max(3, size), probability=0.5, **WRITES)
    scene.daemon()
    scene.deliver(*scene.made(size))
    scene.struck()


@row("update: reply lost")
def _updates(scene: Scene, size: int) -> None:
    # Told of apart from their creation: a burst would be made a ticket of in one call.
    scene.daemon()
    subjects = [scene.one("", kind="issue") for _ in range(size)]
    scene.deliver(*subjects)
    scene.settle()
    scene.jira.fault("drop", after=True, method="PUT", path=r"/issue/\d+$", count=2)
    for subject in subjects:
        scene.tell(subject, "")
    scene.struck(2)
