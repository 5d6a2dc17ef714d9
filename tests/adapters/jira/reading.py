"""What a reader sees of a text: of Markdown as its own renderer shows it, of a ticket as Jira does."""

from __future__ import annotations

import html
import random
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import groupby

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from sync.adapters.jira.text import rich
from sync.sandbox.jira.board.rich_text import rich as shown_by_jira

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_ADDRESS = re.compile(r"https?://[A-Za-z0-9][^\s<>\"`|{}\[\]^\\]*")
_BLOCKS = {"p", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "table"}
_BLOCKS |= {"tr", "td", "th", "hr", "br", "div"}
_MARKS = {"strong": "strong", "em": "em", "s": "s", "del": "s", "code": "code", "a": "a"}
_INVISIBLE = str.maketrans("", "", "\u200b")


@dataclass
class Seen:
    """``words``: the visible words in order. ``marked``: by kind of mark, the characters that have it.
    ``links``: words and address of each. ``cells``: of each table the number of cells of each row."""

    words: list[str] = field(default_factory=list)
    marked: dict[str, str] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    cells: list[list[int]] = field(default_factory=list)
    items: int = 0


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen = Seen(marked=dict.fromkeys(sorted(set(_MARKS.values()) - {"a"}), ""))
        self._open: list[str] = []
        self._within = 0
        self._href: list[str] = []
        self._link = ""
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag in _BLOCKS:
            self._text.append(" ")
        if tag == "img":
            self._image(named.get("src", ""), named.get("alt", ""))
            return
        if tag == "a":
            self._begin(named.get("href", ""))
        self._structure(tag)
        if tag in _MARKS:
            self._open.append(_MARKS[tag])

    def _image(self, address: str, words: str) -> None:
        """A picture is a link with its words, which a link around it takes the place of."""
        if self._href:
            self.handle_data(words or address)
            return
        self._begin(address)
        self._open.append("a")
        self.handle_data(words or address)
        self._open.remove("a")
        self._end()

    def _begin(self, address: str) -> None:
        self._href.append(address.rstrip("/"))
        self._link = ""

    def _end(self) -> None:
        address = self._href.pop()
        if not re.match(r"https?://|mailto:", address, re.IGNORECASE) or not self._link.strip():
            return
        self.seen.links.append((_squeezed(self._link), address))

    def _structure(self, tag: str) -> None:
        if tag == "table":
            self.seen.cells.append([])
        elif tag == "tr":
            self.seen.cells[-1].append(0)
        elif tag in ("td", "th"):
            self.seen.cells[-1][-1] += 1
        elif tag == "li":
            self.seen.items += 1
        elif re.fullmatch("h[1-6]", tag) and self._within:
            # Within a list or a quote there are no headings; their words are bold.
            self._open.append("strong")
        self._within += tag in ("li", "blockquote")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._text.append(" ")
        if tag == "a":
            self._end()
        self._within -= tag in ("li", "blockquote")
        if re.fullmatch("h[1-6]", tag) and self._within:
            self._open.remove("strong")
        if tag in _MARKS:
            self._open.remove(_MARKS[tag])

    def handle_data(self, data: str) -> None:
        data = data.translate(_INVISIBLE)
        self._text.append(data)
        for kind in set(self._open) - {"a"}:
            # Monospaced text is code, whatever stands around it: a document allows no more.
            if kind == "code" or "code" not in self._open:
                self.seen.marked[kind] += _squeezed(data)
        if "a" in self._open:
            self._link += data

    def done(self) -> Seen:
        self.seen.links = [
            ("".join(words for words, _ in group), address)
            for address, group in groupby(self.seen.links, lambda link: link[1])
        ]
        self.seen.words = "".join(self._text).split()
        return self.seen


def _squeezed(text: str) -> str:
    return "".join(text.split())


def seen(page: str) -> Seen:
    """What a reader sees of a page."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.done()


def of_markdown(source: str) -> Seen:
    """What Markdown says, with bare addresses as links."""
    page = re.sub(r"(?i)&lt;br\s*/?&gt;", "<br>", _MARKDOWN.render(source))
    parts = re.split(r"(<a .*?</a>|<code>.*?</code>|<pre>.*?</pre>|<[^>]*>)", page, flags=re.DOTALL)
    return seen("".join(part if part.startswith("<") else _linked(part) for part in parts))


def _linked(text: str) -> str:
    def link(found: re.Match[str]) -> str:
        address = found[0].rstrip("?!.,:;*_~')")
        href, rest = escape(address), escape(found[0][len(address) :])
        return f'<a href="{href}">{href}</a>{rest}'

    parts = re.split(f"({_ADDRESS.pattern})", html.unescape(text))
    return "".join(
        link(found) if (found := _ADDRESS.fullmatch(part)) else str(escape(part)) for part in parts
    )


def of_ticket(source: str, *, cloud: bool) -> Seen:
    """What Jira shows of a text that is converted for it."""
    wire = rich.to_jira(rich.convert(source, cloud), cloud)
    return seen(str(shown_by_jira(wire) if wire else Markup("")))


_WORDS = (
    *(
        "orders",
        "late by 5%",
        "a_b",
        "snake_case_name",
        "2 * 3",
        "a*b",
        "x^2",
        "~5",
        "-1",
        "--flag",
    ),
    *(
        "(y)",
        "(x)",
        "(!)",
        ":)",
        ":-D",
        ";)",
        "f(x)",
        "(*)",
        "*)",
        "_)",
        "{}",
        "{{x}}",
        "{code}",
        "{a{b}c}",
    ),
    *(
        "[a]",
        "[~admin]",
        "a|b",
        "!x!",
        "!",
        "??",
        "a+b",
        "C:\\dir",
        "\\\\srv",
        "&lt;",
        "&amp;amp;",
        "<b>",
        "x & y",
    ),
    *(
        "h1. no",
        "bq. no",
        "# no",
        "- no",
        "1. no",
        "$x",
        "@all",
        "é",
        "日本",
        "👩‍👩‍👧",
        "soft\u00adhyphen",
        "🫨",
    ),
    *(
        "https://h.example/a_b-c",
        "http://h.example/x?a=1&b=_2",
        "(https://h.example/q)",
        "-- --",
        "...",
    ),
)
_PLAIN = ("orders", "late", "rows", "x", "42", "é")


def document(seed: int) -> str:
    """A generated Markdown document of every construct, and of texts that mean something to Jira."""
    return _Generator(random.Random(seed)).document()


class _Generator:
    def __init__(self, rng: random.Random) -> None:
        self._random = rng

    def document(self) -> str:
        return "\n\n".join(self._block(2) for _ in range(self._random.randint(1, 4))) + "\n"

    def _word(self) -> str:
        return self._random.choice(_PLAIN if self._random.random() < 0.4 else _WORDS)

    def _words(self, most: int = 5) -> str:
        return " ".join(self._word() for _ in range(self._random.randint(1, most)))

    def _span(self) -> str:
        inner, plain = self._words(2), self._random.choice(_PLAIN)
        return self._random.choice(
            (
                *(
                    f"**{plain}**",
                    f"*{plain}*",
                    f"~~{plain}~~",
                    f"`{inner}`",
                    f"**{inner}**",
                    f"_{plain}_",
                ),
                *(
                    f"{plain}**{plain}**{plain}",
                    f"**a *{plain}* b**",
                    f"***{plain}***",
                    f"`{plain}`s",
                ),
                *(f"[{plain}](https://l.example/p_q)", f"[{plain}|{plain}](https://l.example/a)"),
                *(
                    f"[`{plain}`](https://l.example)",
                    f"**[{plain}](https://l.example/b)**",
                    "<me@x.example>",
                ),
                *(
                    f"[![{plain}](https://i.example/b.svg)](https://l.example)",
                    "<https://l.example/x_y>",
                ),
                *(
                    f"![{plain}](https://i.example/i.png)",
                    f"(**{plain}**)",
                    f"({plain}*)",
                    f"*{plain}*)",
                ),
            )
        )

    def _line(self) -> str:
        parts = [self._span() if self._random.random() < 0.4 else self._words(3) for _ in range(3)]
        return self._random.choice((" ", " ", "\n", "  \n")).join(parts)

    def _block(self, depth: int) -> str:
        kinds = [self._line, self._line, self._heading, self._table, self._code, lambda: "---"]
        if depth:
            kinds += [lambda: self._list(depth - 1), lambda: self._quote(depth - 1)]
        return self._random.choice(kinds)()

    def _heading(self) -> str:
        return "#" * self._random.randint(1, 4) + " " + self._words(3)

    def _table(self) -> str:
        columns = self._random.randint(1, 3)
        rows = [[self._cell() for _ in range(self._random.randint(1, columns))] for _ in range(3)]
        head = "|" + "h|" * columns
        return "\n".join(
            [head, "|" + "---|" * columns, *("|" + "|".join(row) + "|" for row in rows)]
        )

    def _cell(self) -> str:
        made = self._span() if self._random.random() < 0.4 else self._words(2)
        return made.replace("\n", " ").replace("|", "\\|")

    def _code(self) -> str:
        language = self._random.choice(("", "sql", "python", "odd"))
        return f"```{language}\n{self._words()}\n  {self._words()}\n```"

    def _list(self, depth: int) -> str:
        mark = self._random.choice(("-", "1."))
        return "\n".join(
            f"{mark} " + self._item(depth).replace("\n", "\n" + " " * (len(mark) + 1))
            for _ in range(self._random.randint(1, 3))
        )

    def _item(self, depth: int) -> str:
        return self._line() + (f"\n\n{self._block(depth)}" if self._random.random() < 0.3 else "")

    def _quote(self, depth: int) -> str:
        return "> " + self._block(depth).replace("\n", "\n> ")
