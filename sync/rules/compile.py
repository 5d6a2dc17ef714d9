"""Compile: the data of a rule, inherited parts included, becomes a Rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sync.domain.rule import (
    LEAVE_CLOSED_RESOLUTIONS,
    LEAVE_CLOSED_STATUSES,
    OnDeleted,
    Ownership,
    Policy,
    RuleRef,
)
from sync.domain.subject import Status
from sync.rules.check import NamesInScope
from sync.rules.conditions import Compiler, written
from sync.rules.doubts import ISSUES, of_api
from sync.rules.durations import seconds_of
from sync.rules.field_tables import check_table
from sync.rules.identity import WORDS, Grouping, grouping_of
from sync.rules.inherit import Given, Layer, Sheet, as_list, inherit
from sync.rules.project import FieldPlan, Projection
from sync.rules.rule import IncidentIssues, Rule
from sync.rules.schema import RuleTable
from sync.rules.status import compile_status
from sync.rules.templates import is_template
from sync.rules.upstream import compile_upstream
from sync.rules.values import Value, compile_value
from sync.rules.vocabulary import AS_SHOWN, KINDS, STANDARD_FIELDS
from sync.toml import Mistakes, Position, meant, nearest

# The values of the keys of ``issues`` for which nobody needs to know which issues an incident has.
_UNASKED = {"link": "", "on_ticket": False, "close": False, "direction": "outward"}
# Whether a direction of ``issues`` has the incident on the outward side of the link.
_OUTWARD = {"outward": True, "inward": False}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What config.toml contributes to rules: the sites, each with its default project, the site of
    rules that name none ("" where every rule must name a site), whether the source's API can be asked,
    why upstream cannot be told of acts ("" where it can), for how long (seconds) a ticket is still
    before an act is told, and how close two acts are too close to tell which was later."""

    sites: Mapping[str, str | None]
    default_site: str
    api: bool = True
    untold: str = ""
    settle: float = 15.0
    tie: float = 5.0


def _usual(name: str) -> Ownership:
    """Who owns a field of which the rule does not say so. Whom a ticket is assigned to becomes people's
    choice once they make one."""
    return Ownership.YIELD if name.strip().casefold() == "assignee" else Ownership.SHARED


def kinds_of(when: Mapping[str, Any]) -> frozenset[str]:
    """The kinds of subject that conditions can match, judged by their top level alone."""
    kinds = frozenset(as_list(when["kind"])) if when.get("kind") else frozenset(KINDS)
    for one in when.get("all", ()):
        kinds &= kinds_of(one)
    return kinds


class RuleCompiler:
    """Compiles one ``[[rule]]``. Mistakes are collected and not raised."""

    def __init__(self, layers: list[Layer], tables: Mapping[str, Any], mistakes: Mistakes) -> None:
        self._layer = layers[-1]
        self._sheet = inherit(layers, mistakes)
        self._tables = tables
        self._mistakes = mistakes
        self._when: Mapping[str, Any] = self._layer.data.get("when") or {}
        self.scope = NamesInScope(
            kinds_of(self._when),
            tuple((name, tuple(table)) for name, table in tables.items()),
            tables,
        )

    def compile(self, defaults: Defaults) -> Rule:
        """The compiled rule. It must not be used where mistakes were found."""
        sheet, layer = self._sheet, self._layer
        site = self._site(sheet, defaults)
        at = layer.source.position(layer.path)
        when = Compiler(self._mistakes, layer.source.position, self.scope.doubts).compile(
            self._when, (*layer.path, "when"), "when"
        )
        project = self._project(sheet, site, defaults)
        said = self._said(sheet, site, project)
        status = {
            Status(word): compile_status(entry, self.scope, self._mistakes)
            for word, entry in sheet.status.items()
        }
        told = compile_upstream(sheet.tables["upstream"], status, self.scope, self._mistakes)
        if told is not None:
            told = replace(told, settle=defaults.settle, tie=defaults.tie)
            self._tells(sheet, defaults)
        projection = Projection(
            site=site,
            project=project,
            issue_type=sheet.listed("issue_type"),
            fields=self._fields(sheet),
            status=status,
            digest=hashlib.sha256(said.encode()).hexdigest()[:32],
            updated=self._text(sheet.tables["comments"].get("updated")),
            comment_on=self._comment_on(sheet),
            tables=self._tables,
            policy=self._policy(sheet),
            places=sheet.places(),
            upstream=told,
        )
        storm = sheet.value("storm")
        reopen = sheet.value("reopen_within")
        return Rule(
            ref=RuleRef(layer.data["name"], at.file, at.line),
            kinds=self.scope.kinds,
            condition=written(self._when) if self._when else "",
            when=when,
            projection=projection,
            hold=seconds_of(sheet.value("hold", 0)),
            reopen_within=None if reopen is None else seconds_of(reopen),
            close_after=seconds_of(sheet.value("close_after", 0)),
            storm=(storm["limit"], seconds_of(storm["window"])) if storm else None,
            issues=self._issues(sheet),
            grouping=self._grouping(sheet),
            doubts=tuple(self.scope.doubts),
            sheet=sheet,
        )

    def _tells(self, sheet: Sheet, defaults: Defaults) -> None:
        if defaults.untold:
            given = next(iter(sheet.tables["upstream"].values()))
            self._mistakes.add(
                given.position,
                "upstream",
                f"asks to tell upstream what people do in Jira, and that cannot be: {defaults.untold}",
                "Set what is missing, or remove the table.",
            )

    def _site(self, sheet: Sheet, defaults: Defaults) -> str:
        given = sheet.plain.get("site")
        if given is None:
            if not defaults.default_site:
                self._mistakes.add(
                    self._here(),
                    "site",
                    "is missing, and config.toml has more than one site",
                    f"Name one of {', '.join(defaults.sites)}, or set default_site in config.toml.",
                )
            return defaults.default_site
        if given.value not in defaults.sites:
            self._mistakes.add(
                given.position,
                given.key,
                f"there is no site {given.value!r} in config.toml",
                meant(given.value, defaults.sites),
            )
        return str(given.value)

    def _project(self, sheet: Sheet, site: str, defaults: Defaults) -> str:
        given = sheet.plain.get("project")
        project = given.value if given else defaults.sites.get(site)
        if given and is_template(given.value):
            self._mistakes.add(
                given.position,
                given.key,
                "must be one project's key, not a template",
                "Write a rule for each project.",
            )
        if not project and site in defaults.sites:
            self._mistakes.add(
                self._here(),
                "project",
                f"is missing, and the site {site!r} has no default project",
                f'Set project = "KEY" here, or project under [sites.{site}] in config.toml.',
            )
        return str(project or "")

    def _fields(self, sheet: Sheet) -> dict[str, FieldPlan]:
        owners = sheet.tables["ownership"]
        fields: dict[str, FieldPlan] = {}
        for name, given in sheet.tables["fields"].items():
            self._field_name(name, given)
            check_table(name, given, self._mistakes)
            value = compile_value(given, self.scope, self._mistakes)
            if given.value == "":
                continue  # The rule cancels the inherited field.
            owner = owners[name].value if name in owners else _usual(name)
            fields[name] = FieldPlan(value, Ownership(owner))
        for name, given in owners.items():
            if name not in fields:
                self._mistakes.add(
                    given.position, given.key, "is about a field the rule does not set",
                    meant(name, fields),
                )  # fmt: skip
        if "summary" not in fields:
            self._mistakes.add(
                self._here(),
                "fields.summary",
                "is missing or empty, and Jira makes no ticket without it",
                'Give one: summary = "{{ subject.title }}".',
            )
        return fields

    def _field_name(self, name: str, given: Given) -> None:
        if name in RuleTable.model_fields:
            self._mistakes.add(
                given.position,
                given.key,
                "is a key of the rule, and stands under its fields",
                "Move it above the table of fields. A Jira field of that name is written with a "
                f"capital ({name.capitalize()!r}) or by its id.",
            )
            return
        plain = name.casefold().replace(" ", "_").replace("-", "_")
        shown = plain in AS_SHOWN and not name.islower()
        close = plain if plain in STANDARD_FIELDS and not shown else ""
        if not close and name.islower() and name.isidentifier():
            close = nearest(name, STANDARD_FIELDS) if "customfield" not in name else ""
        if close and name != close:
            self._mistakes.add(
                given.position,
                given.key,
                "is not how this field is written",
                f"Did you mean {close!r}? A custom field goes by its exact name in quotes.",
            )

    def _comment_on(self, sheet: Sheet) -> tuple[str, ...]:
        given = sheet.tables["comments"].get("on")
        if given is None:
            return ()
        fields = sheet.tables["fields"]
        for number, name in enumerate(as_list(given.value)):
            if name not in fields:
                one = given.child(number) if isinstance(given.value, list) else given
                self._mistakes.add(
                    one.position, one.key, f"{name!r} is a field the rule does not set",
                    meant(name, fields),
                )  # fmt: skip
        return as_list(given.value)

    def _text(self, given: Given | None) -> Value | None:
        return compile_value(given, self.scope, self._mistakes) if given and given.value else None

    def _grouping(self, sheet: Sheet) -> Grouping | None:
        given = sheet.plain.get("group_by")
        if given is None or given.value == "":
            return None
        parts: list[str | Value] = []
        many = isinstance(given.value, list)
        for number, text in enumerate(as_list(given.value)):
            one = given.child(number) if many else given
            if is_template(text):
                parts.append(compile_value(one, self.scope, self._mistakes))
            elif text in WORDS:
                parts.append(text)
            else:
                self._mistakes.add(
                    one.position,
                    one.key,
                    f"{text!r} is neither a template nor one of its words",
                    meant(text, WORDS),
                )
        return grouping_of(parts)

    def _policy(self, sheet: Sheet) -> Policy:
        left, comments = sheet.tables["leave_closed"], sheet.tables["comments"]

        def names(key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(left[key].value) if key in left else usual

        def commented(key: str) -> bool:
            return bool(comments[key].value) if key in comments else False

        return Policy(
            on_deleted=OnDeleted(sheet.value("on_deleted", OnDeleted.PARK)),
            leave_closed_resolutions=names("resolutions", LEAVE_CLOSED_RESOLUTIONS),
            leave_closed_statuses=names("statuses", LEAVE_CLOSED_STATUSES),
            create_when_ended=bool(sheet.value("create_when_ended", True)),
            running_comment=commented("running"),
            public_comments=commented("public"),
        )

    def _issues(self, sheet: Sheet) -> IncidentIssues:
        said = {name: given.value for name, given in sheet.tables["issues"].items()}
        if said and "incident" not in self.scope.kinds:
            given = next(iter(sheet.tables["issues"].values()))
            if given.source is self._layer.source and given.path[0] == "rule":
                self._mistakes.add(
                    given.position, "issues", "is for rules of incidents, and this one matches none",
                    'Add kind = "incident" to `when`, or remove the table.',
                )  # fmt: skip
        for given in sheet.tables["issues"].values():
            if "incident" in self.scope.kinds and given.value != _UNASKED.get(str(given.path[-1])):
                self.scope.doubts.append(of_api(ISSUES, given.position, given.key))
        return IncidentIssues(
            link=said.get("link", ""),
            outward=_OUTWARD[said.get("direction", "outward")],
            on_ticket=bool(said.get("on_ticket")),
            close=bool(said.get("close")),
        )

    def _here(self) -> Position:
        return self._layer.source.position(self._layer.path)

    def _said(self, sheet: Sheet, site: str, project: str) -> str:
        """All that the rule says, as one text, of which its digest is made."""
        data = {
            "when": self._when,
            "site": site,
            "project": project,
            # The name is left out: a renamed rule keeps its digest, by which its tickets are
            # recognised.
            "plain": {k: v.value for k, v in sheet.plain.items() if k != "name"},
            "tables": {n: {k: g.value for k, g in t.items()} for n, t in sheet.tables.items()},
            "status": {n: {k: g.value for k, g in e.items()} for n, e in sheet.status.items()},
            "lookup": self._tables,
        }
        return json.dumps(data, sort_keys=True, default=str)
