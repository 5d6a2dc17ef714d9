"""What messages about rule files know besides pydantic's findings: where keys belong, and remedies."""

from __future__ import annotations

from pydantic import BaseModel

from sync.rules.schema import RuleFile, RuleTable, Upstream, When
from sync.rules.vocabulary import STANDARD_FIELDS, STATUSES
from sync.toml import Path, Wrong, nearest, said
from sync.toml.findings import Language, keys_of

_NAME = 'Give the rule a name of its own: name = "…".'
_STORM = 'Write both: storm = { limit = 20, window = "10m" }.'
_REMEDIES = {
    ("name", "missing"): _NAME,
    ("name", "string_too_short"): _NAME,
    ("limit", "missing"): _STORM,
    ("window", "missing"): _STORM,
    ("limit", "greater_than_equal"): "Remove storm, if there is to be no limit.",
    ("storm", "model_type"): 'Write storm = { limit = 20, window = "10m" }.',
    ("when", "model_type"): 'Write conditions as when = { title = "…" } or under [rule.when].',
    ("any", "list_type"): 'Write it as any = [{ title = "…" }, { owner = "…" }].',
    ("all", "list_type"): 'Write it as all = [{ title = "…" }, { owner = "…" }].',
    ("any", "too_short"): "Give at least one condition, or remove it.",
    ("all", "too_short"): "Give at least one condition, or remove it.",
    ("leave", "literal_error"): "Write leave = true, or say where the ticket goes.",
}
_BRACKETS = "Rules begin with [[rule]], in double brackets."


def _belongs(model: type[BaseModel], table: str) -> dict[str, str]:
    return dict.fromkeys(keys_of(model), table)


def _special(kind: str, path: Path, given: object) -> Wrong | None:
    """Words for two common mistakes: another form in place of ``[[rule]]``, and a misshapen status."""
    if kind == "extra_forbidden" and len(path) == 1 and nearest(str(path[0]), ("rule",)):
        return Wrong("is not a table of a rule file", _BRACKETS)
    if kind == "list_type" and path == ("rule",):
        return Wrong("is written with single brackets", _BRACKETS)
    if kind == "model_type" and path[-2:-1] == ("status",) and path[-1] in STATUSES:
        return Wrong(
            f"must be a status's name or a table, not {said(given)}",
            f'Write {path[-1]} = "Done" or {path[-1]} = {{ category = "done" }}.',
        )
    return None


LANGUAGE = Language(
    model=RuleFile,
    noun="key",
    tables={
        **dict.fromkeys(STANDARD_FIELDS, "[rule.fields]"),
        **_belongs(When, "the rule's `when`"),
        **_belongs(Upstream, "[rule.upstream]"),
        **_belongs(RuleTable, "[[rule]]"),
    },
    remedies=_REMEDIES,
    special=_special,
)
