"""config.toml and the environment, read into settings or into a list of every mistake."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from sync.settings.language import LANGUAGE
from sync.settings.root import (
    ENV_DELIMITER,
    ENV_PREFIX,
    VARIABLE,
    Origins,
    Settings,
    across,
    raw_settings,
)
from sync.settings.values import Reading, Secrets, reading
from sync.settings.values import path_of as file_at
from sync.toml import (
    Document,
    Mistake,
    Mistakes,
    MistakesFound,
    Path,
    Position,
    Wrong,
    nearest,
    read,
    text_of,
)
from sync.toml.findings import in_words, path_of

CONFIG_VARIABLE = "TICKET_SYNC_CONFIG"
DEFAULT_FILE = "config.toml"


class SettingsError(MistakesFound):
    """The settings have mistakes. ``absent`` are the secrets that stand-ins were read for."""

    def __init__(self, mistakes: Sequence[Mistake], absent: Sequence[Mistake] = ()) -> None:
        super().__init__(mistakes)
        self.absent = tuple(absent)


def find(chosen: FilePath | None = None) -> FilePath:
    """The configuration file: the given one, else $TICKET_SYNC_CONFIG, else ./config.toml. Raises
    SettingsError where there is no such file."""
    file = chosen or FilePath(os.environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)
    if file.is_file():
        return file
    what = "is a folder, not a file" if file.is_dir() else "does not exist"
    remedy = (
        "Make one with `ticket-sync init`, which asks for your Jira site, or name another with "
        "--config. To look around without one: `ticket-sync demo`."
    )
    raise SettingsError([Mistake(str(file), 0, "", what, remedy)])


def load(chosen: FilePath | None = None, *, secrets: Secrets = Secrets.NEEDED) -> Settings:
    """Read the settings. Raises SettingsError with every mistake found.

    Verbs that only use the store need no secrets; ``check --offline`` takes stand-ins for absent ones.
    """
    path = find(chosen)
    mistakes = Mistakes()
    text = text_of(path, str(path), mistakes)
    file = None if text is None else read(str(path), text, mistakes)
    if file is None:
        raise SettingsError(mistakes.listed())
    how = Reading(path.absolute().parent, secrets)
    with reading(how):
        return _validated(file, how)


def _validated(file: Document, how: Reading) -> Settings:
    sources = _Sources(file)
    sources.stray_variables()
    settings, spoiled = _read(raw_settings(file.data), sources)
    if settings is not None and how.secrets is not Secrets.UNNEEDED:
        for path, wrong in across(settings):
            if not any(_explains(cause, path) for cause in spoiled):
                sources.mistake(path, wrong)
    for value, wrong in how.absent:
        sources.stood_in(value, wrong)
    if sources.mistakes or settings is None:
        raise SettingsError(sources.listed(), sources.absent.listed())
    settings._origins = sources.origins
    settings._absent = tuple(sources.absent.listed())
    return settings


def _read(data: dict[str, Any], sources: _Sources) -> tuple[Settings | None, set[Path]]:
    """The settings without the values that are wrong by themselves, and the paths of those.

    Without the wrong values, the checks that compare several settings can run as well.
    """
    spoiled: set[Path] = set()
    for _ in range(20):
        try:
            return Settings(**data), spoiled
        except ValidationError as error:
            details = error.errors(include_url=False)
        for detail in details:
            path = path_of(detail)
            if path not in spoiled:
                sources.mistake(path, in_words(LANGUAGE, detail))
            spoiled.add(path)
            _take_out(data, path)
    return None, spoiled


def _places(value: Any, within: Any, path: Path = ()) -> Iterator[Path]:
    """The keys under which a value stands in the data of the settings. A file's path stands where a
    text names that file."""
    if within == value or (
        isinstance(within, str) and isinstance(value, FilePath) and file_at(within) == value
    ):
        yield path
    elif isinstance(within, dict | list):
        for step, part in within.items() if isinstance(within, dict) else enumerate(within):
            yield from _places(value, part, (*path, step))


def _explains(cause: Path, path: Path) -> bool:
    """Whether the mistake at ``path`` may come only from taking out the wrong value at ``cause``."""
    return cause[: len(path)] == path or (path == ("default_site",) and cause[0] == "sites")


def _take_out(data: Any, path: Path) -> None:
    """Remove the value at ``path`` or, where that value is missing, the table that should hold it."""
    for length in range(len(path), 0, -1):
        part = data
        for step in path[: length - 1]:
            part = part.get(step) if isinstance(part, dict) else None
        if isinstance(part, dict) and path[length - 1] in part:
            del part[path[length - 1]]
            return


class _Sources:
    """Collects mistakes by the origin of the value: a line of the file, or an environment variable.

    ``absent`` are the secrets that stand-ins were read for, which is no mistake.
    """

    def __init__(self, file: Document) -> None:
        self.mistakes, self.absent = Mistakes(), Mistakes()
        variables = {n.upper(): n for n in os.environ if n.upper().startswith(ENV_PREFIX)}
        self.origins = Origins(file, raw_settings(file.data), variables)

    def mistake(self, path: Path, wrong: Wrong) -> None:
        """Record a mistake in the value at ``path``."""
        self.mistakes.wrong(self.origins.position(path), _called(path), wrong)

    def stood_in(self, value: Any, wrong: Wrong) -> None:
        """Record that a secret is not there, wherever its value is written."""
        for path in _places(value, self.origins.given):
            self.absent.wrong(self.origins.position(path), _called(path), wrong)

    def stray_variables(self) -> None:
        """Record environment variables that look like settings, but whose section does not exist."""
        for upper, name in sorted(self.origins.variables.items()):
            section, nested, _ = upper[len(ENV_PREFIX) :].lower().partition(ENV_DELIMITER)
            if nested and section not in Settings.model_fields:
                close = nearest(section, Settings.model_fields)
                remedy = (
                    f"Did you mean {ENV_PREFIX}{close.upper()}{ENV_DELIMITER}…?"
                    if close
                    else f"Sections are: {', '.join(Settings.model_fields)}."
                )
                self.mistakes.add(Position(VARIABLE + name), section, "is not a section", remedy)

    def listed(self) -> list[Mistake]:
        """The mistakes, those in the file first, by line."""
        return sorted(self.mistakes.listed(), key=lambda one: one.file.startswith(VARIABLE))


def _called(path: Path) -> str:
    """A key as the file writes it: ``[sites.main] url``, ``signing_secrets[0]``."""
    if isinstance(path[-1], int):
        return f"{_called(path[:-1])}[{path[-1]}]"
    table = ".".join(map(str, path[:-1]))
    return f"[{table}] {path[-1]}" if table else path[-1]
