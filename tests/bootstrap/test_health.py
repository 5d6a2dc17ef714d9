"""What ``/health/ready`` says of the threads behind the receiver."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sync.bootstrap.program import probes
from tests.bootstrap.test_sweeps import built


def test_threads_that_do_not_run_make_the_program_unready(tmp_path: Path) -> None:
    with built(tmp_path) as program:
        worker = probes(
            program.store, program.inbox, program.trackers, program.rulebook, program.daemon
        )["worker"]
        idle = worker()
        assert (idle.ok, idle.vital) == (False, True)
        assert "triage does not run; dispatcher does not run" in idle.words.replace(
            "; restart the program", ""
        )
        program.start()
        assert worker().ok


def test_a_step_that_fails_again_and_again_is_told_of_while_deliveries_go_on_coming_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with built(tmp_path) as program:

        def fail(limit: int = 0) -> int:
            raise RuntimeError("secret words")

        monkeypatch.setattr(program.daemon.triage, "batch", fail)
        worker = probes(
            program.store, program.inbox, program.trackers, program.rulebook, program.daemon
        )["worker"]
        program.start()
        while (found := worker()).ok:
            threading.Event().wait(0.01)
        assert not found.vital
        assert found.words == "triage fails: RuntimeError, see the log"
