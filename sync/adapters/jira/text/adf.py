"""Atlassian Document Format: from nodes to blocks, and from Jira's value to blocks and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.adapters.jira.text import markdown
from sync.adapters.jira.text.adf_identity import document_of
from sync.adapters.jira.text.markdown import Node
from sync.domain.text import clean
from sync.domain.ticket import Document


def from_nodes(nodes: Sequence[Node]) -> Document:
    """Blocks for nodes that were made from Markdown."""
    return document_of(nodes)


def from_jira(raw: Any) -> Document:
    """The blocks of a field as Jira shows it. Each block keeps its node unchanged."""
    if not isinstance(raw, Mapping):
        return document_of(markdown.plain(str(raw))) if raw else Document()
    return document_of([node for node in raw.get("content") or [] if isinstance(node, Mapping)])


def to_jira(document: Document) -> Node:
    """The field's value for Jira. Blocks of wiki markup become paragraphs."""
    nodes = [
        block.raw
        if isinstance(block.raw, Mapping)
        else markdown.paragraph([{"type": "text", "text": clean(str(block.raw)).strip() or " "}])
        for block in document.blocks
    ]
    return {"version": 1, "type": "doc", "content": nodes}
