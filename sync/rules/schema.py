"""The shape of a rule file: every key, its possible values, and a line on its purpose.

The models validate files and describe them (``rules.schema.json``). They do not give rules their
meaning: ``compile`` reads the file's own data, because there each value has its line.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from sync.domain.rule import OnDeleted, Ownership
from sync.rules.amounts import amount
from sync.rules.durations import seconds_of
from sync.rules.vocabulary import IDENTIFIER_TEXTS, KINDS, SEVERITIES, STATUSES
from sync.toml import Wrong, cannot_be, said


def _duration(value: Any) -> Any:
    seconds_of(value)
    return value


def _texts(what: str, example: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        texts = value if isinstance(value, list) else [value]
        remedy = f'Write one as "{example}", or several as ["{example}", …].'
        if not texts:
            raise Wrong("an empty list holds for nothing", remedy)
        for text in texts:
            if not isinstance(text, str):
                raise Wrong(f"must be {what}, not {said(text)}", remedy)
            if not text.strip():
                raise Wrong("is empty text", remedy)
        return value

    return check


def _words(*known: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        for word in value if isinstance(value, list) and value else [value]:
            if word not in known:
                raise cannot_be(word, known)
        return value

    return check


def _amount(value: Any) -> Any:
    amount(value)
    return value


def _as_status(value: Any) -> Any:
    return {"status": value} if isinstance(value, str) else value


def _as_entity(value: Any) -> Any:
    return {"name": value} if isinstance(value, str | list) else value


def _value(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | date | datetime | list | dict):
        return value
    raise Wrong(f"{said(value)} cannot be a field's value", "Use text, a number, a date or a list.")


def _entry(value: Any) -> Any:
    if isinstance(value, dict):
        raise Wrong(
            "is a table within a table to look things up in",
            "Entries are text, numbers or lists. What belongs elsewhere goes before [tables.…].",
        )
    return _value(value)


Texts = str | list[str]
Duration = Annotated[str | int | float, BeforeValidator(_duration)]
Pattern = Annotated[Texts, BeforeValidator(_texts("a pattern", "orders*"))]
Names = Annotated[Texts, BeforeValidator(_texts("a name", "Done"))]
KindWord = Annotated[
    Literal["issue", "incident"] | list[Literal["issue", "incident"]],
    BeforeValidator(_words(*KINDS)),
]
StatusPattern = Annotated[Texts, BeforeValidator(_words(*STATUSES))]
SeverityPattern = Annotated[Texts, BeforeValidator(_words(*SEVERITIES))]
Number = Annotated[str | int, BeforeValidator(_amount)]
Value = Annotated[Any, BeforeValidator(_value)]
Entry = Annotated[Any, BeforeValidator(_entry)]


class Table(BaseModel):
    """A table of the language. Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True)


class EntityTable(Table):
    """Conditions that one and the same entity must meet."""

    name: Pattern | None = None
    type: Pattern | None = None
    folder: Pattern | None = None
    platform: Pattern | None = Field(None, description="Such as snowflake_table or dbt_core_node.")


Entity = create_model(
    "Entity",
    __base__=EntityTable,
    __doc__=EntityTable.__doc__,
    # The underscore keeps names such as "schema" apart from those of the model itself.
    **{f"{name}_": (Pattern | None, Field(None, alias=name)) for name in IDENTIFIER_TEXTS},  # type: ignore[call-overload]
)
EntityTest = Annotated[Entity, BeforeValidator(_as_entity)]


class ImpactTest(Table):
    """Conditions on what an issue has an impact on. None holds while the impact is not known."""

    product_priority: Pattern | None = Field(
        None, description="The highest priority of its data products, such as P1."
    )
    product: Pattern | None = Field(None, description="Title of any of its data products.")
    owner: Pattern | None = Field(None, description="Title of any of their owners.")
    count: Number | None = Field(
        None, description='How many entities are downstream: 0, or ">= 10".'
    )


class When(Table):
    """Conditions. Every one given must hold. What a subject does not have never holds."""

    kind: KindWord | None = Field(None, description="issue or incident.")
    workspace: Pattern | None = None
    title: Pattern | None = None
    description: Pattern | None = None
    trigger: Pattern | None = Field(None, description="The trigger's name.")
    trigger_message: Pattern | None = None
    owner: Pattern | None = Field(None, description="Title or id of any of the owners.")
    status: StatusPattern | None = None
    severity: SeverityPattern | None = Field(None, description="Known with API credentials only.")
    entity: EntityTest | None = Field(None, description="The entity that triggered the issue.")
    affected: EntityTest | None = Field(None, description="Any directly affected entity.")
    monitored: EntityTest | None = Field(None, description="Any monitored entity.")
    any_entity: EntityTest | None = Field(None, description="Any of all three.")
    impact: ImpactTest | None = Field(None, description="Known with API credentials only.")
    any: list[When] | None = Field(None, min_length=1, description="At least one must hold.")
    all: list[When] | None = Field(None, min_length=1, description="All must hold.")
    not_: When | None = Field(None, alias="not", description="Must not hold.")


class StatusEntry(Table):
    """Where the ticket goes for one upstream status: one of status, transition, category, leave."""

    status: str | None = Field(None, min_length=1, description="A status by name or id.")
    transition: str | None = Field(None, min_length=1, description="A transition by name or id.")
    category: Literal["new", "indeterminate", "done"] | None = None
    leave: Literal[True] | None = Field(None, description="Do not move the ticket.")
    prefer: Names | None = Field(None, description="Statuses to choose in the category, in order.")
    via: Names | None = Field(None, description="Statuses to pass through.")
    resolution: Names | None = Field(None, description="Resolutions, in order of preference.")
    fields: dict[str, Value] | None = Field(None, description="For the screens on the way.")
    comment: str | None = Field(None, description="Said on arrival. Markdown; a template.")


StatusWish = Annotated[StatusEntry, BeforeValidator(_as_status)]


class StatusMap(Table):
    """For each upstream status, where the ticket goes."""

    open: StatusWish | None = None
    investigating: StatusWish | None = None
    expected: StatusWish | None = None
    fixed: StatusWish | None = None
    no_action_needed: StatusWish | None = None
    closed: StatusWish | None = None
    cancelled: StatusWish | None = None


class Comments(Table):
    """Comments on tickets."""

    updated: str | None = Field(None, description="Said when fields change. Markdown; a template.")
    on: Names | None = Field(None, description="The fields that count; all, if not given.")
    running: bool | None = Field(None, description="Edit one comment instead of adding more.")
    public: bool | None = Field(None, description="Customers of a service project see them.")


class SignEntry(Table):
    """One way in which a ticket can stand: one of status, resolution, category."""

    status: str | None = Field(None, min_length=1, description="A status by name or id.")
    resolution: str | None = Field(None, min_length=1, description="A resolution by name or id.")
    category: Literal["new", "indeterminate", "done"] | None = None


def _sign(value: Any) -> Any:
    """A sign in its full form. A name alone is that of a status."""
    if isinstance(value, str) and value:
        return {"status": value}
    if isinstance(value, dict) and len(value) != 1:
        raise Wrong(
            f"names {len(value)} things, and one sign is one of status, resolution and category",
            'Write several as a list: ["Done", { resolution = "Won\'t Do" }].',
        )
    if not isinstance(value, dict):
        raise Wrong(
            f"must be a status or a table, not {said(value)}",
            'Write "Done", { resolution = "Won\'t Do" } or { category = "done" }.',
        )
    return value


def _signs(value: Any) -> Any:
    return [_sign(one) for one in value] if isinstance(value, list) else [_sign(value)]


Signs = Annotated[list[SignEntry], Field(min_length=1), BeforeValidator(_signs)]


class UpstreamStatus(Table):
    """Which statuses, resolutions and categories of Jira stand for which mark upstream."""

    investigating: Signs | None = None
    expected: Signs | None = None
    fixed: Signs | None = None
    no_action_needed: Signs | None = None
    cleared: Signs | None = Field(None, description="These take our mark off again.")
    closed: Signs | None = Field(None, description="These close the incident.")
    cancelled: Signs | None = Field(None, description="These cancel the incident.")
    open: Signs | None = Field(None, description="These open the incident again.")


class Mention(Table):
    """Comments that mention a word are told."""

    mention: str = Field(min_length=1)


def _comments(value: Any) -> Any:
    if value in ("all", "none"):
        return value
    word = value.get("mention") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(word, str) and word.strip():
        return value
    shown = value if isinstance(value, str) and value else "#upstream"
    raise Wrong(
        f"must be all, none or a word that comments mention, not {said(value)}",
        f'Write "all", "none" or {{ mention = "{shown}" }}.',
    )


class Upstream(Table):
    """What upstream is told of what people do in Jira. Nothing, if the table is not given."""

    status: UpstreamStatus | None = None
    comments: Annotated[Literal["all", "none"] | Mention | None, BeforeValidator(_comments)] = (
        Field(None, description="Which comments are told: all, none, or those with a word.")
    )
    copy_comments: bool | None = Field(None, description="Upstream's comments go on the ticket.")
    announce: bool | None = Field(None, description="Tell upstream the ticket's key, once.")
    acknowledge: Literal["never", "made", "assigned"] | None = Field(
        None, description="When an unmarked issue is marked as investigating by itself."
    )
    ignore: Names | None = Field(None, description="Accounts whose acts are not told.")
    wins: Literal["jira", "upstream"] | None = Field(
        None, description="The side that wins if both acted; whoever was later, if not given."
    )


class Storm(Table):
    """When more new tickets than ``limit`` come within ``window``, the rest share one."""

    limit: int = Field(ge=1)
    window: Duration


class LeaveClosed(Table):
    """Tickets that people closed like this stay closed when the subject comes back."""

    resolutions: list[str] | None = None
    statuses: list[str] | None = None


class Issues(Table):
    """What happens with the issues of an incident."""

    link: str | None = Field(
        None, description='Link type, such as "Relates"; "parent" for children; "" for none.'
    )
    direction: Literal["outward", "inward"] | None = Field(None, description="The incident's side.")
    on_ticket: bool | None = Field(None, description="Put the issues on the incident's ticket.")
    close: bool | None = Field(None, description="Close their tickets with the incident.")


def _ownership(value: Any) -> Any:
    return _words(*(o.value for o in Ownership))(value)


class Body(Table):
    """What a rule asks for. Each key may stand in [defaults] as well."""

    site: str | None = Field(None, min_length=1, description="A Jira site of config.toml.")
    project: str | None = Field(None, min_length=1, description="Project key; else the site's.")
    issue_type: Names | None = Field(None, description="The first that the project has.")
    fields: dict[str, Value] | None = Field(None, description="The ticket's fields.")
    status: StatusMap | None = None
    comments: Comments | None = None
    upstream: Upstream | None = None
    ownership: dict[str, Annotated[str, BeforeValidator(_ownership)]] | None = Field(
        None,
        description="Per field: source (always ours), shared, yield (ours until a person changes it), "
        "or ticket (then theirs).",
    )
    group_by: Texts | None = Field(None, description="Puts several subjects on one ticket.")
    storm: Storm | None = None
    hold: Duration | None = Field(None, description="Make a ticket only if still open then.")
    reopen_within: Duration | None = Field(None, description="After that: a new ticket.")
    close_after: Duration | None = Field(None, description="Close after so long of staying closed.")
    on_deleted: Literal[tuple(o.value for o in OnDeleted)] | None = Field(  # type: ignore[valid-type]
        None, description="recreate, park or ignore."
    )
    leave_closed: LeaveClosed | None = None
    create_when_ended: bool | None = Field(None, description="Tickets for what is over already.")
    issues: Issues | None = Field(None, description="For rules of incidents.")


class RuleTable(Body):
    """One rule. The first rule of all whose conditions hold makes the ticket."""

    name: str = Field(min_length=1, max_length=100, description="Unique among all files.")
    when: When | None = Field(None, description="Without it: every subject.")


class RuleFile(Table):
    """A file of mapping rules for ticket-sync."""

    defaults: Body | None = Field(None, description="What the rules of this file start from.")
    tables: dict[str, dict[str, Entry]] | None = Field(None, description="For `lookup`.")
    rule: list[RuleTable] | None = None
