"""Mistakes in the settings, in words: where, which key, what is wrong, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake. ``place`` is ``file:line`` or an environment variable."""

    place: str
    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.key}: {self.problem}".rstrip(".") + "."
        return f"{text} {self.remedy}".rstrip()


class SettingsError(Exception):
    """The settings cannot be used. ``mistakes`` has every one that was found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


def _model_at(root: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """The model of the table at ``path``."""
    model: Any = root
    for step in path:
        if get_origin(model) is dict:
            model = get_args(model)[1]
            continue
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
        field = model.model_fields.get(str(step))
        if field is None:
            return None
        model = field.annotation
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _all_keys(model: Any, path: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Every key there is, with the tables it belongs in."""
    found: dict[str, list[str]] = {}
    if get_origin(model) is dict:
        return _all_keys(get_args(model)[1], (*path, "NAME"))
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            found.setdefault(name, []).append(".".join(path))
            for key, tables in _all_keys(field.annotation, (*path, name)).items():
                found.setdefault(key, []).extend(tables)
    return found


def _unknown(root: type[BaseModel], path: Sequence[str | int]) -> tuple[str, str]:
    key = str(path[-1])
    model = _model_at(root, path[:-1])
    known = sorted(model.model_fields) if model else []
    close = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    if close:
        return "is not a setting", f"Did you mean {close[0]!r}?"
    elsewhere = _all_keys(root).get(key.lower(), [])
    if elsewhere:
        table = f"[{elsewhere[0]}]" if elsewhere[0] else "the top of the file, before all tables"
        return "is not a setting here", f"It belongs in {table}."
    everywhere = difflib.get_close_matches(key.lower(), _all_keys(root), n=1, cutoff=0.75)
    hint = f"Did you mean {everywhere[0]!r}? " if everywhere else ""
    return "is not a setting", f"{hint}Known here: {', '.join(known)}."


def _said(value: Any) -> str:
    """A wrong value, as far as it may be shown."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


_PLAIN = {
    "missing": "is missing",
    "int_parsing": "must be a whole number, not {input}",
    "int_type": "must be a whole number, not {input}",
    "int_from_float": "must be a whole number, not {input}",
    "bool_parsing": "must be true or false, not {input}",
    "bool_type": "must be true or false, not {input}",
    "string_type": "must be text in quotes, not {input}",
    "model_type": "must be a table, not {input}",
    "model_attributes_type": "must be a table, not {input}",
    "dict_type": "must be a table, not {input}",
    "list_type": "must be a list, not {input}",
    "literal_error": "must be one of {expected}, not {input}",
    "greater_than_equal": "must be at least {ge}, not {input}",
    "greater_than": "must be more than {gt}, not {input}",
    "less_than_equal": "must be at most {le}, not {input}",
    "string_too_short": "is empty",
}

_REMEDIES = {
    (
        "url",
        "missing",
    ): 'Set it to the address of the site: url = "https://your-team.atlassian.net".',
    ("url", "string_too_short"): 'Set it to the address: url = "https://your-team.atlassian.net".',
}


def in_words(root: type[BaseModel], error: ErrorDetails) -> tuple[str, str]:
    """What is wrong and what to do, for one of pydantic's errors."""
    kind, path = error["type"], error["loc"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(root, path)
    if kind == "ours":
        return str(context["words"]), str(context["remedy"])
    table = ".".join(map(str, path))
    remedy = _REMEDIES.get((str(path[-1]), kind), "")
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        remedy = f"Write it as a table: [{table}]."
    words = _PLAIN.get(kind)
    if words is None:
        return error["msg"][:1].lower() + error["msg"][1:], remedy
    numbers = {name: f"{v:g}" if isinstance(v, float) else v for name, v in context.items()}
    return words.format(input=_said(error["input"]), **numbers), remedy
