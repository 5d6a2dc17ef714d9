"""The JSON Schema of rule files, for editors, from the models that validate the files."""

from __future__ import annotations

from typing import Any

from sync.rules.identity import WORDS
from sync.rules.schema import RuleFile
from sync.rules.vocabulary import STANDARD_FIELDS, STATUSES

_TEXTS: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "array", "items": {"type": "string"}},
)


def _tidy(node: Any) -> Any:
    """The schema without what only matters in Python: titles, null branches and null defaults."""
    if isinstance(node, list):
        return [_tidy(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = dict(node)
    branches = [b for b in kept.pop("anyOf", ()) if b != {"type": "null"}]
    if len(branches) == 1:
        kept = {**branches[0], **kept}
    elif branches:
        kept["anyOf"] = branches
    return {key: _tidy(value) for key, value in kept.items() if not _trace(key, value)}


def _trace(key: str, value: Any) -> bool:
    """Whether a keyword only describes the Python model. A property that is called ``title`` is kept:
    its value is a schema."""
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _also(schema: dict[str, Any], *short: dict[str, Any]) -> dict[str, Any]:
    """``schema`` or one of its short forms."""
    words = {key: schema[key] for key in ("description",) if key in schema}
    rest = {key: value for key, value in schema.items() if key != "description"}
    return {**words, "anyOf": [*short, rest]}


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) that the ``#:schema`` lines of rule files name."""
    schema: dict[str, Any] = _tidy(RuleFile.model_json_schema(by_alias=True))
    definitions = schema["$defs"]
    statuses = definitions["StatusMap"]["properties"]
    for word in STATUSES:
        statuses[word] = _also(statuses[word], {"type": "string"})
    signs = definitions["UpstreamStatus"]["properties"]
    for word, several in signs.items():
        sign = {"anyOf": [{"type": "string"}, several["items"]]}
        signs[word] = _also({**several, "items": sign}, *sign["anyOf"])
    when = definitions["When"]["properties"]
    for which in ("entity", "affected", "monitored", "any_entity"):
        when[which] = _also(when[which], *_TEXTS)
    for name in ("Body", "RuleTable"):
        fields = definitions[name]["properties"]["fields"]
        fields["properties"] = {field: {} for field in STANDARD_FIELDS}
        words = {"enum": sorted(WORDS)}
        group = definitions[name]["properties"]["group_by"]
        definitions[name]["properties"]["group_by"] = _also(group, words)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Mapping rules of ticket-sync",
        **schema,
    }
