"""Logging never stops the work."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from sync.telemetry import LossyStream, configure_logs


class FullDisk(io.StringIO):
    """Takes nothing while ``full``."""

    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)

    def flush(self) -> None:
        if self.full:
            raise OSError(28, "No space left on device")


def test_a_line_that_cannot_be_written_is_lost_and_the_next_is_not() -> None:
    disk = FullDisk()
    stream = LossyStream(disk)
    logger = structlog.PrintLogger(stream)  # type: ignore[arg-type]
    logger.info("one")
    disk.full = False
    logger.info("two")
    assert disk.getvalue().endswith("two\n")
    assert stream.lost >= 1


class Unprintable:
    """A value without a text."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def _closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


def _broken_pipe() -> io.TextIOWrapper:
    reader, writer = os.pipe()
    os.close(reader)
    return io.TextIOWrapper(io.FileIO(writer, "w"), write_through=True)


STREAMS: dict[str, Callable[[], Any]] = {
    "no reader": _broken_pipe,
    "a full disk": FullDisk,
    "closed": _closed,
    "narrow": lambda: io.TextIOWrapper(io.BytesIO(), encoding="ascii"),
    "none": lambda: None,
}


@pytest.fixture
def _configured_again() -> Iterator[None]:
    before = structlog.get_config()
    root = list(logging.getLogger().handlers)
    yield
    structlog.configure(**before)
    logging.getLogger().handlers[:] = root


@pytest.mark.usefixtures("_configured_again")
@pytest.mark.parametrize("form", ["text", "json", "auto"])
@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_no_stream_and_no_value_makes_a_line_fail(
    monkeypatch: pytest.MonkeyPatch, stream: Callable[[], Any], form: str
) -> None:
    monkeypatch.setattr(sys, "stderr", stream())
    configure_logs(level="debug", form=form)
    log = structlog.get_logger("fresh")
    log.info("é 🎉 \ud800", value=Unprintable())
    log.warning("plain", count=1)
    try:
        raise ValueError("\ud800")
    except ValueError:
        log.exception("it failed", value=Unprintable())
    logging.getLogger("other").error("a library's line")


def test_without_any_set_up_a_line_does_not_fail_either() -> None:
    code = (
        "import os, sync.telemetry, structlog; os.close(1); log = structlog.get_logger('x'); "
        "log.info('one'); log.error('two'); raise SystemExit(7)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode in (7, 120), done.stderr
