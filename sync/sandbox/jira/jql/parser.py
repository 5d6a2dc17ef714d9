"""JQL tokens to a tree of conditions."""

from __future__ import annotations

from dataclasses import dataclass

from sync.sandbox.jira.jql.tokens import Token, bad, refuse_reserved, tokens


@dataclass(frozen=True, slots=True)
class Operand:
    """One value of a clause. ``function`` marks a function such as ``now()``, and ``EMPTY``."""

    text: str
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
    """A parsed query. ``where`` None finds every issue; ``order`` holds (field, descending)."""

    where: Node | None
    order: tuple[tuple[str, bool], ...]


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.at = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def takes(self, *words: str) -> bool:
        """Take the next token if it is one of these keywords; whether it was."""
        token = self.peek()
        if token and token.kind in ("word", "op") and token.text.lower() in words:
            self.at += 1
            return True
        return False

    def take(self, expected: str) -> Token:
        """Take the next token. Raises Problem(400) at the end of the query."""
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
        if self.takes("order"):
            if not self.takes("by"):
                raise bad("Expecting 'by' after 'order'.")
            order.append(self.sort())
            while self.takes_mark(","):
                order.append(self.sort())
        rest = self.peek()
        if rest is not None:
            raise bad(
                f"Expecting either 'OR' or 'AND' but got '{rest.text}'. "
                f"(line 1, character {rest.at + 1})"
            )
        return Query(where, tuple(order))

    def sort(self) -> tuple[str, bool]:
        name = self.take("a field name").text
        if self.takes("desc"):
            return name, True
        self.takes("asc")
        return name, False

    def takes_mark(self, mark: str) -> bool:
        token = self.peek()
        if token and token.kind == "mark" and token.text == mark:
            self.at += 1
            return True
        return False

    def either(self) -> Node:
        parts = [self.both()]
        while self.takes("or", "||", "|"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self) -> Node:
        parts = [self.single()]
        while self.takes("and", "&&", "&"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def single(self) -> Node:
        if self.takes("not", "!"):
            return Negation(self.single())
        if self.takes_mark("("):
            inner = self.either()
            if not self.takes_mark(")"):
                raise bad("Expecting ')' before the end of the query.")
            return inner
        return self.clause()

    def clause(self) -> Clause:
        token = self.take("a field name")
        if token.kind not in ("word", "quoted"):
            raise bad(
                f"Expecting a field name but got '{token.text}'. (line 1, character {token.at + 1})"
            )
        refuse_reserved(token)
        field = token.text
        operator = self.operator(field)
        if operator in ("in", "not in"):
            if not self.takes_mark("("):
                raise bad("Expecting '(' after 'in'.")
            operands = [self.operand()]
            while self.takes_mark(","):
                operands.append(self.operand())
            if not self.takes_mark(")"):
                raise bad("Expecting ')' before the end of the query.")
            return Clause(field.lower(), operator, tuple(operands))
        return Clause(field.lower(), operator, (self.operand(empty=operator.startswith("is")),))

    def operator(self, field: str) -> str:
        token = self.take("operator")
        word = token.text.lower()
        if token.kind == "op" and word not in ("!", "&", "|", "&&", "||"):
            return word
        if token.kind == "word":
            if word == "in":
                return "in"
            if word == "not" and self.takes("in"):
                return "not in"
            if word == "is":
                return "is not" if self.takes("not") else "is"
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
            return Operand(token.text)
        if token.kind != "word":
            raise bad(
                "Expecting either a value, list or function but got "
                f"'{token.text}'. You must surround '{token.text}' in quotation marks to use it as a "
                f"value. (line 1, character {token.at + 1})"
            )
        if token.text.lower() in ("empty", "null"):
            return Operand("empty", function=True)
        if empty:
            raise bad("The operators 'is' and 'is not' only support 'EMPTY' and 'NULL'.")
        if self.takes_mark("("):
            argument = ""
            if not self.takes_mark(")"):
                argument = self.take("an argument").text
                if not self.takes_mark(")"):
                    raise bad("Expecting ')' before the end of the query.")
            return Operand(f"{token.text.lower()}({argument})", function=True)
        refuse_reserved(token)
        return Operand(token.text)


def parse(text: str) -> Query:
    """Parse a query. Raises Problem(400) with Jira's words."""
    return _Parser(text).query()
