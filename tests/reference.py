"""Where the reference material (schemas, API documents, signature vectors) lies, if it is here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_FOLDER = Path(
    os.environ.get("TICKET_SYNC_REFERENCE", Path(__file__).resolve().parents[2] / "shared")
)


def reference(name: str) -> Path:
    """The path of a reference file. Without the folder the test is skipped; in CI it fails."""
    path = _FOLDER / name
    if not path.exists():
        message = f"no reference file {path}; set TICKET_SYNC_REFERENCE to the folder that has it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
