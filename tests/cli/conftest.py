"""What tests of the command line must not leave behind."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb called in this process would set logging to the test's own stderr, for good."""

    def leave(**_: Any) -> None:
        return

    monkeypatch.setattr(structlog, "configure", leave)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
