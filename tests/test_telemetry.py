"""Logging never stops the work."""

from __future__ import annotations

import io

import structlog

from sync.telemetry import LossyStream


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
