"""The words that the rule language takes from upstream: fields of payloads, platforms, statuses."""

from __future__ import annotations

from sync.domain.payload import COMMON_TEXTS, INCIDENT_TEXTS, ISSUE_TEXTS, PLATFORMS
from sync.domain.subject import Kind, Status

STANDARD_FIELDS = (
    *("summary", "description", "priority", "labels", "components", "assignee", "reporter"),
    *("due_date", "parent", "versions", "environment", "fix_versions", "security", "sprint"),
)
# Those that a rule may also write with capitals: as Jira shows them, or as a custom field of that name.
AS_SHOWN = ("fix_versions", "security", "sprint")
STATUSES = tuple(status.value for status in Status)
KINDS = tuple(kind.value for kind in Kind)
SEVERITIES = ("info", "warn", "error", "fatal")

# The identifier of an entity is flat; a monitor's holds the identifier of the monitored entity.
IDENTIFIER = tuple(dict.fromkeys(name for names in PLATFORMS.values() for name in names))
IDENTIFIER_TEXTS = tuple(name for name in IDENTIFIER if name != "monitored_id")


class Shape:
    """What may follow a name in a template.

    ``fields`` are by name; ``item`` is the shape of the items of a list or an open table. A value
    whose shape is None is plain (text or a number), and nothing may follow.
    """

    def __init__(
        self,
        fields: dict[str, Shape | None] | None = None,
        item: Shape | None = None,
        *,
        listed: bool = False,
        open_: bool = False,
    ) -> None:
        self.fields = fields or {}
        self.item = item
        self.listed = listed
        self.open = open_


PLAIN = Shape()
UNKNOWN = Shape(open_=True)


def _plain(*names: str) -> dict[str, Shape | None]:
    return dict.fromkeys(names)


_ENTITY = Shape(
    {
        **_plain("name", "type_name", "folder", "entity_url"),
        "identifier": Shape(_plain("platform", *IDENTIFIER), open_=True),
    }
)
_ENTITIES = Shape(item=_ENTITY, listed=True)
# ``emails`` are not upstream's: only the API tells them.
OWNER = Shape({**_plain("id", "title", "url"), "emails": Shape(listed=True)})
_PRODUCT = Shape(_plain("title", "description", "folder", "priority", "downstream"))
# The impact of an issue, or of all subjects of a ticket together.
IMPACT = Shape(
    {
        "products": Shape(item=_PRODUCT, listed=True),
        "owners": Shape(listed=True),
        "entities": Shape(item=Shape(_plain("name", "count")), listed=True),
        **_plain("count", "product_priority"),
    }
)
_ISSUE_FIELDS: dict[str, Shape | None] = {
    **_plain(*ISSUE_TEXTS),
    "trigger_entity": _ENTITY,
    "directly_affected_entities": _ENTITIES,
    "monitored_entities": _ENTITIES,
    "status_actor": Shape(_plain("name", "email", "slack", "pagerduty", "via")),
    "owners": Shape(item=OWNER, listed=True),
}
_INCIDENT_FIELDS: dict[str, Shape | None] = {**_plain(*INCIDENT_TEXTS)}
# What is known of a subject besides its payload. Upstream does not use these names.
_KNOWN: dict[str, Shape | None] = {
    **_plain("id", "kind", "url", "severity", "state"),
    "issue_ids": Shape(listed=True),
    "impact": IMPACT,
}
ISSUE = Shape({**_ISSUE_FIELDS, **_KNOWN})
INCIDENT = Shape({**_INCIDENT_FIELDS, **_KNOWN})
SUBJECT = Shape({**_ISSUE_FIELDS, **_INCIDENT_FIELDS, **_KNOWN})
IN_BOTH = Shape({**_plain(*COMMON_TEXTS), **_KNOWN})

NAMES: dict[str, Shape | None] = {
    "issue": ISSUE,
    "incident": INCIDENT,
    "subject": SUBJECT,
    "subjects": Shape(item=SUBJECT, listed=True),
    "event": Shape(_plain("type", "time", "id")),
    "common": Shape(_plain("title", "entity", "trigger_name", "owner")),
    "tables": Shape(open_=True),
    "impact": IMPACT,
    **_plain("kind", "workspace", "occurrences", "status", "severity"),
}
