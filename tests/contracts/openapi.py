"""Traffic with Jira, held against Atlassian's OpenAPI documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema

# Parameters of Data Center, which Atlassian's documents of Cloud do not have.
_OF_DATA_CENTER = {"includeInactive"}
# Only the document's examples have the first; only the document of version 3 has the others.
_UNDOCUMENTED = frozenset({"untranslatedName", "fromString", "toString"})
_METHODS = ("get", "post", "put", "delete")


class ContractBreach(AssertionError):
    """A request or response that Atlassian's document does not allow; the words say where."""


class JiraContract:
    """One OpenAPI 3.0 document. ``check`` is what tests call; ``checked`` counts operations seen."""

    def __init__(self, spec_path: Path) -> None:
        self.document: dict[str, Any] = _document(spec_path)
        self.checked: dict[str, int] = {}
        self._validators: dict[str, jsonschema.Draft4Validator] = {}
        self._paths = [
            (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))), template)
            for template in sorted(self.document["paths"], key=lambda t: (t.count("{"), t))
        ]

    def check(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        request_body: Any,
        status: int,
        response_body: Any,
    ) -> bool:
        """Whether the document speaks of this path; raises ContractBreach where it is not kept.

        Bodies are decoded JSON, None for none. Anything in ``path`` before ``/rest/`` is passed over.
        A status 0 (no reply came) checks the request alone. Answers that the document does not list
        may be errors (429, 5xx, 4xx in Jira's error shape), never successes. Nulls count as
        absent: Jira sends and takes them where its document says string. ``untranslatedName`` may stand
        beside every name in an answer: Jira sends it, and the document has it in its examples alone.
        """
        template = self._template(path[max(0, path.find("/rest/")) :])
        if template is None:
            return False
        item = self.document["paths"][template]
        operation = item.get(method.lower())
        where = f"{method.upper()} {template}"
        if operation is None:
            raise ContractBreach(f"{where}: the document has no such method")
        parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
        self._check_query(where, parameters, query)
        if status < 400:
            self._check_request(where, operation, request_body)
        if status:
            self._check_response(where, operation, status, response_body)
        self.checked[where] = self.checked.get(where, 0) + 1
        return True

    def _template(self, path: str) -> str | None:
        for pattern, template in self._paths:
            if pattern.fullmatch(path):
                return template
        return None

    def _check_query(
        self, where: str, parameters: list[dict[str, Any]], query: Mapping[str, Any]
    ) -> None:
        known = {p["name"]: p for p in parameters if p["in"] == "query"}
        for name in query:
            if name not in known and name not in _OF_DATA_CENTER:
                raise ContractBreach(f"{where}: no query parameter {name!r} in the document")
        for name, parameter in known.items():
            if name not in query:
                if parameter.get("required"):
                    raise ContractBreach(f"{where}: the query parameter {name!r} is required")
                continue
            schema = parameter.get("schema", {})
            value = str(query[name])
            kind = schema.get("type")
            right = (
                value.lstrip("-").isdigit()
                if kind == "integer"
                else value in ("true", "false")
                if kind == "boolean"
                else value.lower() in schema["enum"]
                if "enum" in schema
                else True
            )
            if not right:
                raise ContractBreach(f"{where}: {name}={value!r} does not fit {schema}")

    def _check_request(self, where: str, operation: Mapping[str, Any], body: Any) -> None:
        wanted = operation.get("requestBody")
        if wanted is None:
            if body is not None:
                raise ContractBreach(f"{where}: the document knows no request body")
            return
        if body is None:
            if wanted.get("required"):
                raise ContractBreach(f"{where}: a request body is required")
            return
        self._validate(f"{where} request", wanted["content"], _without_nulls(body))

    def _check_response(
        self, where: str, operation: Mapping[str, Any], status: int, body: Any
    ) -> None:
        listed = operation["responses"].get(str(status))
        if listed is None:
            if status < 400:
                allowed = ", ".join(operation["responses"])
                raise ContractBreach(f"{where}: answered {status}, the document lists {allowed}")
            self._check_error(where, status, body)
        elif status >= 400:
            self._check_error(where, status, body)
        elif body is not None and listed.get("content"):
            self._validate(f"{where} {status}", listed["content"], _as_documented(body))

    def _check_error(self, where: str, status: int, body: Any) -> None:
        """Errors are Jira's collection, or no JSON at all."""
        if not isinstance(body, dict) or not {"errorMessages", "errors"} & set(body):
            return
        reference = {"$ref": "#/components/schemas/ErrorCollection"}
        self._validate(f"{where} {status}", {"application/json": {"schema": reference}}, body)

    def _validate(self, where: str, content: Mapping[str, Any], body: Any) -> None:
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {"allOf": [schema], "components": self.document["components"]}
            self._validators[key] = jsonschema.Draft4Validator(whole)
        errors = list(_deepest(self._validators[key].iter_errors(body)))
        if errors:
            told = "; ".join(
                f"at {'/'.join(map(str, e.absolute_path)) or '.'}: {e.message}" for e in errors[:5]
            )
            raise ContractBreach(f"{where}: {told}")


def _deepest(errors: Iterator[Any]) -> Iterator[Any]:
    for error in errors:
        if error.context:
            yield from _deepest(iter(error.context))
        else:
            yield error


@lru_cache
def _document(path: Path) -> dict[str, Any]:
    """The document with OpenAPI's ``nullable`` in JSON Schema's own terms."""
    document: dict[str, Any] = _nullable(json.loads(path.read_text(encoding="utf-8")))
    return document


def _nullable(node: Any) -> Any:
    if isinstance(node, list):
        return [_nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    out = {key: _nullable(value) for key, value in node.items()}
    if out.get("nullable") is True:
        out.pop("nullable")
        return {"anyOf": [out, {"type": "null"}]}
    return out


def _as_documented(value: Any) -> Any:
    """An answer without nulls, and without what the document leaves out."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if v is not None and k not in _UNDOCUMENTED}
        return {k: _as_documented(v) for k, v in kept.items()}
    return [_as_documented(v) for v in value] if isinstance(value, list) else value


def _without_nulls(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: _without_nulls(value) for key, value in body.items() if value is not None}
    if isinstance(body, list):
        return [_without_nulls(one) for one in body]
    return body
