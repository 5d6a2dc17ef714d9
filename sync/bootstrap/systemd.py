"""What systemd is told of the daemon: that it serves, reads again, stops, and still turns.

The protocol is that of sd_notify(3): lines in a datagram to the socket that ``NOTIFY_SOCKET`` names.
Podman, and whoever else starts services so, understands the same.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

import structlog

log = structlog.get_logger("daemon")


class Systemd:
    """Says how the daemon stands to whoever started it. Without ``NOTIFY_SOCKET`` nobody is told.

        systemd = Systemd()
        systemd.say(READY=1, STATUS="serving")

    ``watchdog`` is within how many seconds a sign of life is expected, 0 for never.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the NUL byte with which names begin that are in no file system.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        every = environment.get("WATCHDOG_USEC", "")
        self.watchdog = int(every) / 1e6 if meant and every.isdigit() else 0.0
        self._last = 0.0
        self._stuck = ""

    def say(self, **state: str | int) -> None:
        """Tell the assignments of sd_notify(3). Whoever does not listen is not waited for."""
        if not self._address:
            return
        lines = "\n".join(f"{name}={value}" for name, value in state.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
                told.settimeout(1.0)
                told.sendto(lines.encode(), self._address)
        except OSError as error:
            log.debug("the service manager was not told", why=str(error), state=lines)

    def reloading(self) -> None:
        """Tell that the daemon reads again what it goes by, until ``say(READY=1)``."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.say(RELOADING=1, MONOTONIC_USEC=now)

    def alive(self, stuck: Callable[[], str]) -> None:
        """Give a sign of life if it is time for one, unless ``stuck`` says what does not turn any more.

        To be called every second or so. Without signs of life, systemd starts the daemon again.
        """
        if not self.watchdog or time.monotonic() < self._last + self.watchdog / 4:
            return
        words = stuck()
        if words:
            if words != self._stuck:
                log.error("no sign of life is given any more", why=words)
        else:
            self.say(WATCHDOG=1)
            self._last = time.monotonic()
        self._stuck = words
