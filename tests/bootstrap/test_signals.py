"""The first signal asks, the second ends at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from sync.bootstrap.signals import stop_on_signals

# Waits in short pieces, as the daemon does: Python may miss a signal that comes while a wait begins.
WAITS = """
import sys, time
from sync.bootstrap.signals import stop_on_signals
with stop_on_signals() as stop:
    print("ready", flush=True)
    while not stop.wait(0.1):
        pass
    print("asked", flush=True)
    {then}
"""


def test_a_signal_asks_and_the_old_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert not stop.asked
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(60)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_ends_a_program_that_hangs() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS.format(then="while True: time.sleep(0.1)")],
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        assert program.stdout.readline() == "asked\n"
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 128 + signal.SIGTERM
