"""A person who works on the site. The same rules hold as for REST calls, but no faults or rate
limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sync.sandbox.acts import Unknown
from sync.sandbox.jira.fields.changes import write
from sync.sandbox.jira.ready_site import OWNER
from sync.sandbox.jira.rest import issues
from sync.sandbox.jira.rest.transitions import available
from sync.sandbox.jira.service import Service
from sync.sandbox.jira.site.call import Call, Response
from sync.sandbox.jira.site.model import PUBLIC_PROPERTY, Issue, User, stamp

Text = str | Mapping[str, Any]


class Refusal(Exception):
    """The site refuses what a person does. The message has Jira's answer."""


class Person:
    """What people do to tickets.

    Every method raises Refusal where Jira refuses, and Refusal or KeyError for a ticket that does not
    exist.
    """

    def __init__(self, service: Service, user: User = OWNER, *, bulk: bool = False) -> None:
        self._service = service
        self._bulk = bulk
        self._site = service.site
        self._lock = service.lock
        self.user = user

    def __call__(self, user: User) -> Person:
        """Another person on the same site."""
        return Person(self._service, user)

    def edit(self, key: str, **fields: Any) -> None:
        """Set fields by id, with values as REST takes them; rich text may be plain text."""
        documents = [v for v in fields.values() if isinstance(v, dict) and v.get("type") == "doc"]
        self._call("PUT", f"issue/{key}", {"fields": fields}, "3" if documents else "2")

    def write_around(self, key: str, before: str = "", after: str = "") -> None:
        """Add paragraphs of plain text before and after the description."""
        with self._lock:
            kept = self._issue(key).values.get("description")
            if self._site.cloud:
                content = list(kept.adf["content"]) if kept else []
                content = [*_paragraphs(before), *content, *_paragraphs(after)]
                self.edit(key, description={"type": "doc", "version": 1, "content": content})
            else:
                parts = [before, kept.wiki if kept else "", after]
                self.edit(key, description="\n\n".join(part for part in parts if part))

    def put_picture(self, key: str, name: str, words: str = "", *, at: int | None = None) -> None:
        """Attach a picture and show it in the description: in a block of its own or, with ``words``, in
        a paragraph. ``at`` is the place among the blocks, None for the end."""
        with self._lock:
            issue = self._issue(key)
            id_ = f"media-{next(self._site.ids)}"
            issue.attachments[id_] = name
            kept = issue.values.get("description")
            if self._site.cloud:
                blocks = list(kept.adf["content"]) if kept else []
                blocks.insert(len(blocks) if at is None else at, _picture(id_, words))
                self.edit(key, description={"type": "doc", "version": 1, "content": blocks})
            else:
                parts = kept.wiki.replace("\r\n", "\n").split("\n\n") if kept else []
                shown = f"{words} !{name}|thumbnail!".strip()
                parts.insert(len(parts) if at is None else at, shown)
                self.edit(key, description="\n\n".join(parts))

    def add_labels(self, key: str, *labels: str) -> None:
        self._update_labels(key, "add", labels)

    def remove_labels(self, key: str, *labels: str) -> None:
        self._update_labels(key, "remove", labels)

    def create(self, project: str, issue_type: str, summary: str, **fields: Any) -> str:
        """Make a ticket by hand; returns its key."""
        given = {
            "project": {"key": project},
            "issuetype": {"name": issue_type},
            "summary": summary,
            **fields,
        }
        return str(self._call("POST", "issue", {"fields": given}).data["key"])

    def transition(
        self, key: str, to: str, resolution: str = "", *, comment: str = "", **fields: Any
    ) -> None:
        """Take the transition with the name ``to``, or the transition to the status with that name.

        ``resolution`` is set even if the transition's screen lacks the field, as if the person had set
        it afterwards. ``comment`` is written on the transition's screen, and dropped where it has none.
        """
        site = self._site
        with self._lock:
            issue = self._issue(key)
            call = self._new_call("GET", "")
            names = {
                one: (one.name.casefold(), site.statuses[one.to].name.casefold())
                for one in available(site, call, issue)
            }
            chosen = next((one for one in names if to.casefold() in names[one]), None)
            if chosen is None:
                here = site.statuses[issue.status].name
                raise Refusal(f"{key} cannot go from {here!r} to {to!r}")
            on_screen = "resolution" in {item.field for item in chosen.screen}
            if resolution and on_screen:
                fields["resolution"] = {"name": resolution}
            body: dict[str, Any] = {"transition": {"id": chosen.id}, "fields": fields}
            if comment:
                body["update"] = {"comment": [{"add": {"body": comment}}]}
            self._call("POST", f"issue/{key}/transitions", body)
            if resolution and not on_screen:
                self.resolve(key, resolution)

    def bulk_transition(self, keys: Sequence[str], to: str, resolution: str = "") -> None:
        """Move many tickets in one bulk change."""
        many = Person(self._service, self.user, bulk=True)
        for key in keys:
            many.transition(key, to, resolution)

    def resolve(self, key: str, resolution: str) -> None:
        """Set a resolution, "" for none, without a transition."""
        found = self._site.resolution(resolution) if resolution else None
        if resolution and found is None:
            raise Unknown(f"there is no resolution {resolution!r}")
        value = {"resolution": found}
        self._service.carry_out(
            lambda: write(self._site, self._new_call("PUT", ""), self._issue(key), value)
        )

    def assign(self, key: str, name: str = "") -> None:
        """Assign to the user with this user name, "" for nobody. Raises KeyError."""
        given: str | None = name or None
        if given is not None and self._site.cloud:
            by_name = {user.name: user.account_id for user in self._site.users.values()}
            if given not in by_name:
                raise Unknown(f"there is no user {given!r}")
            given = by_name[given]
        body = {"accountId" if self._site.cloud else "name": given}
        self._call("PUT", f"issue/{key}/assignee", body)

    def comment(
        self, key: str, text: Text, *, role: str = "", group: str = "", internal: bool = False
    ) -> str:
        """Returns the comment's id.

        ``text`` is wiki text or, on Cloud, an Atlassian document. ``role`` and ``group`` restrict who
        sees the comment; ``internal`` keeps it from the customers of a service project.
        """
        body: dict[str, Any] = {"body": text, **_visibility(role, group)}
        if internal:
            body["properties"] = [{"key": PUBLIC_PROPERTY, "value": {"internal": True}}]
        return str(self._call("POST", f"issue/{key}/comment", body, _version(text)).data["id"])

    def edit_comment(
        self, key: str, comment_id: str, text: Text, *, role: str = "", group: str = ""
    ) -> None:
        """``role`` and ``group`` restrict who sees the comment from now on."""
        body: dict[str, Any] = {"body": text, **_visibility(role, group)}
        self._call("PUT", f"issue/{key}/comment/{comment_id}", body, _version(text))

    def delete_comment(self, key: str, comment_id: str) -> None:
        self._call("DELETE", f"issue/{key}/comment/{comment_id}")

    def delete(self, key: str) -> None:
        call = self._new_call("DELETE", "")
        self._service.carry_out(lambda: issues.remove(self._site, call, self._issue(key)))

    def move(self, key: str, project: str) -> str:
        """Move to another project; returns the new key."""
        site, call = self._site, self._new_call("PUT", "")

        def work() -> str:
            issue = self._issue(key)
            if project not in site.projects:
                raise Unknown(f"there is no project {project!r}")
            issues.move(site, call, issue, site.projects[project])
            return issue.key

        return self._service.carry_out(work)

    def status_of(self, issue: Issue) -> str:
        """The name of an issue's status."""
        return self._site.statuses[issue.status].name

    def _issue(self, key: str) -> Issue:
        issue = self._site.find(key)
        if issue is None:
            raise Unknown(f"there is no ticket {key!r}")
        return issue

    def _update_labels(self, key: str, verb: str, labels: tuple[str, ...]) -> None:
        operations = [{verb: label} for label in labels]
        self._call("PUT", f"issue/{key}", {"update": {"labels": operations}})

    def _new_call(self, method: str, path: str, body: bytes = b"") -> Call:
        call = Call(method, path, {}, {}, body, self._service.base, self._site.now())
        call.user, call.bulk = self._site.users.get(self.user.account_id, self.user), self._bulk
        return call

    def _call(self, method: str, path: str, body: Any = None, version: str = "2") -> Response:
        encoded = msgspec.json.encode(body) if body is not None else b""
        call = self._new_call(method, f"/rest/api/{version}/{path}", encoded)
        response = self._service.answer(call, user=self.user)
        if response.status >= 400:
            raise Refusal(
                f"{method} {path} at {stamp(call.now)}: {response.status} {response.data}"
            )
        return response


def _version(text: Text) -> str:
    """The version of the REST API that takes a text in this form."""
    return "2" if isinstance(text, str) else "3"


def _visibility(role: str, group: str) -> dict[str, Any]:
    if not role and not group:
        return {}
    return {"visibility": {"type": "role" if role else "group", "value": role or group}}


def _picture(id_: str, words: str) -> dict[str, Any]:
    attrs = {"id": id_, "type": "file", "collection": ""}
    if not words:
        return {"type": "mediaSingle", "content": [{"type": "media", "attrs": attrs}]}
    text = {"type": "text", "text": f"{words} "}
    return {"type": "paragraph", "content": [text, {"type": "mediaInline", "attrs": attrs}]}


def _paragraphs(text: str) -> list[dict[str, Any]]:
    if not text:
        return []
    return [{"type": "paragraph", "content": [{"type": "text", "text": text}]}]
