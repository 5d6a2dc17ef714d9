"""The simulated Coalesce Quality in threads of this process: its API, and its sender of webhooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proof.processes import SECRET
from sync.bootstrap.http import Background
from sync.sandbox.coalesce import CoalesceRest, CoalesceSandbox, HttpPost, Outbox, Reply, Sender
from sync.sandbox.coalesce.api_request import Answer
from sync.sandbox.coalesce.app import create_app
from sync.sandbox.coalesce.rest import CLIENT_ID, CLIENT_SECRET
from sync.web.server import listen

Address = Callable[[], tuple[str, int] | None]
# Retries of the sender come so much faster than in production.
_SCALE = 0.02


@dataclass(slots=True)
class Strike:
    """What is to happen at the next call whose path has ``path``: before its work or ``after``."""

    path: str
    act: Callable[[], None]
    after: bool = False


class _Rest(CoalesceRest):
    """The API. Calls that are struck get no answer."""

    strikes: list[Strike]

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        with self.sandbox.lock:
            struck = next((one for one in self.strikes if re.search(one.path, path)), None)
            if struck is not None:
                self.strikes.remove(struck)
        if struck is None:
            return super().handle(method, path, query, headers, body)
        if struck.after:
            super().handle(method, path, query, headers, body)
        struck.act()
        return Answer(0, {})


class Upstream:
    """A workspace that sends its webhooks to each of ``receivers``, which may move."""

    def __init__(self, *receivers: Address, seed: int = 1) -> None:
        self.sandbox = CoalesceSandbox(secret=SECRET, seed=seed)
        self._outboxes = [Outbox(self.sandbox, scale=_SCALE) for _ in receivers]
        self._posts = [HttpPost() for _ in receivers]
        self._senders = [
            Sender(outbox, _to(post, address))
            for outbox, post, address in zip(self._outboxes, self._posts, receivers, strict=True)
        ]
        self.rest = _Rest(self._outboxes[0])
        self.rest.strikes = []
        bound = listen("127.0.0.1", 0)
        self._server = Background(create_app(self.rest), bound, name="upstream", grace=1.0)
        self.sandbox.callbacks.base = self._server.url
        self._server.start()
        for sender in self._senders:
            sender.start()

    def settings(self, *, api: bool = True) -> str:
        """The sections of config.toml for this workspace: told by the API, or else by callbacks."""
        access = f'client_id = "{CLIENT_ID}"\nclient_secret = "{CLIENT_SECRET}"\n' if api else ""
        host = self._server.url.removeprefix("http://")
        return (
            f'[coalesce.api]\nurl = "{self._server.url}"\n{access}'
            'actor_email = "bridge@example.com"\n'
            f'[coalesce.callbacks]\nhosts = ["{host}"]\nprivate = ["127.0.0.0/8"]\n'
        )

    def written(self) -> int:
        """How often something was changed upstream, by anybody."""
        with self.sandbox.lock:
            subjects = [*self.sandbox.issues.values(), *self.sandbox.incidents.values()]
            return len(self.sandbox.events) + sum(len(one.remarks) for one in subjects)

    def close(self) -> None:
        """End its threads."""
        for sender in self._senders:
            sender.stop(2.0)
        for post in self._posts:
            post.close()
        self._server.stop(3.0)


def _to(post: HttpPost, address: Address) -> Callable[[bytes, Mapping[str, str]], Reply]:
    def send(body: bytes, headers: Mapping[str, str]) -> Reply:
        now = address()
        if now is None:
            return Reply(0, "nobody is there")
        return post(body, headers, f"http://{now[0]}:{now[1]}/webhooks/coalesce")

    return send
