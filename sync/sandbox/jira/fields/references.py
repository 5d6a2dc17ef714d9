"""Field types whose values are things of the site: options, priorities, versions, users, parents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from sync.sandbox.jira.fields.plain import MANY, array
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.call import Call
from sync.sandbox.jira.site.model import Named, Option, Project, User
from sync.sandbox.jira.site.state import FieldDef, FieldType, Invalid, Site

_Choice = TypeVar("_Choice", Option, Named)


def _chosen(choices: Sequence[_Choice], given: Mapping[str, Any], name: str, what: str) -> _Choice:
    """The choice with the given ``id``, or else the given ``name`` (an attribute). Raises Invalid."""
    by = "id" if given.get("id") is not None else name
    wanted = str(given[by]) if by == "id" else given[by]
    for choice in choices:
        if getattr(choice, by) == wanted:
            return choice
    raise Invalid(f"{what} {by} '{given[by]}' is not valid")


def _option(field: FieldDef, options: Sequence[Option], raw: Any, where: str = "Option") -> Option:
    """One option by ``id`` or ``value``. Raises Invalid."""
    if not isinstance(raw, dict):
        raise Invalid("Specify a valid 'id' or 'name' for " + field.name)
    if "id" not in raw and "value" not in raw:
        raise Invalid(f"Could not find valid 'id' or 'value' in the {where} object.")
    return _chosen(options, {"value": None, **raw}, "value", "Option")


class Select(FieldType):
    kind, custom = "option", "select"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        return _option(field, field.options, raw)

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return None if value is None else as_json.option(call, value)

    def text(self, site: Site, value: Any) -> str:
        return value.value if value else ""

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        return [as_json.option(call, o, children=True) for o in field.options]


class RadioButtons(Select):
    custom = "radiobuttons"


class MultiSelect(Select):
    kind, items, custom, operations = "array", "option", "multiselect", MANY

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        chosen = {o.id: o for o in (_option(field, field.options, one) for one in array(raw))}
        return sorted(chosen.values(), key=lambda o: o.id) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return [as_json.option(call, o) for o in value] if value else None

    def text(self, site: Site, value: Any) -> str:
        return ",".join(o.value for o in value or ())


class Checkboxes(MultiSelect):
    custom = "multicheckboxes"


class Cascading(Select):
    """An option and an option below the first. Kept as a pair; the second may be None."""

    kind, custom = "option-with-child", "cascadingselect"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        parent = _option(field, field.options, raw, "Parent Option")
        child = raw.get("child")
        if child is None:
            return parent, None
        return parent, _option(field, parent.children, child, "Child Option")

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        if value is None:
            return None
        parent, child = value
        shown = as_json.option(call, parent)
        return {**shown, "child": as_json.option(call, child)} if child else shown

    def text(self, site: Site, value: Any) -> str:
        return " - ".join(o.value for o in value or () if o)


class UserPicker(FieldType):
    """A user, kept as account id. Calls give ``{accountId}`` on Cloud, ``{name}`` on Data Center."""

    kind, custom = "user", "userpicker"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if not isinstance(raw, dict):
            raise Invalid("data was not an object")
        key = "accountId" if site.cloud else "name"
        if raw.get("id") and site.cloud:
            raw = {"accountId": raw["id"]}
        if key not in raw:
            raise Invalid(f"'{key}' must be specified for the user")
        if raw[key] is None or (raw[key] == "" and not site.cloud):
            return None
        user = site.user(str(raw[key]))
        if user is None:
            raise Invalid(f"User '{raw[key]}' does not exist.")
        self.check(site, project, user)
        return user.account_id

    def check(self, site: Site, project: Project, user: User) -> None:
        """Raises Invalid for a user that the field may not hold."""
        if not user.active:
            raise Invalid(f"User '{user.display_name}' is not active.")

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return as_json.user(site, call, value)

    def text(self, site: Site, value: Any) -> str:
        return site.users[value].display_name if value else ""

    def ident(self, site: Site, value: Any) -> str | None:
        if value is None:
            return None
        return str(value) if site.cloud else site.users[value].user_key


class Assignee(UserPicker):
    def check(self, site: Site, project: Project, user: User) -> None:
        if not site.may(user, project, "ASSIGNABLE_USER"):
            raise Invalid(f"User '{user.display_name}' cannot be assigned issues.")


class UserPickers(UserPicker):
    kind, items, custom, operations = "array", "user", "multiuserpicker", MANY

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        single = UserPicker()
        accounts = {single.parse(site, call, project, field, one) for one in array(raw)}
        return sorted(accounts - {None}) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return [as_json.user(site, call, one) for one in value] if value else None

    def text(self, site: Site, value: Any) -> str:
        return ", ".join(site.users[one].display_name for one in value or ())

    def ident(self, site: Site, value: Any) -> str | None:
        return None


class Pick(FieldType):
    """One named thing of the site or of the project, given by ``id`` or ``name``."""

    word: ClassVar[str]

    @abstractmethod
    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        """What there is to pick from."""

    def one(self, site: Site, project: Project, raw: Any) -> Named:
        """Raises Invalid."""
        if not isinstance(raw, dict):
            raise Invalid(f"Specify a valid 'id' or 'name' for {self.word}")
        if raw.get("id") is None and raw.get("name") is None:
            raise Invalid(f"Could not find valid 'id' or 'name' for {self.word}")
        return _chosen(self.choices(site, project), raw, "name", self.word)

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        return self.one(site, project, raw)

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return None if value is None else as_json.named(call, self.word.lower(), value)

    def text(self, site: Site, value: Any) -> str:
        return value.name if value else ""

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        kind = self.word.lower()
        return [as_json.named(call, kind, one) for one in self.choices(site, project)]


class Priority(Pick):
    kind, word, when_empty = "priority", "Priority", "The priority selected is invalid."

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return site.priorities


class Resolution(Pick):
    kind, word = "resolution", "Resolution"

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return site.resolutions


class Components(Pick):
    kind, items, operations, word = "array", "component", MANY, "Component"

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return project.components

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        chosen = {named.id: named for named in (self.one(site, project, one) for one in array(raw))}
        return sorted(chosen.values(), key=lambda named: int(named.id)) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return [as_json.named(call, self.word.lower(), one) for one in value or ()]

    def text(self, site: Site, value: Any) -> str:
        return ", ".join(one.name for one in value or ())


class Versions(Components):
    items, word = "version", "Version"

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return project.versions


class SecurityLevel(Pick):
    """Who may see the issue. Only levels that the caller is in are offered and taken."""

    kind, word = "securitylevel", "SecurityLevel"

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return project.levels

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        found = self.one(site, project, raw)
        if not site.has_level(call.user, found):
            raise Invalid(f"SecurityLevel id '{found.id}' is not valid")
        return found

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        mine = [one for one in project.levels if site.has_level(call.user, one)]
        return [as_json.named(call, self.kind, one) for one in mine]


class Participants(UserPickers):
    """The people who follow a request beside its reporter, in service projects."""

    custom = "com.atlassian.servicedesk:sd-request-participants"


class Parent(FieldType):
    """The parent issue, kept as numeric id."""

    kind = "issuelink"

    def read(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if not isinstance(raw, dict) or not (raw.get("id") or raw.get("key")):
            raise Invalid("Could not find valid 'id' or 'key' in the parent object.")
        issue = site.find(str(raw.get("id") or raw.get("key")))
        if issue is None:
            raise Invalid("Could not find issue by id or key.")
        if issue.project != project.key and not site.cloud:
            raise Invalid("The parent issue must be in the same project.")
        return issue.id

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return None if value is None else as_json.brief(site, call, site.issues[value])

    def text(self, site: Site, value: Any) -> str:
        return site.issues[value].key if value else ""
