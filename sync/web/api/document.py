"""The OpenAPI document, made from the endpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from sync import __version__
from sync.web.api.endpoints import ROOT, Endpoint, Problem

_PARAMETER = re.compile(r"\{(\w+):(\w+)\}")
_REFERENCE = "#/components/schemas/{name}"
_TYPES = {"str": "string", "int": "integer"}
# What each call may answer beside what it was asked for.
_PROBLEMS = {
    "400": "The request cannot be read.",
    "401": "Nobody is signed in, and no token was sent.",
    "403": "The account may not do this.",
    "404": "What the address names is not there.",
    "409": "What the caller saw is no longer so.",
    "422": "The request asks for what cannot be done.",
    "429": "Too many tries; Retry-After says when to come again.",
    "503": "The store does not answer now.",
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document (OpenAPI 3.1) of these endpoints."""
    types = [one.returns for one in endpoints] + [one.body for one in endpoints if one.body]
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template=_REFERENCE)
    bodies = iter(schemas[len(endpoints) :])
    paths: dict[str, dict[str, Any]] = {}
    for endpoint, returned in zip(endpoints, schemas, strict=False):
        path = ROOT + _PARAMETER.sub(r"{\1}", endpoint.path)
        operation: dict[str, Any] = {
            "operationId": f"{endpoint.method.lower()}{re.sub(r'[^a-z0-9]+', '_', path)}",
            "summary": endpoint.summary,
            "x-role": str(endpoint.role),
            "parameters": [*_of_path(endpoint), *_of_query(endpoint)],
            "responses": {
                "200": {
                    "description": "Done.",
                    "content": {"application/json": {"schema": returned}},
                },
                **{code: _problem(words) for code, words in _PROBLEMS.items()},
            },
        }
        if endpoint.body:
            content = {"application/json": {"schema": next(bodies)}}
            operation["requestBody"] = {"required": True, "content": content}
        paths.setdefault(path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "ticket-sync", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _of_path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": _TYPES[kind]}}
        for name, kind in _PARAMETER.findall(endpoint.path)
    ]


def _of_query(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    _, components = msgspec.json.schema_components([endpoint.query], ref_template=_REFERENCE)
    properties = components[endpoint.query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]


def _problem(words: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": words, "content": {"application/json": {"schema": schema}}}
