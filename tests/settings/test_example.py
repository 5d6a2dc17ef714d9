"""config.example.toml tells the truth: every setting is in it, with the default of the code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr

from sync.settings import Settings, load, shipped
from sync.settings.values import parse_duration, parse_size
from sync.toml.positions import positions

TEXT = shipped("config.example.toml").read_text("utf-8")
# Settings that have no default: their examples stand uncommented.
EXAMPLES = {
    "coalesce.signing_secrets",
    "notify.main.type",
    "notify.main.url",
    "sites.main.url",
    "sites.main.email",
    "sites.main.token",
    "sites.main.project",
    "web.users.main.password_hash",
    "web.users.main.role",
}


def uncommented() -> str:
    return re.sub(r"(?m)^#(?=[a-z_]+ = |\[)", "", TEXT)


def settings_of(model: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every setting of the code, with its default."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        here = (*path, name)
        if get_origin(kind) is dict and issubclass(get_args(kind)[1], BaseModel):
            kind, here = get_args(kind)[1], (*here, "main")
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from settings_of(kind, here)
        else:
            yield ".".join(here), field


def flat(table: dict[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        here = (*path, key)
        if isinstance(value, dict) and value and set(value) not in ({"env"}, {"file"}):
            found.update(flat(value, here))
        else:
            found[".".join(here)] = value
    return found


def test_every_setting_is_there_and_nothing_else() -> None:
    assert set(flat(tomllib.loads(uncommented()))) == {name for name, _ in settings_of(Settings)}


def in_force(settings: Any) -> dict[str, Any]:
    data: dict[str, Any] = flat(settings.model_dump())
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in data.items()
    }


def as_the_code_reads_it(value: Any, default: Any) -> Any:
    if isinstance(default, bool) or isinstance(value, bool):
        return value
    if isinstance(default, float):
        return parse_duration(value)
    if isinstance(default, int):
        return parse_size(value)
    return value


def test_each_commented_default_is_the_default_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COALESCE_SIGNING_SECRET", "s")
    monkeypatch.setenv("JIRA_TOKEN", "t")
    # A channel is nobody's default, and its settings have defaults.
    monkeypatch.setenv("TICKET_SYNC_NOTIFY__MAIN__TYPE", "slack")
    monkeypatch.setenv("TICKET_SYNC_NOTIFY__MAIN__URL", "https://chat.example.com/hook")
    (tmp_path / "config.toml").write_text(TEXT)
    code = in_force(load(tmp_path / "config.toml"))
    shown = flat(tomllib.loads(uncommented()))
    for name in shown.keys() - EXAMPLES:
        default = code[name]
        if name == "store.url":
            default = default.replace(f"{tmp_path}/", "")
        if name == "mappings.directory":
            default = default.name
        read = as_the_code_reads_it(shown[name], default)
        assert read == (default if default is not None else ""), name


def test_it_loads_as_it_is_and_with_every_line_uncommented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COALESCE_SIGNING_SECRET", "s")
    monkeypatch.setenv("JIRA_TOKEN", "t")
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config.toml").write_text(uncommented())
    settings = load(tmp_path / "config.toml")
    assert settings.sites["main"].project == "DATA"


def test_every_setting_is_explained() -> None:
    """The line above a setting is a comment, or another setting of the same comment."""
    lines = TEXT.splitlines()
    known = positions(uncommented())
    for name, _ in settings_of(Settings):
        line = known.line(tuple(name.split(".")))
        assert line, name
        above = line - 2
        while re.match(r"#?[a-z_]+ = |^#?\[", lines[above]):
            above -= 1
        assert lines[above].startswith("# "), name
