"""pydantic's findings about a file's data, put into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sync.toml.mistakes import Wrong, cannot_be, meant, nearest, said
from sync.toml.positions import Path

_WORDS = {
    "missing": "is missing",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "is an empty list",
    "greater_than": "must be more than {gt}, not {input}",
    "greater_than_equal": "must be at least {ge}, not {input}",
    "less_than_equal": "must be at most {le}, not {input}",
    "string_type": "must be text in quotes, not {input}",
    "list_type": "must be a list, not {input}",
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false, not {input}"),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_from_float"), "must be a whole number, not {input}"
    ),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type"), "must be a table, not {input}"
    ),
}
_REMEDIES = {
    "string_type": "Put it in quotes.",
    "string_too_short": "Give it a value, or remove it.",
    "bool_type": "Write true or false, without quotes.",
    "bool_parsing": "Write true or false, without quotes.",
}
# Parts that pydantic adds to a path: the branch of a union that it tried, and a mark for a wrong key.
_TAGS = ("str", "list[str]", "int", "float", "[key]")


def _no_special_words(_kind: str, _path: Path, _given: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Language:
    """What the messages about one kind of file need to know.

    ``model`` describes the file, ``noun`` is what its keys are called. ``tables`` says, for a key, in
    which table the key belongs. ``remedies`` go by key and by pydantic's type of error. ``special``
    gives the words for a type of error, a path and the value there, or None where the usual words fit.
    """

    model: type[BaseModel]
    noun: str
    tables: Mapping[str, str]
    remedies: Mapping[tuple[str, str], str]
    special: Callable[[str, Path, object], Wrong | None] = _no_special_words


def path_of(error: ErrorDetails) -> Path:
    """The path in the data that one of pydantic's errors is about."""
    return tuple(step for step in error["loc"] if step not in _TAGS)


def in_words(language: Language, error: ErrorDetails) -> Wrong:
    """The problem and the remedy of one of pydantic's errors."""
    kind, path = error["type"], path_of(error)
    if isinstance(ours := error.get("ctx", {}).get("error"), Wrong):
        return ours
    if (special := language.special(kind, path, error["input"])) is not None:
        return special
    if kind == "extra_forbidden":
        return _unknown(language, path)
    return _usual(language, error)


def _usual(language: Language, error: ErrorDetails) -> Wrong:
    kind, path, given = error["type"], path_of(error), error["input"]
    context: Mapping[str, Any] = error.get("ctx", {})
    names = [str(step) for step in path if not isinstance(step, int)]
    remedy = language.remedies.get((names[-1] if names else "", kind), _REMEDIES.get(kind, ""))
    if kind == "literal_error":
        known = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        wrong = cannot_be(given, known)
        return Wrong(wrong.problem, remedy or wrong.remedy)
    if kind not in _WORDS:
        return Wrong(error["msg"][:1].lower() + error["msg"][1:], remedy)
    words = _WORDS[kind]
    if "must be a table" in words:
        remedy = remedy or f"Write its keys under [{'.'.join(names)}]."
    numbers = {name: f"{v:g}" if isinstance(v, float) else v for name, v in context.items()}
    return Wrong(words.format(**{**numbers, "input": said(given)}), remedy)


def _unknown(language: Language, path: Path) -> Wrong:
    key, model = str(path[-1]), model_at(language.model, path[:-1])
    known = list(keys_of(model)) if model else []
    problem = f"is not a {language.noun} here"
    close, belongs = nearest(key, known), language.tables.get(key.lower(), "")
    if belongs and not close.startswith(key[:3]):
        return Wrong(problem, f"It belongs in {belongs}.")
    elsewhere = "" if close else nearest(key, language.tables, cutoff=0.75)
    if elsewhere:
        return Wrong(
            problem, f"Did you mean {elsewhere!r}, which belongs in {language.tables[elsewhere]}?"
        )
    return Wrong(problem, meant(key, known))


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """The keys that a table may have, as a file writes them, with their annotations."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def table_in(annotation: Any) -> Any:
    """The model (or the ``dict`` type) that an annotation such as ``list[When] | None`` holds, else
    None."""
    if get_origin(annotation) is dict:
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(table_in, get_args(annotation))), None)


def model_at(root: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of the table at ``path``. None for a table whose keys are free."""
    found: Any = root
    for step in path:
        if isinstance(step, int):
            continue
        if found is None:
            return None
        inner = get_args(found)[1] if get_origin(found) is dict else keys_of(found).get(step)
        found = table_in(inner)
    return None if get_origin(found) is dict else found
