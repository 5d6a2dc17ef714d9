"""From config.toml and the environment to settings, or to every mistake at once."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sync.settings.problems import Mistake, SettingsError, in_words
from sync.settings.root import ENV_DELIMITER, ENV_PREFIX, Settings, across, gather
from sync.settings.values import Reading, reading

CONFIG_VARIABLE = "TICKET_SYNC_CONFIG"
DEFAULT_FILE = "config.toml"


def find(chosen: Path | None = None) -> Path:
    """The configuration file: the chosen one, else $TICKET_SYNC_CONFIG, else ./config.toml.

    Raises SettingsError when it is not there.
    """
    named = chosen or (
        Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None
    )
    file = named or Path(DEFAULT_FILE)
    if file.is_file():
        return file
    what = "is a folder, not a file" if file.is_dir() else "does not exist"
    remedy = (
        "Make one with `ticket-sync config example > config.toml` and fill in the lines marked "
        "CHANGE, or name another with --config. To look around without one: `ticket-sync demo`."
    )
    raise SettingsError([Mistake(str(file), "the configuration file", what, remedy)])


def load(chosen: Path | None = None, *, secrets: bool = True) -> Settings:
    """Read the settings. Raises SettingsError with every mistake that was found.

    Without ``secrets``, variables and files that hold secrets may be missing, and what depends on
    them is not checked: for verbs that touch the store alone.
    """
    file = find(chosen)
    try:
        text = file.read_bytes().decode("utf-8")
        with reading(Reading(file.absolute().parent, secrets=secrets)):
            data = _gathered(file, text)
            return _validated(data, file, text, secrets=secrets)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax(file, error)]) from error
    except RecursionError as error:
        deep = Mistake(
            str(file),
            "the file",
            "has lists or tables within each other, hundreds deep",
            "No setting is nested so; remove them.",
        )
        raise SettingsError([deep]) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            [Mistake(str(file), "the file", "is not UTF-8 text", "Save it as UTF-8.")]
        ) from error
    except OSError as error:
        raise SettingsError(
            [Mistake(str(file), "the file", f"cannot be read ({error.strerror})")]
        ) from error


def _gathered(file: Path, text: str) -> dict[str, Any]:
    try:
        return gather(file)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:
        # Python reads no number of thousands of digits, and says not where it is.
        digits = re.search(r"[0-9_]{4000,}", text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 0
        long = Mistake(
            f"{file}:{line}" if line else str(file),
            "this line" if line else "the file",
            "has a number of thousands of digits",
            "No setting is so large; correct it.",
        )
        raise SettingsError([long]) from error


def _syntax(file: Path, error: tomllib.TOMLDecodeError) -> Mistake:
    words = str(error)
    where = re.search(r"\(at line (\d+), column (\d+)\)", words)
    bare = re.sub(r"\s*\(at .*\)$", "", words)
    place = f"{file}:{where[1]}" if where else f"{file} (at its end)"
    return Mistake(
        place,
        "this line" if where else "the file",
        f"is not valid TOML: {bare[:1].lower() + bare[1:]}"
        + (f" (column {where[2]})" if where else ""),
        'Text goes in "quotes", lists in [brackets], one key = value to a line.',
    )


def _validated(data: dict[str, Any], file: Path, text: str, *, secrets: bool) -> Settings:
    where = _Where(file, text)
    mistakes = where.stray_variables()
    spoiled: set[tuple[str, ...]] = set()
    settings: Settings | None = None
    # A value that is wrong is taken out, so that what depends on other values is checked as well.
    for _ in range(20):
        try:
            settings = Settings(**data)
            break
        except ValidationError as error:
            details = error.errors(include_url=False)
        for detail in details:
            path = _path(detail)
            if path not in spoiled:
                mistakes.append(where.mistake(path, *in_words(Settings, detail)))
            spoiled.add(path)
            _take_out(data, path)
    if settings is not None and secrets:
        for path, problem, remedy in across(settings):
            if not any(_explains(cause, path) for cause in spoiled):
                mistakes.append(where.mistake(path, problem, remedy))
    if mistakes or settings is None:
        raise SettingsError(sorted(dict.fromkeys(mistakes), key=where.order))
    settings._file = file.absolute()
    return settings


def _explains(cause: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether a mistake at ``path`` may only be there because the value at ``cause`` was taken out."""
    return cause[: len(path)] == path or (path == ("default_site",) and cause[0] == "sites")


def _path(detail: ErrorDetails) -> tuple[str, ...]:
    return tuple(str(step) for step in detail["loc"] if step != "[key]")


def _take_out(data: Any, path: tuple[str, ...]) -> None:
    """Remove the value at ``path``; where there is none (a missing one), its table."""
    for length in range(len(path), 0, -1):
        part = data
        for step in path[: length - 1]:
            part = part.get(step) if isinstance(part, dict) else None
        if isinstance(part, dict) and path[length - 1] in part:
            del part[path[length - 1]]
            return


class _Where:
    """Says where a value came from: a line of the file, or an environment variable."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._text = text
        self._variables: Mapping[str, str] = {
            name.upper(): name for name in os.environ if name.upper().startswith(ENV_PREFIX)
        }

    def mistake(self, path: tuple[str, ...], problem: str, remedy: str) -> Mistake:
        for length in range(len(path), 0, -1):
            variable = ENV_PREFIX + ENV_DELIMITER.join(path[:length]).upper()
            if variable in self._variables:
                place = f"environment variable {self._variables[variable]}"
                return Mistake(place, _name(path), problem, remedy)
        line = self._line(tuple(int(step) if step.isdigit() else step for step in path))
        place = f"{self._file}:{line}" if line else str(self._file)
        return Mistake(place, _name(path), problem, remedy)

    def _line(self, path: tuple[str | int, ...]) -> int:
        # Loaded only for a mistake: the rules bring their templates along.
        from sync.rules.positions import positions

        return positions(self._text).line(path)

    def stray_variables(self) -> list[Mistake]:
        """Variables that look like settings but name no section."""
        found = []
        for upper, name in sorted(self._variables.items()):
            section, nested, _ = upper[len(ENV_PREFIX) :].partition(ENV_DELIMITER)
            if nested and section.lower() not in Settings.model_fields:
                close = difflib.get_close_matches(section.lower(), Settings.model_fields, n=1)
                remedy = (
                    f"Did you mean {ENV_PREFIX}{close[0].upper()}{ENV_DELIMITER}…?"
                    if close
                    else (f"Sections are: {', '.join(Settings.model_fields)}.")
                )
                found.append(
                    Mistake(
                        f"environment variable {name}", section.lower(), "is not a section", remedy
                    )
                )
        return found

    def order(self, mistake: Mistake) -> tuple[bool, int, str]:
        """Sorts mistakes by line, those of the environment last."""
        _, _, line = mistake.place.rpartition(":")
        return (
            mistake.place.startswith("environment"),
            int(line) if line.isdigit() else 0,
            str(mistake),
        )


def _name(path: tuple[str, ...]) -> str:
    """A key as it is written in the file: ``[sites.main] url``, ``signing_secrets[0]``."""
    if len(path) > 1 and path[-1].isdigit():
        return f"{_name(path[:-1])}[{path[-1]}]"
    table = ".".join(path[:-1])
    return f"[{table}] {path[-1]}" if table else path[-1]
