"""Tables as values of fields that mean something on the site: ``sprint = { board = "Data Team" }``,
``parent = { epic = "Data quality" }``.

A table with the first word of one of these is held to the others; any other table is a JSON object for a
field that only the site knows.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync.rules.inherit import Given
from sync.toml import Mistakes, meant

_TEXT, _BOOL = "a text, and not empty", "true or false"
# By the key that says what the table means: all its keys, each with what it takes.
TABLES: Mapping[str, Mapping[str, str]] = {
    "board": {"board": _TEXT},
    "epic": {"epic": _TEXT, "make": _BOOL, "issue_type": _TEXT},
}
# The fields of which only such a table makes sense: the key that it needs, and an example.
_OWN = {
    "parent": ("epic", 'parent = { epic = "Data quality" }'),
    "sprint": ("board", 'sprint = { board = "Data Team" }'),
}


def check_table(name: str, given: Given, mistakes: Mistakes) -> None:
    """Report what is wrong with a field's table."""
    table = given.value
    if not isinstance(table, dict):
        return
    key = next((key for key in TABLES if key in table), "")
    needed, example = _OWN.get(name, ("", ""))
    if not key and needed:
        mistakes.add(
            given.position, given.key, f"is a table without {needed!r}", f"Write it as {example}."
        )
    for word, value in table.items() if key else ():
        one = given.child(word)
        if word not in TABLES[key]:
            mistakes.add(one.position, one.key, "is unknown", meant(word, TABLES[key]))
        elif not _fits(TABLES[key][word], value):
            mistakes.add(one.position, one.key, f"must be {TABLES[key][word]}", "")


def _fits(what: str, value: object) -> bool:
    if what is _BOOL:
        return isinstance(value, bool)
    return isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip() != ""
