"""The simulated sender: posts deliveries to a receiver, with the retries that upstream documents."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import httpx2

from sync.sandbox.coalesce.outbox import Outbox, Outcome, Reply

Post = Callable[[bytes, Mapping[str, str]], Reply]


class HttpPost:
    """Posts bodies to a receiver. ``url`` may change at any time, for a receiver that moves."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self.url = url
        self._client = httpx2.Client(timeout=timeout, trust_env=False, follow_redirects=False)

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        try:
            return Reply(self._client.post(self.url, content=body, headers=headers).status_code)
        except httpx2.HTTPError as error:
            return Reply(0, type(error).__name__)

    def close(self) -> None:
        self._client.close()


class Sender:
    """Makes the due attempts of an outbox: in its own threads, or in the caller's by ``pump``."""

    def __init__(self, outbox: Outbox, post: Post, *, workers: int = 4) -> None:
        self.outbox = outbox
        self._post = post
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"sender-{n}", daemon=True)
            for n in range(workers)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the threads; returns when the attempts that they are making have ended."""
        self._stop.set()
        with self.outbox.changed:
            self.outbox.changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def pump(self) -> int:
        """Make every due attempt in this thread; returns how many."""
        made = 0
        while self._one():
            made += 1
        return made

    def settled(self, timeout: float) -> bool:
        """Wait until no delivery is pending, for at most ``timeout`` seconds; whether none is."""
        end = time.monotonic() + timeout
        with self.outbox.changed:
            while self.outbox.outcomes()[Outcome.PENDING]:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self.outbox.changed.wait(left)
        return True

    def _one(self) -> bool:
        sending = self.outbox.take_due()
        if sending is None:
            return False
        reply = Reply(0, "lost") if sending.lost else self._post(sending.body, sending.headers)
        self.outbox.record(sending, reply)
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._one():
                continue
            with self.outbox.changed:
                due = self.outbox.next_at()
                now = self.outbox.sandbox.clock.time()
                if not self._stop.is_set() and (due is None or due > now):
                    self.outbox.changed.wait(None if due is None else due - now)
