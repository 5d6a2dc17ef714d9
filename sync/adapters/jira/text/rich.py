"""Rich text: a rule's Markdown as a Document for Cloud (ADF) or Data Center (wiki), and its way to
Jira and back.

Nothing here raises, whatever the text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import structlog

from sync.adapters.jira.text import adf, wiki
from sync.domain.text import TEXT_LIMIT, clean, cut, safe_href, units
from sync.domain.ticket import Document

log = structlog.get_logger("jira")


@lru_cache(maxsize=256)
def document(markdown: str, cloud: bool, whole_at: str = "") -> Document:
    """Markdown as a Document. A text over Jira's limit is cut, and a last paragraph says so; it links to
    ``whole_at``, the address of the whole text, if there is one."""
    text = clean(markdown)
    over = units(text) > TEXT_LIMIT
    made = _converted(cut(text, TEXT_LIMIT, "", utf16=True) if over else text, cloud)
    room = TEXT_LIMIT
    while (size := _size(made, cloud)) > TEXT_LIMIT and room > 100:
        over = True
        room = min(room - 100, int(room * TEXT_LIMIT / size))
        made = _converted(cut(text, room, "", utf16=True), cloud)
    if over:
        address = safe_href(whole_at)
        note = f"… cut: the whole text is at [{address}]({address})" if address else "… cut"
        made = Document(made.blocks + _converted(note, cloud).blocks)
    return made


def _converted(text: str, cloud: bool) -> Document:
    try:
        return adf.from_markdown(text) if cloud else wiki.from_markdown(text)
    except Exception as error:
        # A converter may raise anything on odd input, and words without markup are better than none.
        log.debug("text kept plain", why=type(error).__name__)
        return adf.plain(text) if cloud else wiki.plain(text)


def _size(made: Document, cloud: bool) -> int:
    if cloud:
        return units("".join(made.identities)) + 2 * len(made.blocks)
    return units(wiki.to_jira(made))


def to_jira(made: Document | None, cloud: bool) -> Any:
    """The value for Jira, None for no text."""
    if made is None or not made.blocks:
        return None
    return adf.to_jira(made) if cloud else wiki.to_jira(made)


def from_jira(raw: Any, cloud: bool) -> Document:
    """A Document from what Jira shows. Takes ADF also from Data Center."""
    if cloud or isinstance(raw, dict):
        return adf.from_jira(raw)
    return wiki.from_jira(raw)
