"""Rules of this machine, looked at by a daemon as a draft."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sync.cli.problems import USAGE, Problem
from sync.cli.server import Server

RulesOption = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="FOLDER",
        help="With --server: the rules of this folder in place of those on the daemon's disk.",
    ),
]


@contextmanager
def draft_of(server: Server, folder: Path | None) -> Iterator[int]:
    """The number of a draft that says what the rule files of the folder say, 0 (the files on the
    daemon's disk) without a folder. The draft is thrown away in the end.

    Raises Problem, and RuleErrors for files that cannot be read.
    """
    if folder is None:
        yield 0
        return
    from sync.operations.rules.draft_view import Draft
    from sync.rules import RuleErrors, texts_of

    texts = texts_of(folder)
    if texts.mistakes:
        raise RuleErrors(texts.mistakes)
    draft = server.post("/rules/drafts", Draft)
    at = f"/rules/drafts/{draft.id}"
    known = {file.name for file in draft.files}
    try:
        for name, text in texts.by_name.items():
            act = "write" if name in known else "add"
            server.post(f"{at}/{act}", Draft, {"name": name, "text": text})
        for name in known - set(texts.by_name):
            server.post(f"{at}/remove", Draft, {"name": name})
        yield draft.id
    finally:
        server.post(f"{at}/drop", bool)


def only_by_server(folder: Path | None, server: str) -> None:
    """Raises Problem for a folder without a daemon that is to look at it."""
    if folder is not None and not server:
        raise Problem(
            "--rules is for --server. Without a daemon the rules of the configuration are read: name "
            "another folder there, in directory of [mappings].",
            USAGE,
        )
