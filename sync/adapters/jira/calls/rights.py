"""What our account and its token need for each call: the permission in the project, and the scopes.

The one table of this; ``check`` tries what is in it, and refusals are named by it. Sources: the
``security`` entries of Atlassian's OpenAPI document (classic scopes), Atlassian's list of granular
scopes, and the keys of ``mypermissions``, which are the same in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync.adapters.jira.calls.request import DESK, Call

READ_WORK, READ_USER, WRITE_WORK = "read:jira-work", "read:jira-user", "write:jira-work"
CLASSIC = (READ_WORK, WRITE_WORK, READ_USER)


@dataclass(frozen=True, slots=True)
class Right:
    """A permission by key and by its English name, and the granular scope of the calls it is for."""

    permission: str
    name: str
    granular: str


BROWSE = Right("BROWSE_PROJECTS", "Browse projects", "read:issue:jira")
CREATE = Right("CREATE_ISSUES", "Create issues", "write:issue:jira")
EDIT = Right("EDIT_ISSUES", "Edit issues", "write:issue:jira")
TRANSITION = Right("TRANSITION_ISSUES", "Transition issues", "write:issue:jira")
COMMENT = Right("ADD_COMMENTS", "Add comments", "write:comment:jira")
REWRITE = Right("EDIT_OWN_COMMENTS", "Edit own comments", "write:comment:jira")
LINK_BACK = Right("LINK_ISSUES", "Link issues", "write:issue.remote-link:jira")
LINK = Right("LINK_ISSUES", "Link issues", "write:issue-link:jira")
UNLINK = Right("LINK_ISSUES", "Link issues", "delete:issue-link:jira")
# For the ticket of a trial alone, which stays closed where the account lacks it.
DELETE = Right("DELETE_ISSUES", "Delete issues", "delete:issue:jira")
ASSIGN = Right("ASSIGN_ISSUES", "Assign issues", "write:issue:jira")

EVERY_RULE = (BROWSE, CREATE, EDIT, TRANSITION, COMMENT, REWRITE, LINK_BACK)
# What rules need that set a field, by the field's name or id.
FIELDS: Mapping[str, Right] = {
    "assignee": ASSIGN,
    "reporter": Right("MODIFY_REPORTER", "Modify reporter", "write:issue:jira"),
    "due date": Right("SCHEDULE_ISSUES", "Schedule issues", "write:issue:jira"),
    "duedate": Right("SCHEDULE_ISSUES", "Schedule issues", "write:issue:jira"),
    "security": Right("SET_ISSUE_SECURITY", "Set issue security", "write:issue:jira"),
    "security level": Right("SET_ISSUE_SECURITY", "Set issue security", "write:issue:jira"),
}

# By the endpoint of a call, see ``Call``.
WRITES: Mapping[str, Right] = {
    "POST issue": CREATE,
    "PUT issue/*": EDIT,
    "POST issue/*/transitions": TRANSITION,
    "POST issue/*/comment": COMMENT,
    "PUT issue/*/comment/*": REWRITE,
    "POST issue/*/remotelink": LINK_BACK,
    "POST issueLink": LINK,
    "DELETE issueLink/*": UNLINK,
    "DELETE issue/*": DELETE,
}
# Granular scopes of reads, by how the path begins; the first that fits.
_READS = {
    "myself": "read:user:jira",
    "user": "read:user:jira",
    "project": "read:project:jira",
    "field": "read:field:jira",
    "issue/createmeta": "read:issue-meta:jira",
    "issueLinkType": "read:issue-link-type:jira",
    "mypermissions": "read:permission:jira",
    "priority": "read:priority:jira",
    "resolution": "read:resolution:jira",
    "board": "read:board-scope:jira-software",
    "search": "read:issue-details:jira",
    "status": "read:status:jira",
}


def scope_of(call: Call) -> str:
    """The scopes that a token may lack for a call, in words.

    >>> scope_of(Call.get("myself", "asking"))
    'read:jira-user (classic) or read:user:jira (granular)'
    """
    if call.root == DESK:
        about = call.path.rpartition("/")[2]
        return (
            f"read:servicedesk-request (classic) or read:{about}:jira-service-management (granular)"
        )
    if call.endpoint in WRITES:
        return f"{WRITE_WORK} (classic) or {WRITES[call.endpoint].granular} (granular)"
    granular = next((s for start, s in _READS.items() if call.path.startswith(start)), "")
    classic = READ_USER if granular == "read:user:jira" else READ_WORK
    return f"{classic} (classic) or {granular or BROWSE.granular} (granular)"
