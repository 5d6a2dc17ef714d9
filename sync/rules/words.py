"""What pydantic found wrong with a rule file, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sync.rules.errors import meant, nearest, said
from sync.rules.schema import RuleFile
from sync.rules.vocabulary import STANDARD_FIELDS

Loc = tuple[int | str, ...]

_EXPECTED = {
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_PLAIN = {
    "missing": "is missing",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "is an empty list",
    "greater_than_equal": "must be at least {ge}, not {input}",
}
_REMEDIES = {
    ("name", "missing"): 'Give the rule a name of its own: name = "…".',
    ("limit", "missing"): 'Write both: storm = { limit = 20, window = "10m" }.',
    ("window", "missing"): 'Write both: storm = { limit = 20, window = "10m" }.',
    ("rule", "list_type"): "Rules begin with [[rule]], in double brackets.",
    ("when", "model_type"): 'Write conditions as when = { title = "…" } or under [rule.when].',
    ("any", "list_type"): 'Write it as any = [{ title = "…" }, { owner = "…" }].',
    ("all", "list_type"): 'Write it as all = [{ title = "…" }, { owner = "…" }].',
}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of a table of the language, with their annotations."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def model_at(path: Loc) -> type[BaseModel] | None:
    """The model of the table at ``path`` of a rule file."""
    model: type[BaseModel] = RuleFile
    for step in path:
        if isinstance(step, int):
            continue
        found = _models(keys_of(model).get(step))
        if not found:
            return None
        model = found[0]
    return model


def _elsewhere(key: str) -> list[str]:
    """The tables that have this key."""
    places: dict[str, str] = {
        **dict.fromkeys(STANDARD_FIELDS, "[rule.fields]"),
        **dict.fromkeys(keys_of(model_at(("rule", "when")) or RuleFile), "the rule's `when`"),
        **dict.fromkeys(keys_of(model_at(("rule",)) or RuleFile), "[[rule]]"),
    }
    return [places[key]] if key in places else []


def _unknown(path: Loc) -> tuple[str, str]:
    key, model = str(path[-1]), model_at(path[:-1])
    known = list(keys_of(model)) if model else []
    if len(path) == 1 and nearest(key, ("rule",)):
        return "is not a table of a rule file", "Rules begin with [[rule]], in double brackets."
    close = nearest(key, known)
    elsewhere = _elsewhere(key)
    if elsewhere and not close.startswith(key[:3]):
        return "is not a key here", f"It belongs in {elsewhere[0]}."
    return "is not a key here" if len(path) > 1 else "is not a key of a rule file", meant(
        key, known
    )


def in_words(error: ErrorDetails) -> tuple[str, str]:
    """What is wrong and what to do, for one of pydantic's errors."""
    kind, path = error["type"], error["loc"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "ours":
        return str(context["problem"]), str(context["remedy"])
    if kind == "extra_forbidden":
        return _unknown(path)
    last = next((str(part) for part in reversed(path) if not isinstance(part, int)), "")
    remedy = _REMEDIES.get((last, kind), "")
    given = error["input"]
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}, not {said(given)}", remedy
    if kind in _PLAIN:
        return _PLAIN[kind].format(input=said(given), **context), remedy
    if kind == "literal_error":
        words = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{said(given)} is not one of its words", meant(str(given), words)
    return error["msg"][:1].lower() + error["msg"][1:], remedy
