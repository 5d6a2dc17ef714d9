"""Small builders for the values a plan works with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.domain.rule import (
    Category,
    Desired,
    FieldWish,
    Ownership,
    Policy,
    RemoteLink,
    RuleRef,
    StatusTarget,
)
from sync.domain.subject import Status
from sync.domain.ticket import (
    Base,
    Block,
    Document,
    Draft,
    DraftField,
    FieldBase,
    FieldKind,
    Hop,
    JiraStatus,
    Observed,
    ScreenField,
    TicketRef,
    remembered,
)

TO_DO = JiraStatus("1", "To Do", Category.NEW)
OPEN = JiraStatus("11", "Open", Category.NEW)
PROGRESS = JiraStatus("2", "In Progress", Category.INDETERMINATE)
REVIEW = JiraStatus("21", "In Review", Category.INDETERMINATE)
DONE = JiraStatus("3", "Done", Category.DONE)
WONT = JiraStatus("31", "Won't Do", Category.DONE)
CLOSED = JiraStatus("32", "Closed", Category.DONE)

LINK = RemoteLink("ticket-sync:coalesce:issue:1", "https://app.example.com/i/1", "Issue 1")


def text(*lines: str) -> Document:
    return Document(tuple(Block(line, line) for line in lines))


def target(**kwargs: Any) -> StatusTarget:
    return StatusTarget(**kwargs)


DONE_TARGET = StatusTarget(category=Category.DONE, prefer=("Done", "Closed"), resolution=("Done",))


def field(
    value: Any,
    *,
    id: str = "summary",
    kind: FieldKind = FieldKind.PLAIN,
    ownership: Ownership = Ownership.SHARED,
) -> DraftField:
    return DraftField(id, id.title(), kind, value, ownership)


def draft(
    *fields: DraftField,
    status: Status = Status.OPEN,
    to: StatusTarget | None = None,
    status_comment: str | None = None,
    update_comment: str | None = None,
    comment_on: tuple[str, ...] = (),
    links: tuple[RemoteLink, ...] = (),
    policy: Policy | None = None,
    version: str = "v2",
) -> Draft:
    given = {f.id: f for f in fields}
    desired = Desired(
        key="coalesce:issue:1",
        rule=RuleRef("stale tables", "10-stale.toml", 3),
        site="main",
        project="DATA",
        issue_type=("Bug",),
        fields={f.name: FieldWish(f.value, f.ownership) for f in fields},
        status=status,
        target=to or StatusTarget(),
        version=version,
        status_comment=status_comment,
        update_comment=update_comment,
        comment_on=comment_on,
        remote_links=links,
        policy=policy or Policy(),
    )
    return Draft(desired, "DATA", "Bug", given)


def base(
    fields: Mapping[str, Any] | None = None,
    *,
    shown: Mapping[str, Any] | None = None,
    status: Status | None = Status.OPEN,
    **kwargs: Any,
) -> Base:
    """A base in which ``fields`` were sent, and ``shown`` (if given) seen after."""
    agreed = {
        id_: FieldBase(
            remembered(value),
            remembered((shown or {}).get(id_)),
            looked=shown is not None and id_ in shown,
        )
        for id_, value in (fields or {}).items()
    }
    return Base(fields=agreed, status=status, **kwargs)


def hop(to: JiraStatus, name: str = "", **screen: ScreenField) -> Hop:
    return Hop(f"t{to.id}", name or to.name, to, screen)


def observed(
    fields: Mapping[str, Any] | None = None,
    *,
    status: JiraStatus = TO_DO,
    hops: tuple[Hop, ...] = (),
    resolution: str = "",
) -> Observed:
    return Observed(
        ref=TicketRef("10001", "DATA-1"),
        project="DATA",
        issue_type="Bug",
        status=status,
        resolution=resolution,
        fields=dict(fields or {}),
        hops=hops,
    )
