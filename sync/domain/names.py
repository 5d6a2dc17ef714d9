"""Names of Jira's things, and what a rule means by one.

A name is no identity: it is shown in the language of the account, may be given twice, and may change.
So a name is kept together with the id, rules may give either, and calls send the id.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


class Name(str):
    """The name that Jira shows our account for one thing, with the thing's id.

    Equal to its text, so that it is compared and kept as a plain string. ``untranslated`` is the name
    before translation into the account's language, "" where Jira does not tell it.
    """

    __slots__ = ("id", "untranslated")
    id: str
    untranslated: str

    def __new__(cls, text: str, id_: str = "", untranslated: str = "") -> Name:
        made = super().__new__(cls, text)
        made.id = id_
        made.untranslated = untranslated
        return made

    def __str__(self) -> str:
        return str.__str__(self)

    @classmethod
    def of(cls, text: str, id_: str = "") -> Name:
        """A text as a Name with this id; a Name as it is."""
        return text if isinstance(text, Name) else cls(text, id_)

    @property
    def with_id(self) -> str:
        """The name and the id, for people who must choose between things of one name."""
        return f"{self.id!r} ({self})"


def meant(wished: str, known: Iterable[Name]) -> list[Name]:
    """The things that a rule means by a name or an id: none, one, or several that share the name.

    A name as it is written comes before a name in other letter case, and that before an id. Both the
    name that the account sees and the untranslated name count.
    """
    there = list({(name.id, str(name)): name for name in known}.values())
    wished, folded = wished.strip(), wished.strip().casefold()
    if not wished:
        return []
    return (
        [name for name in there if wished in (str(name), name.untranslated)]
        or [n for n in there if folded in (n.casefold(), n.untranslated.casefold())]
        or [name for name in there if wished == name.id]
    )


def like(pattern: str, name: Name) -> bool:
    """Whether a pattern with ``*`` and ``?``, or an id, stands for a thing."""
    folded = pattern.casefold()
    texts = {name.casefold(), name.untranslated.casefold()} - {""}
    return any(fnmatchcase(text, folded) for text in texts) or bool(name.id and pattern == name.id)
