"""JQL: text to a tree, refusing what Jira's parser refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sync.sandbox.jira.exchange import Problem

_RESERVED_WORDS = frozenset(
    [
        "abort",
        "access",
        "add",
        "after",
        "alias",
        "all",
        "alter",
        "and",
        "any",
        "as",
        "asc",
        "audit",
        "avg",
        "before",
        "begin",
        "between",
        "boolean",
        "break",
        "by",
        "byte",
        "catch",
        "cf",
        "char",
        "character",
        "check",
        "checkpoint",
        "collate",
        "collation",
        "column",
        "commit",
        "connect",
        "continue",
        "count",
        "create",
        "current",
        "date",
        "decimal",
        "declare",
        "decrement",
        "default",
        "defaults",
        "define",
        "delete",
        "delimiter",
        "desc",
        "difference",
        "distinct",
        "divide",
        "do",
        "double",
        "drop",
        "else",
        "empty",
        "encoding",
        "end",
        "equals",
        "escape",
        "exclusive",
        "exec",
        "execute",
        "exists",
        "explain",
        "false",
        "fetch",
        "file",
        "field",
        "first",
        "float",
        "for",
        "from",
        "function",
        "go",
        "goto",
        "grant",
        "greater",
        "group",
        "having",
        "identified",
        "if",
        "immediate",
        "in",
        "increment",
        "index",
        "initial",
        "inner",
        "inout",
        "input",
        "insert",
        "int",
        "integer",
        "intersect",
        "intersection",
        "into",
        "is",
        "isempty",
        "isnull",
        "join",
        "last",
        "left",
        "less",
        "like",
        "limit",
        "lock",
        "long",
        "max",
        "min",
        "minus",
        "mode",
        "modify",
        "modulo",
        "more",
        "multiply",
        "next",
        "noaudit",
        "not",
        "notin",
        "nowait",
        "null",
        "number",
        "object",
        "of",
        "on",
        "option",
        "or",
        "order",
        "outer",
        "output",
        "power",
        "previous",
        "prior",
        "privileges",
        "public",
        "raise",
        "raw",
        "remainder",
        "rename",
        "resource",
        "return",
        "returns",
        "revoke",
        "right",
        "row",
        "rowid",
        "rownum",
        "rows",
        "select",
        "session",
        "set",
        "share",
        "size",
        "sqrt",
        "start",
        "strict",
        "string",
        "subtract",
        "sum",
        "synonym",
        "table",
        "then",
        "to",
        "trans",
        "transaction",
        "trigger",
        "true",
        "uid",
        "union",
        "unique",
        "update",
        "user",
        "validate",
        "values",
        "view",
        "when",
        "whenever",
        "where",
        "while",
        "with",
    ]
)
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<op>!=|!~|>=|<=|=|>|<|~|&&|\|\||!|&|\|)
    | (?P<punct>[(),])
    | (?P<word>(?:[^\s"'=!<>~(),&|\\+.;?*/%^$\#@\[\]{}:]|\\.|[.:+\[\]])+)
    | (?P<bad>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'", " ": " "}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Operand:
    """``values`` holds one value unless the operator takes a list; ``function`` marks ``now()`` and such."""

    text: str
    quoted: bool = False
    function: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    field: str
    operator: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Both:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    part: Node


Node = Clause | Both | Either | Negation


@dataclass(frozen=True, slots=True)
class Query:
    """``order`` holds (field, descending)."""

    where: Node | None
    order: tuple[tuple[str, bool], ...]


def bad(words: str) -> Problem:
    return Problem(400, f"Error in the JQL Query: {words}")


def _unescape(text: str, at: int) -> str:
    def one(match: re.Match[str]) -> str:
        code = match.group(1)
        if code.startswith("u"):
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise bad(
                f"'\\{code}' is an illegal JQL escape sequence. The valid escape sequences are "
                "\\', \\\", \\t, \\n, \\r, \\\\, '\\ ' and \\uXXXX. "
                f"(line 1, character {at + 1})"
            )
        return _ESCAPES[code]

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, text, flags=re.DOTALL)


def tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        if text[at:].isspace():
            break
        match = _TOKEN.match(text, at)
        if match is None:
            break
        kind, raw = str(match.lastgroup), match.group(str(match.lastgroup))
        place = match.start(str(match.lastgroup))
        if kind == "bad":
            if raw in "\"'":
                raise bad(
                    f"The quoted string '{text[place + 1 :]}' has not been completed. (line 1, character {place + 1})"
                )
            raise bad(
                f"The character '{raw}' is a reserved JQL character. You must enclose it in a string or "
                f"use the escape '\\u{ord(raw):04x}' instead. (line 1, character {place + 1})"
            )
        if kind == "quoted":
            raw = _unescape(raw[1:-1], place)
        elif kind == "word":
            raw = _unescape(raw, place)
        found.append(Token(kind, raw, place))
        at = match.end()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.at = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def word(self, *words: str) -> bool:
        """Whether the next token is one of these keywords; takes it if so."""
        token = self.peek()
        if token and token.kind in ("word", "op") and token.text.lower() in words:
            self.at += 1
            return True
        return False

    def take(self, expected: str) -> Token:
        token = self.peek()
        if token is None:
            raise bad(f"Expecting {expected} before the end of the query.")
        self.at += 1
        return token

    def query(self) -> Query:
        where = None
        token = self.peek()
        if token and not (token.kind == "word" and token.text.lower() == "order"):
            where = self.either()
        order: list[tuple[str, bool]] = []
        if self.word("order"):
            if not self.word("by"):
                raise bad("Expecting 'by' after 'order'.")
            order.append(self.sort())
            while self.punct(","):
                order.append(self.sort())
        rest = self.peek()
        if rest is not None:
            raise bad(
                f"Expecting either 'OR' or 'AND' but got '{rest.text}'. (line 1, character {rest.at + 1})"
            )
        return Query(where, tuple(order))

    def sort(self) -> tuple[str, bool]:
        name = self.take("a field name").text
        if self.word("desc"):
            return name, True
        self.word("asc")
        return name, False

    def punct(self, mark: str) -> bool:
        token = self.peek()
        if token and token.kind == "punct" and token.text == mark:
            self.at += 1
            return True
        return False

    def either(self) -> Node:
        parts = [self.both()]
        while self.word("or", "||", "|"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self) -> Node:
        parts = [self.single()]
        while self.word("and", "&&", "&"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def single(self) -> Node:
        if self.word("not", "!"):
            return Negation(self.single())
        if self.punct("("):
            inner = self.either()
            if not self.punct(")"):
                raise bad("Expecting ')' before the end of the query.")
            return inner
        return self.clause()

    def clause(self) -> Clause:
        token = self.take("a field name")
        if token.kind not in ("word", "quoted"):
            raise bad(
                f"Expecting a field name but got '{token.text}'. (line 1, character {token.at + 1})"
            )
        self.refuse_reserved(token)
        field = token.text
        operator = self.operator(field)
        if operator in ("in", "not in"):
            if not self.punct("("):
                raise bad("Expecting '(' after 'in'.")
            operands = [self.operand()]
            while self.punct(","):
                operands.append(self.operand())
            if not self.punct(")"):
                raise bad("Expecting ')' before the end of the query.")
            return Clause(field.lower(), operator, tuple(operands))
        return Clause(field.lower(), operator, (self.operand(empty=operator.startswith("is")),))

    def operator(self, field: str) -> str:
        token = self.take("operator")
        word = token.text.lower()
        if token.kind == "op" and word in ("=", "!=", "~", "!~", ">", "<", ">=", "<="):
            return word
        if token.kind == "word" and word == "in":
            return "in"
        if token.kind == "word" and word == "not" and self.word("in"):
            return "not in"
        if token.kind == "word" and word == "is":
            return "is not" if self.word("not") else "is"
        if token.kind == "word" and word in ("was", "changed"):
            raise bad(f"The operator '{word}' is not supported by the '{field}' field.")
        raise bad(
            "Expecting operator but got "
            f"'{token.text}'. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', "
            f"'IN', 'NOT IN', 'IS' and 'IS NOT'. (line 1, character {token.at + 1})"
        )

    def operand(self, *, empty: bool = False) -> Operand:
        token = self.take("a value")
        if token.kind == "quoted":
            return Operand(token.text, quoted=True)
        if token.kind != "word":
            raise bad(
                "Expecting either a value, list or function but got "
                f"'{token.text}'. You must surround '{token.text}' in quotation marks to use it as a value. "
                f"(line 1, character {token.at + 1})"
            )
        if token.text.lower() in ("empty", "null"):
            return Operand("empty", function=True)
        if empty:
            raise bad("The operators 'is' and 'is not' only support 'EMPTY' and 'NULL'.")
        if self.punct("("):
            argument = ""
            if not self.punct(")"):
                argument = self.take("an argument").text
                if not self.punct(")"):
                    raise bad("Expecting ')' before the end of the query.")
            return Operand(f"{token.text.lower()}({argument})", function=True)
        self.refuse_reserved(token)
        return Operand(token.text)

    @staticmethod
    def refuse_reserved(token: Token) -> None:
        if token.kind == "word" and token.text.lower() in _RESERVED_WORDS:
            raise bad(
                f"'{token.text}' is a reserved JQL word. You must surround it in quotation marks to use it "
                f"in a query. (line 1, character {token.at + 1})"
            )


def parse(text: str) -> Query:
    """Raises Problem(400) with Jira's words."""
    return _Parser(text).query()
