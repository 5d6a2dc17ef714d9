"""The sweeps on the daemon's schedule, as the settings say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync.bootstrap import adapters
from sync.bootstrap.program import Program, build
from sync.rules import RuleSet
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET
from sync.settings import Settings
from sync.store.engine import Store
from sync.store.leases import owners
from sync.store.sweeps import recent
from sync.worker.rulebook import in_force as rulebook
from sync.worker.rulebook.impact import Impact
from tests.adapters.coalesce.served import serving
from tests.bootstrap.beacon import BeaconSource
from tests.walks.both_ways import telling
from tests.walks.world import RULES

SITE = {"url": "http://127.0.0.1:9", "token": "t", "email": "bot@example.com", "project": "DATA"}
API = {"client_id": "id", "client_secret": "secret"}
OWN = {"sweep jira:eu", "sweep jira:main", "sweep own"}
ASKING = {"sweep issues", "sweep incidents", "sweep deliveries", "sweep heads"}


@contextmanager
def built(folder: Path, **sections: Any) -> Iterator[Program]:
    coalesce = {"signing_secrets": ["s"], **sections.pop("coalesce", {})}
    program = build(
        Settings(
            store={"url": f"sqlite:///{folder}/store.db"},  # type: ignore[arg-type]
            default_site="main",
            sites={"main": SITE, "eu": SITE},  # type: ignore[dict-item]
            coalesce=coalesce,  # type: ignore[arg-type]
            **sections,
        )
    )
    try:
        yield program
    finally:
        program.stop(5)


def sweeping(program: Program) -> set[str]:
    return {name for name in program.daemon.schedule.names() if name.startswith("sweep ")}


def test_with_credentials_all_sweeps_are_scheduled_a_site_each(tmp_path: Path) -> None:
    with built(tmp_path, coalesce={"api": API}) as program:
        assert sweeping(program) == OWN | ASKING
        assert "retention" in program.daemon.schedule.names()


def test_each_source_with_an_api_has_sweeps_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(adapters.SOURCES, "beacon", lambda _settings: BeaconSource())
    monkeypatch.setitem(adapters.APIS, "beacon", lambda _settings, _clock: object())
    with built(tmp_path, coalesce={"api": API}) as program:
        assert sweeping(program) == OWN | ASKING | {f"{name}:beacon" for name in ASKING}


def test_without_credentials_our_own_and_jiras_side_are_swept(tmp_path: Path) -> None:
    with built(tmp_path) as program:
        assert sweeping(program) == OWN


@pytest.mark.parametrize(
    ("sweeps", "left"),
    [
        ({"jira": {"enabled": False}}, {"sweep own"}),
        ({"own": {"cron": "*/10 * * * *"}}, OWN),
        ({"enabled": False}, set()),
    ],
    ids=["one off", "by cron", "all off"],
)
def test_the_settings_choose_which_sweeps_there_are(
    tmp_path: Path, sweeps: dict[str, Any], left: set[str]
) -> None:
    with built(tmp_path, sweeps=sweeps) as program:
        assert sweeping(program) == left
        assert "retention" in program.daemon.schedule.names()


def test_sweeps_that_are_off_are_warned_of(tmp_path: Path) -> None:
    with capture_logs() as logs, built(tmp_path, sweeps={"enabled": False}):
        pass
    assert any("sweeps are disabled" in entry["event"] for entry in logs)


def test_a_sweep_of_the_schedule_runs_in_the_daemons_name(tmp_path: Path) -> None:
    with built(tmp_path) as program:
        program.daemon.schedule.do("sweep own")
        program.daemon.schedule.do("retention")
        program.daemon.schedule.do("damage")
        with program.store.read() as session:
            (row,) = recent(session)
        assert (row.sweep, row.result, row.owner) == ("own", "ok", program.daemon.owner)


@pytest.mark.parametrize("rules", [RULES, telling()], ids=["one way", "both ways"])
def test_where_upstream_is_told_lost_deliveries_are_fetched_before_it_is_asked(
    tmp_path: Path, rules: str
) -> None:
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "rules.toml").write_text(rules)
    with serving() as upstream:
        access = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        api = {**access, "url": upstream.server.url, "actor_email": "bridge@example.com"}
        mappings = {"directory": str(folder)}
        with built(tmp_path, coalesce={"api": api}, mappings=mappings) as program:
            program.daemon.schedule.do("sweep issues")
            program.daemon.schedule.do("sweep own")
            program.daemon.schedule.do("sweep jira:main")
            # As a walk that finds another mark upstream than the store knows.
            for _ in range(3):
                program.daemon.converger._ways.recover()
            with program.store.read() as session:
                runs = [row.sweep for row in reversed(recent(session))]
    first = [] if rules == RULES else ["deliveries"]
    assert runs == [*first, "issues", "own", *first, "jira:main", "deliveries"]


def test_the_daemon_does_not_take_its_own_rulebook_for_one_that_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "rules.toml").write_text(RULES)
    at_work: list[set[str]] = []
    with built(tmp_path, mappings={"directory": str(folder)}) as program:
        real = rulebook.impact

        def impact(store: Store, old: RuleSet, new: RuleSet, now: float, *more: Any) -> Impact:
            # An edit that concerns many tickets takes longer than the daemon waits to look around.
            program.daemon.take_over()
            at_work.append(owners(store))
            return real(store, old, new, now, *more)

        monkeypatch.setattr(rulebook, "impact", impact)
        (folder / "rules.toml").write_text(RULES.replace("data-quality", "quality"))
        for _ in range(3):
            program.rulebook.poll()
        assert at_work[-1] == {program.daemon.owner}
        assert owners(program.store) == set()
