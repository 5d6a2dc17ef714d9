"""The halves of the program, which may run as processes of their own."""

from __future__ import annotations

from enum import StrEnum


class Half(StrEnum):
    """A half of the program, where others run the other half on the same store."""

    RECEIVER = "receiver"
    WORKER = "worker"
