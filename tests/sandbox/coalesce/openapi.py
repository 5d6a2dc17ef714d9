"""Traffic compared with the published description of the API."""

from __future__ import annotations

import json
import re
from typing import Any

from jsonschema import Draft202012Validator

from sync.sandbox.coalesce.api_request import Answer, query_of
from tests.reference import reference


class Described:
    """The description, and checks of requests and answers by it."""

    def __init__(self) -> None:
        found = json.loads(reference("upstream/openapi.issues-incidents.json").read_text())
        self._document = _as_meant(found)
        self.checked: set[str] = set()

    def check(self, method: str, path: str, query: str, body: bytes, answer: Answer) -> None:
        """Fails unless request and answer fit. What is not described passes."""
        operation = self._operation(method, path)
        if operation is None:
            return
        known = {p["name"]: p["schema"] for p in operation.get("parameters", [])}
        for name, values in query_of(query).items():
            # The end of a window is documented elsewhere.
            if name == "time.to.seconds":
                continue
            assert name in known, f"{method} {path}: no parameter {name}"
            value: Any = values if known[name].get("type") == "array" else values[0]
            self._validate(int(value) if "integer" in _types(known[name]) else value, known[name])
        if 200 <= answer.status < 300:
            if "requestBody" in operation:
                wanted = operation["requestBody"]["content"]["application/json"]["schema"]
                self._validate(json.loads(body), wanted)
            wanted = operation["responses"]["200"]["content"]["application/json"]["schema"]
            self._validate(answer.content, wanted)
            self.checked.add(f"{method} {operation['operationId'].rpartition('.')[2]}")

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        # A path without a placeholder comes before one with: by-id is no id.
        for template in sorted(self._document["paths"], key=lambda one: "{" in one):
            if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path):
                found = self._document["paths"][template].get(method.lower())
                if found is not None:
                    assert isinstance(found, dict)
                    return found
        return None

    def _validate(self, value: Any, schema: dict[str, Any]) -> None:
        whole = {"allOf": [schema], "components": self._document["components"]}
        Draft202012Validator(whole).validate(value)


def _types(schema: dict[str, Any]) -> list[str]:
    found = schema.get("type", [])
    return found if isinstance(found, list) else [found]


def _as_meant(value: Any) -> Any:
    """The same, where JSON Schema reads it otherwise than its generator meant it.

    Beside ``allOf`` and ``oneOf``, ``additionalProperties: false`` would forbid all that those name;
    and one of a protobuf oneof need not be set.
    """
    if isinstance(value, list):
        return [_as_meant(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _as_meant(one) for key, one in value.items()}
    if ("allOf" in found or "oneOf" in found) and found.pop("additionalProperties", None) is False:
        found["unevaluatedProperties"] = False
    choices = found.get("oneOf")
    if isinstance(choices, list) and all(isinstance(c, dict) and "required" in c for c in choices):
        none = {"not": {"anyOf": [{"required": choice["required"]} for choice in choices]}}
        found["oneOf"] = [*choices, none]
    return found
