"""Where the reference material (schemas, API documents, signature vectors) lies, if it is here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_FOLDER = Path(
    os.environ.get("TICKET_SYNC_REFERENCE", Path(__file__).resolve().parents[2] / "shared")
)


def reference(name: str) -> Path:
    """The path of a reference file. Skips the test where there is no reference folder at all.

    Where the folder is there (as in CI), a file that is not is a failure.
    """
    if not _FOLDER.is_dir():
        pytest.skip(f"no folder {_FOLDER}; TICKET_SYNC_REFERENCE names the one with references")
    path = _FOLDER / name
    if not path.exists():
        pytest.fail(
            f"no reference file {path}; set TICKET_SYNC_REFERENCE to the folder that has it"
        )
    return path
