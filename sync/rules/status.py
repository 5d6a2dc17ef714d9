"""Status: where the ticket goes for each upstream status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.domain.rule import Category, StatusTarget
from sync.domain.subject import Status
from sync.rules.check import NamesInScope
from sync.rules.inherit import TARGETS, Given, as_list
from sync.rules.values import Context, Value, compile_value
from sync.toml import Mistakes


@dataclass(frozen=True, slots=True)
class StatusWish:
    """What a rule asks for on arrival at one upstream status."""

    target: StatusTarget = field(default_factory=StatusTarget)
    fields: Mapping[str, Value] = field(default_factory=dict)
    resolution: Value | None = None
    comment: Value | None = None

    def aim(self, context: Context) -> StatusTarget:
        """The target with its fields rendered. Raises Rejected when a template fails."""
        if not self.fields and self.resolution is None:
            return self.target
        resolution = self.resolution.render(context) if self.resolution else None
        return StatusTarget(
            status=self.target.status,
            transition=self.target.transition,
            category=self.target.category,
            prefer=self.target.prefer,
            via=self.target.via,
            resolution=tuple(map(str, as_list(resolution))) if resolution else (),
            fields={name: value.render(context) for name, value in self.fields.items()},
        )


LEAVE = StatusWish()


def _names(entry: Mapping[str, Given], key: str) -> tuple[str, ...]:
    return as_list(entry[key].value) if key in entry else ()


def compile_status(
    entry: Mapping[str, Given], scope: NamesInScope, mistakes: Mistakes
) -> StatusWish:
    """One entry of a status map, what it inherits included."""
    given = [entry[name] for name in TARGETS if name in entry]
    for extra in given[1:]:
        mistakes.add(
            extra.position,
            extra.key,
            f"stands beside {given[0].path[-1]!r}, and a ticket can only go to one place",
            f"Keep one of {', '.join(TARGETS)}.",
        )
    for name in ("prefer",):
        if name in entry and "category" not in entry:
            mistakes.add(
                entry[name].position,
                entry[name].key,
                "chooses within a category, and none is given",
                'Add category = "done", or name the one status: status = "Done".',
            )

    def text(name: str) -> Any:
        return entry[name].value if name in entry else ""

    fields = entry.get("fields")
    comment = entry.get("comment")
    resolution = entry.get("resolution")
    return StatusWish(
        target=StatusTarget(
            status=text("status"),
            transition=text("transition"),
            category=Category(entry["category"].value) if "category" in entry else None,
            prefer=_names(entry, "prefer"),
            via=_names(entry, "via"),
        ),
        fields={
            name: compile_value(fields.child(name), scope, mistakes)
            for name in (fields.value if fields else ())
        }
        if fields
        else {},
        resolution=compile_value(resolution, scope, mistakes) if resolution else None,
        comment=compile_value(comment, scope, mistakes) if comment and comment.value else None,
    )


StatusMap = Mapping[Status, StatusWish]
