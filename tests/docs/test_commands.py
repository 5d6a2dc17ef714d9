"""Every command that a page names is one: the verb is there, and takes these options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sync.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "mappings").rglob("*.toml"),
        ROOT / "config.example.toml",
        *(path for path in (ROOT / "deploy").rglob("*") if path.suffix in (".md", ".yaml", ".yml")),
    ]
)
VERBS = typer.main.get_command(app)
# What stands for something of the reader's.
_COMMAND = re.compile(
    r"(?:^|[|;&(]\s*|bin/|\s--\s)(?:[A-Z_]+=\S*\s)*"
    r"""(ticket-sync (?:'[^'\n]*'|"[^"\n]*"|[^|;&>)])*)"""
)
_STANDS_FOR = re.compile(r"…|\.\.\.|<[a-z ]+>")


def commands(text: str) -> Iterator[str]:
    """The commands in code: lines of blocks for shells, indented lines, and code within sentences."""
    for block in re.findall(r"^[ \t]*```sh[^\n]*\n(.*?)^[ \t]*```", text, re.S | re.M):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            yield from re.findall(_COMMAND, line)
    prose = re.sub(r"^[ \t]*```.*?^[ \t]*```", "", text, flags=re.S | re.M)
    for line in re.findall(r"^ {4,}(?:\$ )?(ticket-sync .*)$", prose, re.M):
        yield from re.findall(_COMMAND, line)
    yield from (" ".join(one.split()) for one in re.findall(r"`(ticket-sync [^`]+)`", prose))


def fault(line: str) -> str:
    """What is wrong with a command, "" where nothing is."""
    words = shlex.split(line, comments=True)[1:]
    command: Any = VERBS
    context = command.context_class(command)
    while hasattr(command, "commands"):
        while words and words[0].startswith("-"):
            words = words[1:]
        if not words or _STANDS_FOR.search(words[0]) or words[0].isupper():
            return ""
        name, *words = words
        if name not in command.commands:
            return f"there is no verb {name!r}"
        command = command.commands[name]
        context = command.context_class(command, context, info_name=name)
    given = [word for word in words if not _STANDS_FOR.search(word)]
    try:
        command.make_parser(context).parse_args(given)
    except Exception as error:  # Typer brings a Click of its own, in which names move.
        # An option without its value stands for itself in a sentence.
        return "" if "requires an argument" in str(error) else f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_are_commands(page: Path) -> None:
    text = page.read_text("utf-8")
    wrong = {line: why for line in commands(text) if (why := fault(line))}
    assert wrong == {}


def test_slips_are_found() -> None:
    indented = "    ticket-sync plan --liv  # (what's that)\n"
    found = [
        *commands("```sh\na | ticket-sync plann --live\n```\n`ticket-sync plan --liv`"),
        *commands(f"Text.\n\n{indented}"),
    ]
    assert [bool(fault(line)) for line in found] == [True, True, True]
    assert fault("ticket-sync rules accept --only-new") == ""
