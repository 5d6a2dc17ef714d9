"""The facts about query parameters agree with Atlassian's documents."""

from __future__ import annotations

import json
import re

import pytest

from tests.contracts.parameters import DOCUMENTED, unknown
from tests.reference import reference


def test_the_facts_are_those_of_the_documents() -> None:
    found: dict[str, set[str]] = {}
    for version in (2, 3):
        document = json.loads(reference(f"jira/openapi-v{version}.json").read_text("utf-8"))
        for path, item in document["paths"].items():
            template = re.sub(r"\{\w+\}", "*", path.split(f"/rest/api/{version}/")[1])
            for method in {"get", "post", "put", "delete"} & set(item):
                both = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                names = {one["name"] for one in both if one["in"] == "query"}
                found.setdefault(f"{method.upper()} {template}", set()).update(names)
    assert {call: set(names.split()) for call, names in DOCUMENTED.items()} == {
        call: found[call] for call in DOCUMENTED
    }


@pytest.mark.parametrize(
    "method, path, query, words",
    [
        ("GET", "/rest/api/3/project/DATA", {"startAt": "0"}, "no query parameter 'startAt'"),
        ("GET", "/ex/jira/1/rest/api/2/project/DATA", {"expand": "lead"}, ""),
        ("GET", "/rest/api/3/search/jql", {"startAt": "0"}, "no query parameter 'startAt'"),
        ("GET", "/rest/api/3/nothing", {}, "no such call"),
        ("PATCH", "/rest/api/3/issue/1", {}, "no such call"),
    ],
)
def test_what_the_documents_do_not_know_is_named(
    method: str, path: str, query: dict[str, str], words: str
) -> None:
    assert words in unknown(method, path, query)
    assert bool(words) == bool(unknown(method, path, query))
