"""Identity: the key of a subject's ticket, which subjects may share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.domain.subject import Snapshot
from sync.rules.context import context_of, record
from sync.rules.filters import day
from sync.rules.values import Value

KEY_LIMIT = 300


def _entity(subject: Mapping[str, Any]) -> str:
    entity = subject.get("trigger_entity") or {}
    parts = [str(v) for v in (entity.get("identifier") or {}).values() if v]
    return "/".join(parts) or str(entity.get("name", ""))


def _owners(subject: Mapping[str, Any]) -> str:
    owners = subject.get("owners") or ()
    return ",".join(sorted(str(owner.get("title") or owner.get("id") or "") for owner in owners))


WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "issue_group": lambda s: str(s.get("issue_group_id") or ""),
    "entity": _entity,
    "owner": _owners,
    "trigger": lambda s: str(s.get("trigger_name") or ""),
    "workspace": lambda s: str(s.get("workspace") or ""),
    "day": lambda s: day(s.get("started_at")),
}


@dataclass(frozen=True, slots=True)
class Grouping:
    """How a rule groups subjects: by words of the language and templates. Subjects with equal results
    share a ticket."""

    parts: tuple[str | Value, ...]

    def name(self, snapshot: Snapshot, tables: Mapping[str, Any]) -> str:
        """The name of the subject's group, "" where a part has no value for the subject. Raises
        Rejected when a template fails."""
        subject = {**record(snapshot), "workspace": snapshot.workspace}
        texts = [
            WORDS[part](subject)
            if isinstance(part, str)
            else part.text(context_of([snapshot], tables))
            for part in self.parts
        ]
        return "|".join(texts) if all(texts) else ""


def ticket_key(
    rule: str, grouping: Grouping | None, snapshot: Snapshot, tables: Mapping[str, Any]
) -> str:
    """The ticket key of a subject: the subject's own, or that of its group."""
    group = grouping.name(snapshot, tables) if grouping else ""
    if not group:
        return str(snapshot.ref)
    key = f"group:{rule}:{group}"
    if len(key) <= KEY_LIMIT:
        return key
    return f"{key[: KEY_LIMIT - 33]}#{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def grouping_of(parts: Sequence[str | Value]) -> Grouping | None:
    """The grouping that ``group_by`` describes. None for a rule without one."""
    return Grouping(tuple(parts)) if parts else None
