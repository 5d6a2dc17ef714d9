"""Rich text: from a rule's Markdown to a Document for Cloud (ADF) or Data Center (wiki markup), from a
Document to Jira's value, and from Jira's value to a Document or to Markdown.

No function here raises, whatever the text.
"""

from __future__ import annotations

import re
from typing import Any

import structlog

from sync.adapters.jira.text import adf, markdown, markdown_write, wiki, wiki_read
from sync.adapters.jira.text.bounded import MOST_NODES, bounded
from sync.domain.remembered import Remembered
from sync.domain.text import TEXT_LIMIT, clean, cut, safe_href, units
from sync.domain.ticket import Document

# The beginning of a link whose address was cut off.
_OPEN_LINK = re.compile(r"!?\[[^\[\]\n]*\]\(<?\Z")
_PLAIN_NOTE = "(The text above is shown as it was written, because its markup could not be read.)"

# By source, dialect and address of the whole text. The bound counts characters, not texts: one
# character may become a block of its own, which takes some hundred bytes.
_DOCUMENTS: Remembered[tuple[str, bool, str], Document] = Remembered(
    150_000, lambda key, _made: 500 + len(key[0]) + len(key[2])
)

log = structlog.get_logger("jira")


def document(source: str, cloud: bool, whole_at: str = "") -> Document:
    """As ``convert``; what was converted lately is not converted again."""
    key = source, cloud, whole_at
    return _DOCUMENTS.made(key, lambda: convert(*key))


def convert(source: str, cloud: bool, whole_at: str = "") -> Document:
    """Markdown as a Document. A text over Jira's limit is cut. A last paragraph then says that the text
    is cut, and links to ``whole_at``, the address of the whole text, if there is one."""
    text = clean(source)
    length = units(text)
    room = min(TEXT_LIMIT, length)
    shown = text if room == length else _beginning(text, room)
    made = _converted(shown, cloud)
    while (size := _size(made, cloud)) > TEXT_LIMIT and room > 100:
        room = min(room - 100, int(room * TEXT_LIMIT / size))
        shown = _beginning(text, room)
        made = _converted(shown, cloud)
    if shown != text:
        address = safe_href(whole_at)
        note = f"… cut: the whole text is at [{address}]({address})" if address else "… cut"
        made = Document(made.blocks + _converted(note, cloud).blocks)
    return made


def _beginning(text: str, room: int) -> str:
    """At most ``room`` units of a text: whole lines, where they are not too long for that."""
    shown = cut(text, room, "", utf16=True)
    if shown == text:
        return text
    end = shown.rfind("\n", len(shown) * 9 // 10)
    return shown[:end] if end > 0 else _OPEN_LINK.sub("", shown)


def _converted(text: str, cloud: bool) -> Document:
    try:
        nodes = markdown.from_markdown(text)
    except Exception as error:
        # A parser may raise any exception on odd input. The words without markup still go to Jira.
        why = str(error) if isinstance(error, markdown.TooMuch) else type(error).__name__
        log.debug("text kept plain", why=why)
        nodes = [*markdown.plain(text), *markdown.plain(_PLAIN_NOTE)]
    return adf.from_nodes(nodes) if cloud else wiki.from_nodes(nodes)


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
    """A Document from Jira's value, which may be ADF on Data Center too."""
    if cloud or isinstance(raw, dict):
        return adf.from_jira(raw)
    return wiki.from_jira(raw)


def to_markdown(raw: Any, cloud: bool, whole_at: str = "", limit: int = TEXT_LIMIT) -> str:
    """Markdown for Jira's value, in at most ``limit`` characters. What is cut off is told in a last
    paragraph, with the address of the whole text, if there is one."""
    content, whole = _content(raw, cloud, 4 * limit)
    address = safe_href(whole_at)
    note = f"… cut: the whole text is at <{address}>" if address else "… cut"
    room, most = limit, MOST_NODES
    while True:
        nodes, kept = bounded(content, room, most)
        text = markdown_write.written(nodes)
        if whole and kept and len(text) <= limit:
            return text
        length = len(text) + len(note) + 2
        if length <= limit or room <= 0:
            return cut("\n\n".join(filter(None, [text, note])), limit, "")
        # The number of nodes shrinks as well: without any words, they may still take room.
        less = min(0.9, limit / length)
        room, most = int(room * less), int(most * less)


def _content(raw: Any, cloud: bool, most: int) -> tuple[Any, bool]:
    """The nodes of Jira's value, and whether these are all; wiki markup is read up to ``most``
    characters."""
    if isinstance(raw, dict):
        return raw.get("content"), True
    text = str(raw or "")
    nodes = markdown.plain(clean(text[:most])) if cloud else wiki_read.nodes(text[:most])
    return nodes, len(text) <= most


def line_to_jira(text: str, cloud: bool) -> str:
    """One line for a field that Data Center shows as wiki markup."""
    return text if cloud else wiki.line_to_jira(text)


def line_from_jira(raw: Any, cloud: bool) -> str | None:
    """The line that such a field shows; None for none."""
    return (str(raw) if cloud else wiki.line_from_jira(str(raw))) if raw else None
