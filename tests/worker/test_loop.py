"""A loop: a step that fails is followed by the next one."""

from __future__ import annotations

import threading

import pytest

from sync.worker.daemon import loop as loop_module
from sync.worker.daemon.loop import Loop


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(1)], ids=["error", "exit"])
def test_a_step_that_fails_is_taken_again(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "PAUSE_SECONDS", 0.01)
    taken = threading.Event()
    failed: list[bool] = []

    def step() -> float:
        if not failed:
            failed.append(True)
            raise error
        taken.set()
        return 60.0

    loop = Loop("triage", step)
    loop.start()
    assert taken.wait(30)
    loop.stop()
    assert loop.join(10)


def test_it_tells_what_fails_until_a_step_goes_well() -> None:
    healthy, went = threading.Event(), threading.Event()

    def step() -> float:
        if not healthy.is_set():
            raise ValueError("secret words")
        went.set()
        return 0.0

    loop = Loop("triage", step)
    before = loop.trouble()
    assert before is not None
    assert before.over
    loop.start()
    while (trouble := loop.trouble()) is None or trouble.over:
        threading.Event().wait(0.01)
    assert trouble.words == "triage fails: ValueError, see the log"
    healthy.set()
    assert went.wait(30)
    while loop.trouble() is not None:
        threading.Event().wait(0.01)
    loop.stop()
    assert loop.join(10)
