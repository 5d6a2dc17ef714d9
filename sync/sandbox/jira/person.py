"""A person at work on the site: the same rules as over REST, without faults and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sync.sandbox.jira import ready_site
from sync.sandbox.jira.fields.changes import write
from sync.sandbox.jira.rest import issues
from sync.sandbox.jira.rest.transitions import available
from sync.sandbox.jira.site.call import Call, Response
from sync.sandbox.jira.site.model import User, stamp

if TYPE_CHECKING:
    from sync.sandbox.jira.server import JiraSandbox


class Refusal(Exception):
    """The site would not let the person do it; Jira's answer is in the words."""


class Person:
    """What people do to tickets. Every method raises Refusal where Jira would."""

    def __init__(self, sandbox: JiraSandbox, user: User = ready_site.OWNER) -> None:
        self._sandbox = sandbox
        self.user = user

    def __call__(self, user: User) -> Person:
        """Somebody else at work."""
        return Person(self._sandbox, user)

    def edit(self, key: str, **fields: Any) -> None:
        """Set fields by id, values as REST takes them; rich text may be plain text."""
        version = (
            "3"
            if any(isinstance(v, dict) and v.get("type") == "doc" for v in fields.values())
            else "2"
        )
        self._call("PUT", f"issue/{key}", {"fields": fields}, version)

    def write_around(self, key: str, before: str = "", after: str = "") -> None:
        """Add paragraphs of plain text before and after what the description says."""
        sandbox = self._sandbox
        with sandbox.lock:
            kept = sandbox.issue(key).values.get("description")
            if sandbox.site.cloud:
                content = list(kept.adf["content"]) if kept else []
                document = {
                    "type": "doc",
                    "version": 1,
                    "content": [*_paragraphs(before), *content, *_paragraphs(after)],
                }
                self.edit(key, description=document)
            else:
                parts = [before, kept.wiki if kept else "", after]
                self.edit(key, description="\n\n".join(part for part in parts if part))

    def add_labels(self, key: str, *labels: str) -> None:
        self._call(
            "PUT", f"issue/{key}", {"update": {"labels": [{"add": label} for label in labels]}}
        )

    def remove_labels(self, key: str, *labels: str) -> None:
        self._call(
            "PUT", f"issue/{key}", {"update": {"labels": [{"remove": label} for label in labels]}}
        )

    def create(self, project: str, issue_type: str, summary: str, **fields: Any) -> str:
        """Make a ticket by hand; returns its key."""
        given = {
            "project": {"key": project},
            "issuetype": {"name": issue_type},
            "summary": summary,
            **fields,
        }
        return str(self._call("POST", "issue", {"fields": given}).data["key"])

    def transition(self, key: str, to: str, resolution: str = "", **fields: Any) -> None:
        """Take the transition of this name or to the status of this name.

        A resolution is set even where the transition has no screen for it, as people do afterwards.
        """
        sandbox = self._sandbox
        with sandbox.lock:
            issue = sandbox.issue(key)
            call = self._plain_call("GET", "")
            chosen = next(
                (
                    one
                    for one in available(sandbox.site, call, issue)
                    if to.casefold()
                    in (one.name.casefold(), sandbox.site.statuses[one.to].name.casefold())
                ),
                None,
            )
            if chosen is None:
                here = sandbox.site.statuses[issue.status].name
                raise Refusal(f"{key} cannot go from {here!r} to {to!r}")
            on_screen = {item.field for item in chosen.screen}
            if resolution and "resolution" in on_screen:
                fields["resolution"] = {"name": resolution}
            self._call(
                "POST",
                f"issue/{key}/transitions",
                {"transition": {"id": chosen.id}, "fields": fields},
            )
            if resolution and "resolution" not in on_screen:
                write(
                    sandbox.site, call, issue, {"resolution": sandbox.site.resolution(resolution)}
                )

    def comment(self, key: str, text: str) -> str:
        """Returns the comment's id."""
        return str(self._call("POST", f"issue/{key}/comment", {"body": text}).data["id"])

    def edit_comment(self, key: str, comment_id: str, text: str) -> None:
        self._call("PUT", f"issue/{key}/comment/{comment_id}", {"body": text})

    def delete_comment(self, key: str, comment_id: str) -> None:
        self._call("DELETE", f"issue/{key}/comment/{comment_id}", None)

    def delete(self, key: str) -> None:
        sandbox = self._sandbox
        with sandbox.lock:
            issues.remove(sandbox.site, sandbox.issue(key))

    def move(self, key: str, project: str) -> str:
        """Move to another project; returns the new key."""
        sandbox = self._sandbox
        with sandbox.lock:
            issue = sandbox.issue(key)
            issues.move(
                sandbox.site, self._plain_call("PUT", ""), issue, sandbox.site.projects[project]
            )
            return issue.key

    def _plain_call(self, method: str, path: str, body: bytes = b"") -> Call:
        sandbox = self._sandbox
        call = Call(method, path, {}, {}, body, sandbox.base, sandbox.site.now())
        call.user = self.user
        return call

    def _call(self, method: str, path: str, body: Any, version: str = "2") -> Response:
        encoded = msgspec.json.encode(body) if body is not None else b""
        call = self._plain_call(method, f"/rest/api/{version}/{path}", encoded)
        with self._sandbox.lock:
            response = self._sandbox.work(call, user=self.user)
        if response.status >= 400:
            raise Refusal(
                f"{method} {path} at {stamp(call.now)}: {response.status} {response.data}"
            )
        return response


def _paragraphs(text: str) -> list[dict[str, Any]]:
    if not text:
        return []
    return [{"type": "paragraph", "content": [{"type": "text", "text": text}]}]
