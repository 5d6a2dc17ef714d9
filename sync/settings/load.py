"""config.toml and the environment, read into settings or into a list of every mistake."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from sync.settings.language import LANGUAGE
from sync.settings.reading import Reading, Secrets, reading
from sync.settings.reading import path_of as file_at
from sync.settings.root import (
    ENV_DELIMITER,
    ENV_PREFIX,
    VARIABLE,
    Origins,
    Settings,
    across,
    from_environment,
    raw_settings,
    variable_of,
)
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
# What a first site is made of, as messages name it.
_SITE = ("url", "email", "token", "project")


class SettingsError(MistakesFound):
    """The settings have mistakes. ``absent`` are the secrets that stand-ins were read for."""

    def __init__(self, mistakes: Sequence[Mistake], absent: Sequence[Mistake] = ()) -> None:
        super().__init__(mistakes)
        self.absent = tuple(absent)


def find(chosen: FilePath | None = None) -> FilePath | None:
    """The configuration file: the given one, else $TICKET_SYNC_CONFIG, else ./config.toml. It may be a
    pipe or a device. None where no file is named or there, and the environment has settings. Raises
    SettingsError where neither is there."""
    named = chosen or os.environ.get(CONFIG_VARIABLE)
    file = FilePath(named or DEFAULT_FILE)
    if file.exists() and not file.is_dir():
        return file
    # A link that leads nowhere was meant to be used, as a folder was.
    if not named and not os.path.lexists(file) and from_environment():
        return None
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
    # Nothing lies beside a pipe or /dev/stdin: paths in them start where the program was started.
    lasting = path if path is not None and path.is_file() and not _is_passed(path) else None
    folder = lasting.absolute().parent if lasting else FilePath.cwd()
    how = Reading(folder, secrets)
    with reading(how):
        document = _document(path)
        settings = _validated(document, how)
    settings._file = lasting.absolute() if lasting else None
    return settings


def _is_passed(path: FilePath) -> bool:
    """Whether whoever started the program has opened the file for it, as a shell does with ``<``."""
    return path.absolute().parts[1:2] in (("dev",), ("proc",))


def _document(path: FilePath | None) -> Document | None:
    """What the configuration file says; None where no file says anything. Raises SettingsError."""
    if path is None:
        return None
    mistakes = Mistakes()
    text = text_of(path, str(path), mistakes)
    if text is not None and not text.strip():
        return None
    file = None if text is None else read(str(path), text, mistakes)
    if file is None:
        raise SettingsError(mistakes.listed())
    return file


def _validated(file: Document | None, how: Reading) -> Settings:
    sources = _Sources(file)
    sources.stray_variables()
    settings, spoiled = _read(raw_settings(file.data if file else {}), sources)
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

    def __init__(self, file: Document | None) -> None:
        self.mistakes, self.absent = Mistakes(), Mistakes()
        variables = {n.upper(): n for n in os.environ if n.upper().startswith(ENV_PREFIX)}
        self.origins = Origins(file, raw_settings(file.data if file else {}), variables)

    def mistake(self, path: Path, wrong: Wrong) -> None:
        """Record a mistake in the value at ``path``."""
        at = self.origins.position(path)
        if self.origins.document is None and self.origins.variable(path) is None:
            wrong = Wrong(wrong.problem, _without_file(path, wrong.remedy))
        self.mistakes.wrong(at, called(path), wrong)

    def stood_in(self, value: Any, wrong: Wrong) -> None:
        """Record that a secret is not there, wherever its value is written."""
        for path in _places(value, self.origins.given):
            self.absent.wrong(self.origins.position(path), called(path), wrong)

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


def _without_file(path: Path, remedy: str) -> str:
    """The remedy for a value that is missing where no file says anything."""
    if path == ("sites",):
        *most, last = (variable_of((*path, "main", key)) for key in _SITE)
        return f"Set {', '.join(most)} and {last}, or make a file with `ticket-sync init`."
    return f"Set the variable. In a configuration file: {remedy}".rstrip()


def called(path: Path) -> str:
    """A key as the file writes it: ``[sites.main] url``, ``signing_secrets[0]``."""
    if isinstance(path[-1], int):
        return f"{called(path[:-1])}[{path[-1]}]"
    table = ".".join(map(str, path[:-1]))
    return f"[{table}] {path[-1]}" if table else path[-1]
