"""What pydantic found wrong with a rule file, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sync.rules.errors import meant, nearest, said
from sync.rules.schema import RuleFile
from sync.rules.vocabulary import STANDARD_FIELDS, STATUSES

Loc = tuple[int | str, ...]

_EXPECTED = {
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
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
    ("name", "string_too_short"): 'Give the rule a name of its own: name = "…".',
    ("limit", "missing"): 'Write both: storm = { limit = 20, window = "10m" }.',
    ("window", "missing"): 'Write both: storm = { limit = 20, window = "10m" }.',
    ("limit", "greater_than_equal"): "Remove storm, if there is to be no limit.",
    ("storm", "model_type"): 'Write storm = { limit = 20, window = "10m" }.',
    ("when", "model_type"): 'Write conditions as when = { title = "…" } or under [rule.when].',
    ("any", "list_type"): 'Write it as any = [{ title = "…" }, { owner = "…" }].',
    ("all", "list_type"): 'Write it as all = [{ title = "…" }, { owner = "…" }].',
    ("any", "too_short"): "Give at least one condition, or remove it.",
    ("all", "too_short"): "Give at least one condition, or remove it.",
    ("leave", "literal_error"): "Write leave = true, or say where the ticket goes.",
}
_GENERAL = {
    "string_type": "Put it in quotes.",
    "string_too_short": "Give it a value, or remove it.",
    "bool_type": "Write true or false, without quotes.",
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


def _table(path: Loc, given: object) -> tuple[str, str]:
    """Words for something that must be a table."""
    names = [part for part in path if not isinstance(part, int)]
    if len(names) > 2 and names[-2] == "status" and names[-1] in STATUSES:
        return (
            f"must be a status's name or a table, not {said(given)}",
            f'Write {names[-1]} = "Done" or {names[-1]} = {{ category = "done" }}.',
        )
    return f"must be a table, not {said(given)}", f"Write its keys under [{'.'.join(names)}]."


def in_words(error: ErrorDetails) -> tuple[str, str]:
    """What is wrong and what to do, for one of pydantic's errors."""
    kind, path, given = error["type"], error["loc"], error["input"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "ours":
        return str(context["problem"]), str(context["remedy"])
    if kind == "extra_forbidden":
        return _unknown(path)
    if path == ("rule",) and kind == "list_type":
        return "is written with single brackets", "Rules begin with [[rule]], in double brackets."
    last = next((str(part) for part in reversed(path) if not isinstance(part, int)), "")
    remedy = _REMEDIES.get((last, kind), _GENERAL.get(kind, ""))
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        problem, usual = _table(path, given)
        return problem, remedy or usual
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}, not {said(given)}", remedy
    if kind in _PLAIN:
        return _PLAIN[kind].format(input=said(given), **context), remedy
    if kind == "literal_error":
        words = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{said(given)} is not one of its words", remedy or meant(str(given), words)
    return error["msg"][:1].lower() + error["msg"][1:], remedy
