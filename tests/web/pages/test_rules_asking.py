"""No page waits long for what only Jira can tell."""

from __future__ import annotations

import threading
import time

import pytest

from sync.web.pages.rules import asking
from sync.web.pages.rules.asking import Asking
from tests.adapters.notify.receivers import eventually


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 60.0)


def test_an_answer_that_comes_at_once_is_there_and_is_kept() -> None:
    asked = Asking[str]()
    asked.ask("a", lambda: "yes")
    assert asked.answer("a") == "yes"
    assert not asked.waits("a")
    assert asked.answer("b") is None


def test_while_jira_hangs_pages_wait_for_a_moment_and_few_questions_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 0.1)
    released, questions = threading.Event(), []
    asked = Asking[str]()

    def hangs() -> str:
        questions.append(1)
        released.wait(60)
        return "at last"

    began = time.monotonic()
    for key in "abcdef":
        asked.ask(key, hangs)
    assert time.monotonic() - began < 30
    assert asked.waits("a")
    assert asked.answer("a") is None
    eventually(lambda: len(questions) == 2)
    released.set()
    eventually(lambda: asked.answer("a") == "at last")
    assert len(questions) == 2


def test_what_is_asked_again_is_answered_anew() -> None:
    asked = Asking[str]()
    asked.ask("a", lambda: "one")
    asked.ask("a", lambda: "two")
    assert asked.answer("a") == "two"
