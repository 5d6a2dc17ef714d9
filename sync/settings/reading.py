"""How values are read: where relative paths start, and what becomes of secrets that are absent."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.toml import Wrong, said

if TYPE_CHECKING:
    from collections.abc import Iterator


class Secrets(Enum):
    """What becomes of a secret whose variable or file is absent.

    ``NEEDED``: it is a mistake. ``STOOD_IN``: a stand-in takes its place, so that all else is checked.
    ``UNNEEDED``: it reads as empty, and what depends on secrets is not checked.
    """

    NEEDED = "needed"
    STOOD_IN = "stood in"
    UNNEEDED = "unneeded"


@dataclass(frozen=True, slots=True)
class Reading:
    """How values are read. Relative paths start at ``folder``.

    ``absent`` gets each secret that a stand-in was read for: as it is written, and what is missing.
    """

    folder: Path
    secrets: Secrets = Secrets.NEEDED
    absent: list[tuple[Any, Wrong]] = field(default_factory=list)


_READING: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def reading(how: Reading) -> Iterator[None]:
    """Within the block, values are read in this way."""
    token = _READING.set(how)
    try:
        yield
    finally:
        _READING.reset(token)


def now() -> Reading:
    """How values are read just now."""
    return _READING.get() or Reading(Path.cwd())


def path_of(text: str | Path) -> Path:
    """A path, relative to the configuration file's folder."""
    if "\0" in str(text):
        raise Wrong("has a NUL character in it, which no path has", "Correct the path.")
    try:
        return (now().folder / Path(text).expanduser()).absolute()
    except RuntimeError as error:
        raise Wrong(
            f"{said(str(text))} begins with the home folder of a user who is not known here",
            "Write the whole path, from / on.",
        ) from error
