"""Where people sign in and out, for the ways that have a login here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sync.web.gate.entry import TurnedAway
from sync.web.gate.oidc import Provider
from sync.web.gate.sessions import Sessions
from sync.web.gate.users import Passwords

T = TypeVar("T")

# A comparison of a password takes a core and 19 MiB for 25 ms, a provider may take seconds.
_THREADS = 2
_WAITING = 20


class Door:
    """The login: by passwords or by a provider, one of which is None."""

    def __init__(
        self, sessions: Sessions, *, passwords: Passwords | None, provider: Provider | None
    ) -> None:
        self.sessions = sessions
        self.passwords = passwords
        self.provider = provider
        # Apart from the threads of pages: who floods the login must not keep people from reading.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sign-in")
        self._running = 0

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What ``work`` gives, from a thread. Raises TurnedAway where too many wait for one."""
        if self._running >= _WAITING:
            raise TurnedAway("Many people sign in at this moment. Try again.", 503)
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._running -= 1

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_local(address: str) -> bool:
    """Whether an address to go on to leads to a page of ours. Browsers read ``\\`` as ``/``, and leave
    out tabs and line ends."""
    plain = address.isascii() and all(" " < one != "\x7f" for one in address)
    return (
        plain and address.startswith("/") and not address.startswith("//") and "\\" not in address
    )
