"""No page waits long for what only Jira can tell."""

from __future__ import annotations

import threading
import time

import pytest

from sync.web.pages.rules import asking
from sync.web.pages.rules.asking import Asking


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
        released.wait(10)
        return "at last"

    began = time.monotonic()
    for key in "abcdef":
        asked.ask(key, hangs)
    assert time.monotonic() - began < asking.PATIENCE + 1
    assert asked.waits("a")
    assert asked.answer("a") is None
    assert len(questions) == 2
    released.set()
    until = time.monotonic() + 5
    while asked.answer("a") is None and time.monotonic() < until:
        time.sleep(0.01)
    assert asked.answer("a") == "at last"


def test_what_is_asked_again_is_answered_anew() -> None:
    asked = Asking[str]()
    asked.ask("a", lambda: "one")
    asked.ask("a", lambda: "two")
    assert asked.answer("a") == "two"
