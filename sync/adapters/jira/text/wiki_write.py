"""Wiki markup for the nodes of a document, so that Jira shows exactly what the nodes say.

Text from upstream is escaped, so that it does not become a macro, an image or the mention of a person,
who would be notified. Jira's renderer takes its steps one after another over the whole text: macros,
blocks, links, bare addresses, backslashes, emoticons, phrases. So an escape must hold in every step:

- Braces and bars are entities: Jira removes backslashes before its last search for braces.
- A closing bracket after an escape is escaped, too: ``\\*)`` becomes ``&#42;)``, and Jira would make an
  emoticon of its end, ``;)``.
- A phrase (``*bold*``) has no letter or digit beside it; within words it is written ``{*}bold{*}``.
- The text of a link ends at the first bar, and backslashes within it stay, so it has entities only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

from sync.domain.text import clean

Node = Mapping[str, Any]

# Languages that Jira's code macro knows; for any other the macro shows an error.
_LANGUAGES = {
    "bash", "c", "c#", "c++", "css", "go", "html", "java", "javascript", "json", "kotlin", "perl",
    "php", "python", "r", "ruby", "rust", "scala", "sql", "swift", "xml", "yaml",
}  # fmt: skip
_URL_SAFE = "/#:=*$@.!~'();,+?&%-_"
# What Jira might take as markup. A run at the start of a line can be a list, a heading or a quote.
_LIVE = re.compile(
    r"""(?mx)
    ^[#*+\-]+(?=\s|$) | (?<=^h[1-6])\. | (?<=^bq)\.
    | [\\{}|] | &(?=\#?\w+;) | (?<=\w):(?=//) | (?<=mailto):
    | [\[\]]
    | [*_^~!+\-]
    | \?(?=\?) | (?<=\?)\?
    | \((?=[^\s()]{1,7}\)) | (?<=[:;])[()] | (?<=:)[DPp]\b
    | ^\) | (?<=[\\{}|\[\]*_^~!+\-?&:;)])\) | (?<=:[DPp])\)
    """
)
# The characters that a backslash escapes in Jira.
_ESCAPED = frozenset("-#*_+?^~[]()!")
# What a phrase may consist of: letters, digits, marks, punctuation, symbols, spaces.
_NO_PHRASE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_PHRASES = frozenset("*_^~!+-")
_DELIMITERS = {"strong": "*", "em": "_", "strike": "-"}
# A zero-width space. Jira begins or ends no phrase beside a letter or digit, so it stands between a
# word and ``{{code}}``. It also breaks up the name of a macro within code.
_NOTHING = "\u200b"
_PREFIXES = {"bulletList": "*", "orderedList": "#"}
_HARD_BREAK = "\\\\ "


def written(nodes: Sequence[Node]) -> str:
    """Wiki markup for blocks."""
    return "\n\n".join(_block(node) for node in nodes)


def escaped(text: str, *, backslashes: bool = True, in_phrase: bool = False) -> str:
    """Wiki markup for which Jira shows exactly this text; ``in_phrase``: among words that are marked."""

    def escape(found: re.Match[str]) -> str:
        if found[0] in _PHRASES and not in_phrase and _no_markup(text, found.start()):
            return found[0]
        return "".join(
            f"\\{character}" if backslashes and character in _ESCAPED else _entity(character)
            for character in found[0]
        )

    text = clean(text)
    return _LIVE.sub(escape, text)


def _no_markup(text: str, place: int) -> bool:
    """Whether a character begins and ends no phrase: between letters or digits, or between spaces."""
    around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    return len(around) == 2 and ((around.isascii() and around.isalnum()) or around == "  ")


def _entity(character: str) -> str:
    return f"&#{ord(character)};"


# Blocks.


def _block(node: Node) -> str:
    return _WRITE[node["type"]](node)


def _content(node: Node) -> Sequence[Node]:
    return node.get("content") or ()


def _heading(node: Node) -> str:
    return f"h{node['attrs']['level']}. {_inline(_content(node))}"


def _code(node: Node) -> str:
    code = "".join(run["text"] for run in _content(node))
    language = str((node.get("attrs") or {}).get("language", "")).lower()
    macro, name = "code", f":{language}" if language in _LANGUAGES else ""
    if "{code" in code:
        macro, name = "noformat", ""
    # The name of the macro within the code would end the code early.
    code = code.replace("{" + macro, "{" + _NOTHING + macro)
    return f"{{{macro}{name}}}\n{code.rstrip()}\n{{{macro}}}"


def _quote(node: Node) -> str:
    return f"{{quote}}\n{written(_content(node))}\n{{quote}}"


def _list(node: Node, outer: str = "") -> str:
    prefix = outer + _PREFIXES[node["type"]]
    return "\n".join(line for item in _content(node) for line in _item(item, prefix))


def _item(item: Node, prefix: str) -> Iterator[str]:
    """The lines of a list item. An empty line would end the list."""
    first, *rest = _content(item)
    # Jira drops white space at the end of lines, and a prefix alone is no item.
    yield f"{prefix} {_block(first) or _entity(chr(160))}"
    for block in rest:
        yield _list(block, prefix) if block["type"] in _PREFIXES else _block(block)


def _table(node: Node) -> str:
    return "\n".join(_row(_content(row)) for row in _content(node))


def _row(cells: Sequence[Node]) -> str:
    bar = "||" if cells[0]["type"] == "tableHeader" else "|"
    shown = (" ".join(_block(block) for block in _content(cell)) for cell in cells)
    return bar + bar.join(one or " " for one in shown) + bar


_WRITE: Mapping[str, Callable[[Node], str]] = {
    "paragraph": lambda node: _inline(_content(node)),
    "heading": _heading,
    "codeBlock": _code,
    "blockquote": _quote,
    "bulletList": _list,
    "orderedList": _list,
    "table": _table,
    "rule": lambda node: "----",
}


# Inline nodes. Each kind of mark is put around all neighbours that have it, a link outermost.


def _inline(nodes: Sequence[Node]) -> str:
    out: list[str] = []
    address_before = False
    groups = [(address, list(group)) for address, group in groupby(nodes, _address)]
    for place, (address, runs) in enumerate(groups):
        before = out[-1][-1:] if out else ""
        after = str(groups[place + 1][1][0].get("text", ""))[:1] if place + 1 < len(groups) else ""
        piece = _linked(address, runs, before, after) if address else _marked(runs)
        # Jira takes what follows an address without a space, even a bracket, as a part of the address.
        if address_before and address:
            out.append(" ")
        if piece:
            out.append(piece)
            address_before = (address_before or bool(address)) and not re.search(r"\s", piece)
    return "".join(out).strip()


def _address(node: Node) -> str:
    for mark in node.get("marks") or ():
        if mark["type"] == "link":
            return str(mark["attrs"]["href"])
    return ""


def _linked(address: str, nodes: Sequence[Node], before: str, after: str) -> str:
    href = quote(address, safe=_URL_SAFE)
    shown = "".join(str(node.get("text", " ")) for node in nodes).strip()
    # Marks that all words of the link have are put around the whole link.
    around = [kind for kind in _DELIMITERS if all(_has(node, kind) for node in nodes)]
    within = [kind for kind in _DELIMITERS if kind not in around]
    words = "" if shown == href else _marked(nodes, within, in_link=True).strip()
    piece = f"[{words}|{href}]" if words else f"[{href}]"
    for kind in reversed(around):
        piece = _phrase(_DELIMITERS[kind], piece, before, after)
    return piece


def _has(node: Node, kind: str) -> bool:
    return any(mark["type"] == kind for mark in node.get("marks") or ())


def _marked(
    nodes: Sequence[Node], kinds: Sequence[str] = tuple(_DELIMITERS), *, in_link: bool = False
) -> str:
    if not kinds:
        return _runs(nodes, in_link=in_link)
    kind, *inner = kinds
    groups = [(has, list(group)) for has, group in groupby(nodes, lambda node: _has(node, kind))]
    pieces = [_marked(group, inner, in_link=in_link) for _, group in groups]
    out = ""
    for place, (has, _) in enumerate(groups):
        after = pieces[place + 1][:1] if place + 1 < len(pieces) else ""
        out += _phrase(_DELIMITERS[kind], pieces[place], out[-1:], after) if has else pieces[place]
    return out


def _phrase(delimiter: str, inner: str, before: str, after: str) -> str:
    """A piece of text within delimiters, which stand close to its words."""
    words = inner.strip()
    breaks = _HARD_BREAK if words.endswith("\\\\") else ""
    words = words.removesuffix("\\\\").rstrip()
    if not words or _NO_PHRASE.search(words):
        return inner
    lead = inner[: len(inner) - len(inner.lstrip())]
    tail = breaks or inner[len(inner.rstrip()) :]
    if (not lead and before.isalnum()) or (not tail and after.isalnum()):
        delimiter = f"{{{delimiter}}}"
    return f"{lead}{delimiter}{words}{delimiter}{tail}"


def _runs(nodes: Sequence[Node], *, in_link: bool) -> str:
    out = ""
    after_code = False
    for node in nodes:
        piece = _run(node, in_link=in_link)
        code = piece.startswith("{{")
        if (code and out[-1:].isalnum()) or (after_code and piece[:1].isalnum()):
            out += _NOTHING
        out += piece
        after_code = code
    return out


def _run(node: Node, *, in_link: bool) -> str:
    if node["type"] == "hardBreak":
        return " " if in_link else _HARD_BREAK
    text = str(node["text"])
    words = text.strip()
    kinds = ("code", *_DELIMITERS)
    how = {"backslashes": not in_link, "in_phrase": any(_has(node, kind) for kind in kinds)}
    if not _has(node, "code") or not words or _NO_PHRASE.search(words):
        return escaped(text, **how)
    shown = escaped(words, **how)
    # "{{code}}" would open a macro, so the first letter becomes an entity.
    if re.match("[a-z]", shown):
        shown = _entity(shown[0]) + shown[1:]
    return f"{{{{{shown}}}}}"
