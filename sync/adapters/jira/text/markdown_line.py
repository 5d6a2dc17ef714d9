"""One line of Markdown for inline nodes: text that shows exactly what a person wrote in Jira.

Nothing in a text becomes markup, HTML or a link that Jira does not show, and nobody is notified: after
the ``@`` of a name stands a character without width. What Markdown has no form for is told in words, as
``[image: name]``.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from sync.adapters.jira.text.markdown import Node, whole
from sync.domain.text import one_line, safe_href

# A zero-width space, which keeps a name from being a mention.
_NOTHING = "\u200b"
HARD_BREAK = "  \n"
_DELIMITERS = {"strong": "**", "em": "*", "strike": "~~"}
_PICTURE_NAME = re.compile(r"(?i)\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?|heic)\Z")
_BARE = re.compile(r"""(?i)(?<![a-z0-9])https?://[^\s\\<>"`|{}\[\]^]+""")
# What Markdown might take as markup within a line, also together with what follows the text.
_LIVE = re.compile(
    r"""(?x)
    \\(?=[!-/:-@\[-`{-~]|$)
    | [`\[\]]
    | \*+ | _+ | ~+
    | <(?=[A-Za-z/!?@\#]|$)
    | &(?=\#?\w+;|\#?\w*$)
    | (?<![\w.+\-])@(?=\w|$)
    """
)
# What Markdown might take as the beginning of a block, at the start of a line.
_BLOCK_START = re.compile(
    r"(?:\#{1,6}|[-+*]|>+|=+|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))|>|[-=|:][-=|: ]*$|~~~"
)
# A name that calls everybody also where Markdown shows code.
_CALL = re.compile(
    r"(?<=@)(?=(?:here|channel|everyone|all|team)\b)"
    r"|(?<=<)(?=!(?:here|channel|everyone|subteam)\b|@[UW])"
)


def content_of(node: Node) -> Sequence[Node]:
    """The nodes within a node."""
    return node.get("content") or ()


def text_of(node: Node) -> str:
    """All text in a node, without marks."""
    return str(node.get("text", "")) + "".join(map(text_of, content_of(node)))


def attr(node: Node, name: str) -> str:
    """An attribute as text, "" for none."""
    return str((node.get("attrs") or {}).get(name, ""))


def number(node: Node, name: str, least: int, most: int) -> int:
    """An attribute as a number within bounds, ``least`` for none."""
    given = (node.get("attrs") or {}).get(name)
    return min(most, max(least, given)) if isinstance(given, int) else least


@dataclass(frozen=True, slots=True)
class _Leaf:
    """``text`` is as a person reads it or, if ``ready``, Markdown. ``kinds`` are its marks, ``address``
    is that of its link."""

    text: str
    kinds: frozenset[str] = frozenset()
    address: str = ""
    ready: bool = False

    @classmethod
    def of(cls, text: str, marks: Sequence[Node]) -> _Leaf:
        links = (mark for mark in marks if mark["type"] == "link")
        address = next((safe_href(attr(mark, "href")) for mark in links), "")
        return cls(text, frozenset(str(mark["type"]) for mark in marks), address)

    @property
    def look(self) -> tuple[frozenset[str], str]:
        return self.kinds, self.address

    def written(self) -> str:
        if self.ready:
            return self.text
        if "code" in self.kinds:
            return code_span(self.text)
        return escaped(self.text) if self.address else _with_addresses(self.text)


def lines_of(nodes: Sequence[Node]) -> str:
    """Inline nodes as the lines of a paragraph."""
    lines: list[list[_Leaf]] = [[]]
    for node in nodes:
        for leaf in _leaves(node):
            if leaf is None:
                lines.append([])
            else:
                lines[-1].append(leaf)
    shown = (_started(_joined(line)) for line in lines)
    return HARD_BREAK.join(line for line in shown if line)


def line_of(nodes: Sequence[Node]) -> str:
    """Inline nodes on one line."""
    leaves = (leaf or _Leaf(" ") for node in nodes for leaf in _leaves(node))
    return _joined(list(leaves)).strip()


def _started(line: str) -> str:
    """A line that begins no block."""
    line = line.strip()
    found = _BLOCK_START.match(line)
    if not found:
        return line
    at = found.end() if line[0].isdigit() else 0
    return f"{line[:at]}\\{line[at:]}"


def _leaves(node: Node) -> Iterator[_Leaf | None]:
    """The pieces of an inline node, None for a line's end."""
    kind, marks = node["type"], node.get("marks") or ()
    if kind == "hardBreak":
        yield None
    elif kind == "text":
        for place, part in enumerate(str(node.get("text", "")).split("\n")):
            if place:
                yield None
            if part:
                yield _Leaf.of(part, marks)
    elif kind in _SHOWN:
        yield _SHOWN[kind](node)
    elif content := content_of(node):
        for child in content:
            yield from _leaves(child)
    else:
        words = str(node.get("text", "")) or attr(node, "text") or attr(node, "title")
        yield _Leaf.of(words, marks)


def _mention(node: Node) -> _Leaf:
    name = one_line(attr(node, "text")).lstrip("@")
    return _Leaf(f"@{name}" if name else "@somebody")


def _date(node: Node) -> _Leaf:
    stamp = attr(node, "timestamp")
    try:
        day = datetime.fromtimestamp(int(stamp) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        day = stamp
    return _Leaf(day)


def _card(node: Node) -> _Leaf:
    address = safe_href(attr(node, "url"))
    return _Leaf(address, address=address)


def _status(node: Node) -> _Leaf:
    return _Leaf(f"[{escaped(_named(attr(node, 'text')))}]", ready=True)


def _file(node: Node, kind: str = "image") -> _Leaf:
    name = _named(attr(node, "alt") or attr(node, "__fileName"))
    if node["type"] == "mediaInline" and attr(node, "type") != "image":
        kind = "file"
    if _PICTURE_NAME.search(name):
        kind = "image"
    words = f"[{kind}: {escaped(name)}]" if name else f"[{kind}]"
    address = safe_href(attr(node, "url"))
    return _Leaf(f"{words}({_target(address)})" if address else words, ready=True)


def picture_or_file(node: Node, kind: str) -> str:
    """The words for a picture or a file, where its name does not tell which it is ``kind``."""
    return _file(node, kind).text


def _named(text: str) -> str:
    """A name that can stand within brackets."""
    return one_line(text).translate({ord("["): "(", ord("]"): ")"})


_SHOWN: Mapping[str, Callable[[Node], _Leaf]] = {
    "mention": _mention,
    "emoji": lambda node: _Leaf(attr(node, "text") or attr(node, "shortName")),
    "date": _date,
    "status": _status,
    "inlineCard": _card,
    "blockCard": _card,
    "embedCard": _card,
    "media": _file,
    "mediaInline": _file,
}
INLINE = {"text", "hardBreak", "placeholder", *_SHOWN} - {"blockCard", "embedCard"}


def _joined(leaves: Sequence[_Leaf]) -> str:
    """The Markdown of one line."""
    out = ""
    alike = _merged(leaves)
    groups = [(address, list(group)) for address, group in groupby(alike, lambda one: one.address)]
    for place, (address, run) in enumerate(groups):
        after = groups[place + 1][1][0].text[:1] if place + 1 < len(groups) else ""
        piece = _linked(address, run) if address else _marked(run, out[-1:], after)
        # Directly after a bracket, these would make a link of what stands in the brackets.
        if out.endswith("]") and piece[:1] in ("(", "[", ":"):
            piece = "\\" + piece
        out += piece
    return out


def _merged(leaves: Sequence[_Leaf]) -> list[_Leaf]:
    """Neighbours with the same marks as one piece: whether a sign is live depends on what is beside
    it."""
    made: list[_Leaf] = []
    for leaf in leaves:
        last = made[-1] if made else None
        if last is None or leaf.ready or last.ready or last.look != leaf.look:
            made.append(leaf)
        else:
            made[-1] = replace(last, text=last.text + leaf.text)
    return made


def _linked(address: str, run: Sequence[_Leaf]) -> str:
    words = "".join(leaf.text for leaf in run).strip()
    if words in ("", address) and not re.search(r"[<>]", address):
        return f"<{address}>"
    return f"[{_marked(run, '', '').strip()}]({_target(address)})"


def _target(address: str) -> str:
    """An address as the target of a link."""
    encoded = re.sub(r"[()<>\\\[\]`|]", lambda found: f"%{ord(found[0]):02X}", address)
    return re.sub(r"&(?=\#?\w+;)", "&amp;", encoded)


def _marked(
    run: Sequence[_Leaf], before: str, after: str, kinds: Sequence[str] = tuple(_DELIMITERS)
) -> str:
    """Pieces with their marks. Each kind of mark is put around all neighbours that have it."""
    if not kinds:
        return _plain(run)
    kind, *inner = kinds
    groups = [(has, list(group)) for has, group in groupby(run, lambda one: kind in one.kinds)]
    out = ""
    for place, (has, group) in enumerate(groups):
        follows = groups[place + 1][1][0].text[:1] if place + 1 < len(groups) else after
        precedes = out[-1:] or before
        if has:
            piece = _marked(group, "", "", inner)
            out += _phrase(_DELIMITERS[kind], piece, precedes, follows)
        else:
            out += _marked(group, precedes, follows, inner)
    return out


def ticks(code: str) -> int:
    """The length of the longest run of backticks."""
    return max((len(run) for run in re.findall("`+", code)), default=0)


def uncalled(code: str) -> str:
    """Code in which no name calls everybody."""
    return _CALL.sub(_NOTHING, code)


def _plain(run: Sequence[_Leaf]) -> str:
    out = ""
    for leaf in run:
        piece = leaf.written()
        if out.endswith("]") and piece[:1] in ("(", "[", ":"):
            piece = "\\" + piece
        # Two runs of backticks side by side would be one.
        out += _NOTHING + piece if out.endswith("`") and piece.startswith("`") else piece
    return out


def _phrase(delimiter: str, inner: str, before: str, after: str) -> str:
    """Words within delimiters; without them where Markdown would not take them for such."""
    words = inner.strip()
    lead, tail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    before, after = lead[-1:] or before, tail[:1] or after
    opens = words[:1].isalnum() or _apart(before)
    closes = words[-1:].isalnum() or _apart(after)
    beside = before in ("*", "~") or after in ("*", "~") or words.endswith("\\")
    if not words or not (opens and closes) or beside:
        return inner
    return f"{lead}{delimiter}{words}{delimiter}{tail}"


def _apart(neighbour: str) -> bool:
    """Whether a neighbour is white space or punctuation, or there is none."""
    return not neighbour or neighbour.isspace() or neighbour in string.punctuation


def code_span(text: str) -> str:
    """Code within a line."""
    code = " ".join(text.split("\n"))
    if not code.strip():
        return code
    fence = "`" * (ticks(code) + 1)
    pad = " " if code[0] in "` " or code[-1] in "` " else ""
    return f"{fence}{pad}{uncalled(code)}{pad}{fence}"


def _with_addresses(text: str) -> str:
    """Text whose bare addresses become links, as Jira shows them."""
    out, end = "", 0
    for found in _BARE.finditer(text):
        address = whole(found[0])
        if safe_href(address) and not re.search(r"[<>]", address):
            out += f"{escaped(text[end : found.start()])}<{address}>"
            end = found.start() + len(address)
    return out + escaped(text[end:])


def escaped(text: str) -> str:
    """Markdown that shows exactly this text, within a line."""
    return _LIVE.sub(lambda found: _escape(text, found), text)


def _escape(text: str, found: re.Match[str]) -> str:
    sign = found[0]
    if sign == "<":
        return "&lt;"
    if sign == "&":
        return "&amp;"
    if sign == "@":
        return "@" + _NOTHING
    around = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
    between_words = sign[0] == "_" and all(one.isalnum() for one in around)
    between_spaces = sign[0] in "*_" and all(one == " " for one in around)
    if between_words or between_spaces:
        return sign
    return "".join(f"\\{one}" for one in sign)
