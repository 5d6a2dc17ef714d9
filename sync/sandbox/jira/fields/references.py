"""Field types whose values point at something of the site: options, priorities, users, parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from sync.sandbox.jira.fields.plain import FieldType, Invalid
from sync.sandbox.jira.site import as_json
from sync.sandbox.jira.site.model import FieldDef, Named, Option

if TYPE_CHECKING:
    from sync.sandbox.jira.site.call import Call
    from sync.sandbox.jira.site.model import Project, User
    from sync.sandbox.jira.site.state import Site


def option(field: FieldDef, options: Sequence[Option], raw: Any, where: str = "Option") -> Option:
    """One option by ``id`` or ``value``. Raises Invalid."""
    if not isinstance(raw, dict):
        raise Invalid("Specify a valid 'id' or 'name' for " + field.name)
    if "id" in raw:
        found = [o for o in options if o.id == str(raw["id"])]
        problem = f"Option id '{raw['id']}' is not valid"
    elif "value" in raw:
        found = [o for o in options if o.value == raw["value"]]
        problem = f"Option value '{raw['value']}' is not valid"
    else:
        raise Invalid(f"Could not find valid 'id' or 'value' in the {where} object.")
    if not found:
        raise Invalid(problem)
    return found[0]


class Select(FieldType):
    schema: ClassVar[Mapping[str, str]] = {"type": "option"}
    custom: ClassVar[str] = "select"

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        return None if raw is None else option(field, field.options, raw)

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return None if value is None else as_json.option(call, value)

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return value.value if value else ""

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        return [as_json.option(call, o, children=True) for o in field.options]


class RadioButtons(Select):
    custom: ClassVar[str] = "radiobuttons"


class MultiSelect(Select):
    schema: ClassVar[Mapping[str, str]] = {"type": "array", "items": "option"}
    custom: ClassVar[str] = "multiselect"
    operations: ClassVar[tuple[str, ...]] = ("add", "set", "remove")

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
        if not isinstance(raw, list):
            raise Invalid("data was not an array")
        chosen = {o.id: o for o in (option(field, field.options, one) for one in raw)}
        return sorted(chosen.values(), key=lambda o: o.id) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return [as_json.option(call, o) for o in value] if value else None

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return ",".join(o.value for o in value or ())


class Checkboxes(MultiSelect):
    custom: ClassVar[str] = "multicheckboxes"


class Cascading(FieldType):
    """Kept as (option, child or None)."""

    schema: ClassVar[Mapping[str, str]] = {"type": "option-with-child"}
    custom: ClassVar[str] = "cascadingselect"

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
        parent = option(field, field.options, raw, "Parent Option")
        child = raw.get("child")
        return parent, None if child is None else option(
            field, parent.children, child, "Child Option"
        )

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        if value is None:
            return None
        parent, child = value
        return {
            **as_json.option(call, parent),
            **({"child": as_json.option(call, child)} if child else {}),
        }

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return " - ".join(o.value for o in value or () if o)

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        return [as_json.option(call, o, children=True) for o in field.options]


class UserPicker(FieldType):
    """Kept as account id. Cloud wants ``{accountId}``, Data Center ``{name}``."""

    schema: ClassVar[Mapping[str, str]] = {"type": "user"}
    custom: ClassVar[str] = "userpicker"

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
        if not isinstance(raw, dict):
            raise Invalid("data was not an object")
        name = "accountId" if site.cloud else "name"
        if raw.get("id") and site.cloud:
            raw = {"accountId": raw["id"]}
        if name not in raw:
            raise Invalid(f"'{name}' must be specified for the user")
        if raw[name] is None or (raw[name] == "" and not site.cloud):
            return None
        user = site.user(str(raw[name]))
        if user is None:
            raise Invalid(f"User '{raw[name]}' does not exist.")
        self.check(site, project, user)
        return user.account_id

    def check(self, site: Site, project: Project, user: User) -> None:
        if not user.active:
            raise Invalid(f"User '{user.display_name}' is not active.")

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return as_json.user(site, call, value)

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return site.users[value].display_name if value else ""


class Assignee(UserPicker):
    def check(self, site: Site, project: Project, user: User) -> None:
        if not site.may(user, project, "ASSIGNABLE_USER"):
            raise Invalid(f"User '{user.display_name}' cannot be assigned issues.")


class UserPickers(UserPicker):
    schema: ClassVar[Mapping[str, str]] = {"type": "array", "items": "user"}
    custom: ClassVar[str] = "multiuserpicker"
    operations: ClassVar[tuple[str, ...]] = ("add", "set", "remove")

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
        if not isinstance(raw, list):
            raise Invalid("data was not an array")
        single = UserPicker.parse
        return (
            sorted({single(self, site, call, project, field, one) for one in raw} - {None}) or None
        )

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return [as_json.user(site, call, one) for one in value] if value else None

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return ", ".join(site.users[one].display_name for one in value or ())


class Pick(FieldType):
    """One of the site's or project's named things, by ``id`` or ``name``."""

    word: ClassVar[str] = "Priority"

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return site.priorities

    def one(self, site: Site, project: Project, raw: Any) -> Named:
        if not isinstance(raw, dict):
            raise Invalid(f"Specify a valid 'id' or 'name' for {self.word}")
        if raw.get("id") is not None:
            found = [n for n in self.choices(site, project) if n.id == str(raw["id"])]
            problem = f"{self.word} id '{raw['id']}' is not valid"
        elif raw.get("name") is not None:
            found = [n for n in self.choices(site, project) if n.name == raw["name"]]
            problem = f"{self.word} name '{raw['name']}' is not valid"
        else:
            raise Invalid(f"Could not find valid 'id' or 'name' for {self.word}")
        if not found:
            raise Invalid(problem)
        return found[0]

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        return None if raw is None else self.one(site, project, raw)

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return None if value is None else as_json.named(call, self.word.lower(), value)

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return value.name if value else ""

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        return [self.show(site, call, field, one) for one in self.choices(site, project)]


class Priority(Pick):
    schema: ClassVar[Mapping[str, str]] = {"type": "priority"}

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            raise Invalid("The priority selected is invalid.")
        return self.one(site, project, raw)


class Resolution(Pick):
    schema: ClassVar[Mapping[str, str]] = {"type": "resolution"}
    word: ClassVar[str] = "Resolution"

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return site.resolutions


class Components(Pick):
    schema: ClassVar[Mapping[str, str]] = {"type": "array", "items": "component"}
    operations: ClassVar[tuple[str, ...]] = ("add", "set", "remove")
    word: ClassVar[str] = "Component"

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return project.components

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
        if not isinstance(raw, list):
            raise Invalid("data was not an array")
        chosen = {named.id: named for named in (self.one(site, project, one) for one in raw)}
        return sorted(chosen.values(), key=lambda named: int(named.id)) or None

    def show(self, site: Site, call: Call, field: FieldDef, value: Any) -> Any:
        return [as_json.named(call, self.word.lower(), one) for one in value or ()]

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return ", ".join(one.name for one in value or ())

    def allowed(
        self, site: Site, call: Call, project: Project, field: FieldDef
    ) -> list[Any] | None:
        return [as_json.named(call, self.word.lower(), one) for one in self.choices(site, project)]


class Versions(Components):
    schema: ClassVar[Mapping[str, str]] = {"type": "array", "items": "version"}
    word: ClassVar[str] = "Version"

    def choices(self, site: Site, project: Project) -> Sequence[Named]:
        return project.versions


class Parent(FieldType):
    """Kept as the parent's numeric id."""

    schema: ClassVar[Mapping[str, str]] = {"type": "issuelink"}

    def parse(self, site: Site, call: Call, project: Project, field: FieldDef, raw: Any) -> Any:
        if raw is None:
            return None
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

    def text(self, site: Site, field: FieldDef, value: Any) -> str:
        return site.issues[value].key if value else ""
