"""Which query parameters each call of Jira's REST API knows.

Facts of Atlassian's OpenAPI documents (versions 2 and 3), and of the reference of Data Center for calls
that those do not have. They are here so that every test can hold its calls against them, also where the
documents are not at hand; ``test_parameters.py`` holds the facts to the documents where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# By method and path, with ``*`` for what a path names.
DOCUMENTED: dict[str, str] = {
    "GET field": "",
    "GET field/search": "expand id maxResults orderBy projectIds query startAt type",
    "POST issue": "updateHistory",
    "DELETE issue/*": "deleteSubtasks",
    "GET issue/*": "expand failFast fields fieldsByKeys properties updateHistory",
    "PUT issue/*": "expand notifyUsers overrideEditableFlag overrideScreenSecurity returnIssue",
    "PUT issue/*/assignee": "",
    "GET issue/*/changelog": "maxResults startAt",
    "GET issue/*/comment": "expand maxResults orderBy startAt",
    "POST issue/*/comment": "expand",
    "DELETE issue/*/comment/*": "",
    "GET issue/*/comment/*": "expand",
    "PUT issue/*/comment/*": "expand notifyUsers overrideEditableFlag",
    "GET issue/*/editmeta": "overrideEditableFlag overrideScreenSecurity",
    "GET issue/*/properties": "",
    "DELETE issue/*/properties/*": "",
    "GET issue/*/properties/*": "",
    "PUT issue/*/properties/*": "",
    "DELETE issue/*/remotelink": "globalId",
    "GET issue/*/remotelink": "globalId",
    "POST issue/*/remotelink": "",
    "GET issue/*/transitions": (
        "expand includeUnavailableTransitions "
        "skipRemoteOnlyCondition sortByOpsBarAndStatus transitionId"
    ),
    "POST issue/*/transitions": "",
    "POST issue/bulk": "",
    "POST issue/bulkfetch": "",
    "GET issue/createmeta/*/issuetypes": "maxResults startAt",
    "GET issue/createmeta/*/issuetypes/*": "maxResults startAt",
    "POST issueLink": "",
    "GET issueLinkType": "",
    "GET mypermissions": (
        "commentId issueId issueKey permissions "
        "projectConfigurationUuid projectId projectKey projectUuid"
    ),
    "GET myself": "expand",
    "GET priority/search": "expand id maxResults onlyDefault priorityName projectId startAt",
    "GET project/*": "expand properties",
    "GET project/*/statuses": "",
    "GET project/search": (
        "action categoryId expand id keys maxResults "
        "orderBy properties propertyQuery query startAt status typeKey"
    ),
    "GET resolution": "",
    "GET search": (
        "expand failFast fields fieldsByKeys jql maxResults properties startAt validateQuery"
    ),
    "POST search": "",
    "GET search/jql": (
        "expand failFast fields fieldsByKeys "
        "jql maxResults nextPageToken properties reconcileIssues"
    ),
    "POST search/jql": "",
    "GET serverInfo": "",
    "GET status": "",
    "GET user/search": "accountId maxResults property query startAt username",
}
# In Atlassian's references, not in the extracts of the documents.
OTHERS: dict[str, str] = {
    "GET issueLink/*": "",
    "DELETE issueLink/*": "",
    "GET priority": "",
    "GET project": "expand recent properties includeArchived browseArchive",
    "GET project/*/components": "componentSource",
    "GET project/*/versions": "expand",
    # Below /rest/servicedeskapi, of Jira Service Management.
    "GET servicedesk": "start limit",
    "GET servicedesk/*/requesttype": "expand groupId limit searchQuery start",
    "GET servicedesk/*/organization": "accountId limit start",
    # Below /rest/webhooks/1.0 (Cloud, Data Center up to 9) and /rest/jira-webhook/1.0 (from 10 on).
    "GET webhook": "",
    "GET webhooks": "",
    # Below /rest/agile/1.0, on both kinds of Jira.
    "GET board": "startAt maxResults type name projectKeyOrId",
    "GET board/*": "",
    "GET board/*/sprint": "startAt maxResults state",
    "GET user": "accountId username key expand includeDeleted",
    "GET user/assignable/search": (
        "query sessionId username accountId project issueKey issueId startAt maxResults "
        "actionDescriptorId recommend"
    ),
}
# What Data Center knows besides.
DATA_CENTER: dict[str, str] = {"GET user/search": "includeActive includeInactive"}
_ABOVE = re.compile(
    r".*/rest/(?:api/(?:2|3|latest)|agile/1\.0|webhooks/1\.0|jira-webhook/1\.0|servicedeskapi)/"
)
_KNOWN = {
    call: {*DOCUMENTED.get(call, "").split(), *OTHERS.get(call, "").split()}
    | {*DATA_CENTER.get(call, "").split()}
    for call in {**DOCUMENTED, **OTHERS}
}
_SHAPES = [
    (re.compile(re.escape(call).replace(r"\*", "[^/]+").replace(r"\ ", " ")), call)
    for call in sorted(_KNOWN, key=lambda call: call.count("*"))
]


def unknown(method: str, path: str, query: Iterable[str]) -> str:
    """What of a call the documents do not know, in words; "" for nothing.

    >>> unknown("GET", "/rest/api/3/project/DATA", {"startAt": "0"})
    "GET project/*: no query parameter 'startAt'"
    """
    made = f"{method} {_ABOVE.sub('', path)}"
    call = next((call for shape, call in _SHAPES if shape.fullmatch(made)), "")
    if not call:
        return f"{made}: no such call"
    return "; ".join(
        f"{call}: no query parameter {name!r}" for name in query if name not in _KNOWN[call]
    )
