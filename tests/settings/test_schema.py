"""config.schema.json takes what a file may say, and finds mistakes in an editor."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from sync.cli.main import app
from sync.settings import shipped
from sync.settings.json_schema import json_schema
from tests.settings.test_example import uncommented

SCHEMA = json_schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA)
DEPLOY = Path(__file__).parents[2] / "deploy"


def described(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for definition in schema["$defs"].values():
        yield from definition.get("properties", {}).items()


def test_it_is_a_schema_and_the_verb_prints_the_file() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    written = shipped("config.schema.json").read_text("utf-8")
    assert CliRunner().invoke(app, ["config", "schema"]).stdout == written


@pytest.mark.parametrize("text", [shipped("config.example.toml").read_text("utf-8"), uncommented()])
def test_the_example_fits_as_it_is_and_with_every_line_uncommented(text: str) -> None:
    CHECK.validate(tomllib.loads(text))


@pytest.mark.parametrize("file", sorted(DEPLOY.rglob("config.toml")))
def test_every_configuration_that_is_shipped_fits(file: Path) -> None:
    CHECK.validate(tomllib.loads(file.read_text("utf-8")))


@pytest.mark.parametrize(
    "text",
    [
        'sites.main.token = { file = "token" }',
        'coalesce.signing_secrets = "one"',
        'coalesce.signing_secrets = ["one", { credential = "two" }]',
        "worker.lease = 120",
        'worker.lease = "2m"',
        'server.max_body = "1MiB"',
        'notify.ops = { type = "slack", url = { env = "HOOK" }, kinds = "parked" }',
    ],
)
def test_every_way_to_write_a_value_fits(text: str) -> None:
    CHECK.validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "server.prot = 8080",
        'server.port = "much"',
        "server.port = 70000",
        'worker.lease = "soon"',
        'log.level = "loud"',
        'sites.main.token = { environment = "JIRA_TOKEN" }',
        'sites.main.token = { env = "A", file = "b" }',
        'notify.ops = { type = "pigeon" }',
        'sitse.main.url = "https://your-team.atlassian.net"',
    ],
)
def test_mistakes_are_found(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        CHECK.validate(tomllib.loads(text))


def test_settings_have_the_words_and_the_defaults_of_the_example() -> None:
    settings = dict(described(SCHEMA))
    assert settings["replay_window"]["default"] == "45m"
    assert settings["replay_window"]["description"].startswith("How old a signature may be.")
    assert settings["max_body"]["default"] == "8MiB"
    assert "default" not in settings["project"]
