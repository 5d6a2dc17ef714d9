"""Status: where the ticket goes for each upstream status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.domain.rule import Category, StatusTarget
from sync.domain.subject import Status
from sync.rules.check import NamesInScope
from sync.rules.inherit import TARGETS, Given, as_list
from sync.rules.values import Value, compile_value
from sync.toml import Mistakes


@dataclass(frozen=True, slots=True)
class StatusWish:
    """What a rule asks for when the subject takes on one upstream status."""

    target: StatusTarget = field(default_factory=StatusTarget)
    fields: Mapping[str, Value] = field(default_factory=dict)
    resolution: Value | None = None
    comment: Value | None = None
    # What the rule gives for the comment field of the transition's screen.
    along: Value | None = None

    def aim(self, rendered: Callable[[Value], Any]) -> StatusTarget:
        """The target, with its fields and its resolution as ``rendered`` gives them, None for none."""
        if not self.fields and self.resolution is None:
            return self.target
        resolution = rendered(self.resolution) if self.resolution else None
        return StatusTarget(
            status=self.target.status,
            transition=self.target.transition,
            category=self.target.category,
            prefer=self.target.prefer,
            via=self.target.via,
            comments=self.target.comments,
            resolution=tuple(map(str, as_list(resolution))) if resolution else (),
            fields={name: rendered(value) for name, value in self.fields.items()},
        )


LEAVE = StatusWish()


def compile_status(
    entry: Mapping[str, Given], scope: NamesInScope, mistakes: Mistakes
) -> StatusWish:
    """One entry of a status map, inherited parts included."""
    _one_target(entry, mistakes)

    def value(name: str, default: Any) -> Any:
        return entry[name].value if name in entry else default

    def compiled(name: str) -> Value | None:
        return compile_value(entry[name], scope, mistakes) if value(name, "") else None

    fields = {name: entry["fields"].child(name) for name in value("fields", ())}
    # A screen's comment is no field to Jira: it goes with the transition as an operation of its own.
    along = next((name for name in fields if name.strip().casefold() == "comment"), None)
    category = value("category", None)
    return StatusWish(
        target=StatusTarget(
            status=value("status", ""),
            transition=value("transition", ""),
            category=Category(category) if category else None,
            prefer=as_list(value("prefer", ())),
            via=as_list(value("via", ())),
            comments=along is not None,
        ),
        fields={
            name: compile_value(one, scope, mistakes)
            for name, one in fields.items()
            if name != along
        },
        resolution=compiled("resolution"),
        comment=compiled("comment"),
        along=compile_value(fields[along], scope, mistakes) if along else None,
    )


def _one_target(entry: Mapping[str, Given], mistakes: Mistakes) -> None:
    """Record a mistake where the entry names more than one target."""
    given = [entry[name] for name in TARGETS if name in entry]
    for extra in given[1:]:
        mistakes.add(
            extra.position,
            extra.key,
            f"stands beside {given[0].path[-1]!r}, and a ticket can only go to one place",
            f"Keep one of {', '.join(TARGETS)}.",
        )
    prefer = entry.get("prefer")
    if prefer is not None and "category" not in entry:
        mistakes.add(
            prefer.position,
            prefer.key,
            "chooses within a category, and none is given",
            'Add category = "done", or name the one status: status = "Done".',
        )


StatusMap = Mapping[Status, StatusWish]
