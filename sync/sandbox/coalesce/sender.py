"""The simulated sender: posts deliveries to a receiver, with the retries that upstream documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync.sandbox.coalesce.outbox import Outbox, Sending
from sync.sandbox.sending import HttpPost, QueueSender, Reply

__all__ = ["HttpPost", "Post", "Sender"]

Post = Callable[[bytes, Mapping[str, str]], Reply]


class Sender(QueueSender[Sending]):
    """Sends the deliveries of an outbox to one receiver."""

    def __init__(self, outbox: Outbox, post: Post, *, workers: int = 4) -> None:
        super().__init__(outbox, lambda one: post(one.body, one.headers), workers=workers)
