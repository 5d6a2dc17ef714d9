"""Writing rule files: whole, durable, and all files of one save or none.

One file is written beside its place and renamed over it, so that nobody reads half of it. A save of
several files is first written down as a whole, in one hidden file of the folder. Should the process end
between two of them, whoever reads the folder next finishes the save.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

# The save that is under way. Its name does not end in .toml, so that it is no rule file.
_UNDER_WAY = ".rules.saving"
_TEMPORARY = ".rules.temporary-"


class FileChanged(Exception):
    """A file does not say any more what it said when the edit began. ``name`` is the file's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has changed meanwhile")
        self.name = name


@dataclass(frozen=True, slots=True)
class Write:
    """What becomes of one file: ``before`` is its text until now, ``after`` the new one; None stands for
    no file."""

    name: str
    before: str | None
    after: str | None


def text_on_disk(path: Path) -> str | None:
    """The text of a rule file as it is read, None where there is no file. Raises OSError, and
    UnicodeDecodeError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return None


def why_not_writable(folder: Path) -> str:
    """Why rule files in the folder cannot be written, in words; "" if they can be."""
    if not os.path.lexists(folder):
        # Saving makes the folder.
        parent = folder.parent
        able = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
        return "" if able else f"there is no folder {folder}, and it cannot be made"
    if not folder.is_dir():
        return f"{folder} is no folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {folder} is read-only for ticket-sync"
    return _leads_away(folder)


def _leads_away(folder: Path) -> str:
    """Which file is a link to where nothing can be written, in words, "" for none."""
    for path in sorted(folder.glob("*.toml")):
        if path.is_symlink() and not os.access(path.resolve().parent, os.W_OK):
            return (
                f"{path.name} in {folder} is a link to a folder that is read-only for ticket-sync"
            )
    return ""


def write_files(folder: Path, writes: list[Write]) -> None:
    """Write all files, or none where one of them is not as it was before; a folder that is not there is
    made. Raises FileChanged and OSError."""
    folder.mkdir(exist_ok=True)
    with _alone(folder):
        _finish(folder)
        for left in folder.glob(f"{_TEMPORARY}*"):
            # Of a process that ended: nobody else writes now.
            left.unlink(missing_ok=True)
        for one in writes:
            if _now(folder / one.name) != one.before:
                raise FileChanged(one.name)
        if len(writes) > 1:
            _write_several(folder, writes)
        else:
            for one in writes:
                _apply(folder, one)
        _durable(folder)


def _write_several(folder: Path, writes: list[Write]) -> None:
    _put(folder / _UNDER_WAY, json.dumps([asdict(one) for one in writes]))
    done: list[Write] = []
    try:
        for one in writes:
            done.append(one)
            _apply(folder, one)
    except OSError:
        # The disk is full, say. Where the former texts cannot be put back either, the save stands
        # written down, and is finished later.
        for one in done:
            if _now(folder / one.name) == one.after:
                _apply(folder, Write(one.name, one.after, one.before))
        (folder / _UNDER_WAY).unlink()
        raise
    (folder / _UNDER_WAY).unlink()


def is_under_way(folder: Path) -> bool:
    """Whether a save of several files is under way, or was cut off."""
    return os.path.lexists(folder / _UNDER_WAY)


def finish(folder: Path, *, wait: bool = True) -> bool:
    """Finish a save that was cut off; whether no save is under way any more.

    A save that somebody else is in the middle of is waited for, unless ``wait`` says not to.
    """
    if not is_under_way(folder):
        return True
    with suppress(OSError), _alone(folder, wait=wait):
        _finish(folder)
    return not is_under_way(folder)


def _finish(folder: Path) -> None:
    try:
        told = json.loads((folder / _UNDER_WAY).read_text("utf-8"))
        writes = [Write(**one) for one in told]
    except FileNotFoundError:
        return
    except (ValueError, TypeError):
        # Nobody but this module writes the file, and only as a whole.
        (folder / _UNDER_WAY).unlink(missing_ok=True)
        return
    for one in writes:
        # What a person wrote there since then stays.
        if _now(folder / one.name) == one.before:
            _apply(folder, one)
    (folder / _UNDER_WAY).unlink(missing_ok=True)
    _durable(folder)


def _now(path: Path) -> str | None:
    try:
        return text_on_disk(path)
    except UnicodeDecodeError:
        return "\0"


def _apply(folder: Path, one: Write) -> None:
    if one.after is None:
        (folder / one.name).unlink(missing_ok=True)
    else:
        _put(folder / one.name, one.after)


def _put(path: Path, text: str) -> None:
    """Write a file as a whole. A link stays a link: the file behind it is written."""
    path = path.resolve() if path.is_symlink() else path
    temporary = path.with_name(f"{_TEMPORARY}{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with suppress(OSError):
                # The daemon may run as another user than the people who edit the files.
                os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _durable(folder: Path) -> None:
    """Have the names in the folder survive a power cut as well."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _alone(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """While nobody else on this machine writes to the folder. Raises OSError where that is not to be
    waited for."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, wait=wait)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        # Some network folders have no locks. Those who save also take turns by the store.
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF):
            raise
