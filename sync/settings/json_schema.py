"""The JSON Schema of config.toml, for editors: the settings, with the words of config.example.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from sync.settings.root import Settings
from sync.settings.secret import WAYS
from sync.settings.shipped import shipped
from sync.settings.values import optional_store_url, optional_whole, parse_duration, parse_size

# What a file may say beside the type that the setting has in the program, by what reads it.
_TEXT = {"type": "string"}
_ALSO: dict[Any, dict[str, Any]] = {
    parse_duration: {"type": "string", "pattern": r"^\s*\d"},
    parse_size: {"type": "string", "pattern": r"^\s*\d"},
    optional_whole: {"const": ""},
    optional_store_url: _TEXT,
}
_SECRET = {
    "description": "Text, or where the text is.",
    "anyOf": [
        _TEXT,
        *(
            {
                "type": "object",
                "properties": {way: _TEXT},
                "required": [way],
                "additionalProperties": False,
            }
            for way in WAYS
        ),
    ],
}
# Keywords of the models that say nothing of the file, or something else. The bounds are those of numbers
# that a file may give as text.
_OF_MODELS = {"title", "default", "required", "format", "gt", "ge", "lt", "le"}
_TO_SECRET = {"$ref": "#/$defs/Secret"}


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) that the ``#:schema`` line of config.toml names. It demands nothing,
    because the environment may set anything."""
    schema = _tidy(Settings.model_json_schema())
    definitions = schema["$defs"]
    _explain(Settings, schema, "", definitions, _example())
    definitions["Secret"] = _SECRET
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Configuration of ticket-sync",
        "description": "The file config.toml.",
    }


def _tidy(node: Any) -> Any:
    """The schema as a file has it: secrets in all their forms, one entry of a list without brackets, and
    no keyword that only describes the models of Python."""
    if isinstance(node, list):
        return [_tidy(one) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "password":
        return _TO_SECRET
    kept = {
        key: _tidy(value)
        for key, value in node.items()
        # A property may be called as a keyword is: its value is a schema.
        if isinstance(value, dict) or key not in _OF_MODELS
    }
    return _branched(kept)


def _branched(kept: dict[str, Any]) -> dict[str, Any]:
    """Without a branch for null, which TOML has not, and with one for a single entry of a list."""
    branches = [one for one in kept.pop("anyOf", ()) if one != {"type": "null"}]
    if branches:
        kept |= branches[0] if len(branches) == 1 else {"anyOf": branches}
    if kept.get("type") == "array":
        return {"anyOf": [kept, kept["items"]]}
    return kept


def _explain(
    model: type[BaseModel],
    schema: dict[str, Any],
    path: str,
    definitions: Mapping[str, dict[str, Any]],
    example: Mapping[str, tuple[str, Any]],
) -> None:
    """Give each property of a model what a file may say beside, its default and its words."""
    for name, field in model.model_fields.items():
        below, inner = _model_of(field)
        if below is not None:
            within = f"{path}{name}.main." if inner else f"{path}{name}."
            _explain(below, definitions[below.__name__], within, definitions, example)
            continue
        words, value = example.get(path + name, ("", None))
        told = _with_forms(schema["properties"][name], field)
        if words:
            told = {"description": words, **told}
        if value is not None and not field.is_required():
            told = {**told, "default": value}
        schema["properties"][name] = told


def _with_forms(told: dict[str, Any], field: FieldInfo) -> dict[str, Any]:
    """The schema of a setting, with what a file may say beside the type in the program."""
    readers = [one.func for one in field.metadata if isinstance(one, BeforeValidator)]
    forms = [_ALSO[reader] for reader in readers if reader in _ALSO]
    return {"anyOf": [told, *forms]} if forms and told != _TO_SECRET else told


def _model_of(field: FieldInfo) -> tuple[type[BaseModel] | None, bool]:
    """The model of a table, and whether the table holds any number of tables of it, by name."""
    kinds = [field.annotation, *get_args(field.annotation)[1:]]
    found = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
    return (found[0], len(kinds) > 1) if found else (None, False)


def _example() -> dict[str, tuple[str, Any]]:
    """By the name of each setting: the words above it in the example, and the default that a line with a
    # shows, None where the line is none."""
    table, words, found = "", list[str](), dict[str, tuple[str, Any]]()
    for line in shipped("config.example.toml").read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"#?\[([\w.]+)\]", line):
            table, words = f"{heading[1]}.", []
        elif setting := re.fullmatch(r"#?([a-z_]+) = .+", line):
            value = tomllib.loads(line.removeprefix("#"))[setting[1]] if line[0] == "#" else None
            said = " ".join(words).removeprefix("CHANGE: ")
            found[table + setting[1]] = (said[:1].upper() + said[1:], value)
            words = []
        elif line.startswith("# "):
            words.append(line.removeprefix("# "))
        else:
            words = []
    return found
