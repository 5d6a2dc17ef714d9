"""What only Jira can tell of a draft, asked apart from the threads that make pages.

A page waits for an answer for a moment. Later looks show it, once it has come. While Jira hangs, few
questions wait for it, and no page does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Told = TypeVar("Told")

# So long (seconds) a page waits for an answer, if no other question is under way.
PATIENCE = 2.0
# Further questions are not asked while so many are under way.
_AT_ONCE = 2
_KEPT = 50


class Asking(Generic[Told]):
    """Answers by key. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, Told] = {}
        self._under_way: dict[str, threading.Event] = {}

    def ask(self, key: str, question: Callable[[], Told]) -> None:
        """Ask anew, and wait for the answer for a moment. ``question`` does not raise."""
        with self._lock:
            alone = not self._under_way
            if key in self._under_way or len(self._under_way) >= _AT_ONCE:
                return
            asked = self._under_way[key] = threading.Event()
        work = threading.Thread(
            target=self._answer, args=(key, question, asked), name="names in Jira", daemon=True
        )
        work.start()
        if alone:
            asked.wait(PATIENCE)

    def answer(self, key: str) -> Told | None:
        """The last answer, None where there is none yet."""
        with self._lock:
            return self._answers.get(key)

    def waits(self, key: str) -> bool:
        """Whether the question is under way."""
        with self._lock:
            return key in self._under_way

    def _answer(self, key: str, question: Callable[[], Told], asked: threading.Event) -> None:
        try:
            found = question()
            with self._lock:
                self._answers.pop(key, None)
                self._answers[key] = found
                while len(self._answers) > _KEPT:
                    del self._answers[next(iter(self._answers))]
        finally:
            with self._lock:
                del self._under_way[key]
            asked.set()
