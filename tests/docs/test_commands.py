"""Every command that a page shows is a verb of the program, with options that the verb has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sync.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), ROOT / "config.example.toml"])
# In a block of commands, or in `code`; a line that ends with \ goes on.
BLOCK = re.compile(r"^```(?:sh|console)[^\n]*\n(.*?)^```", re.S | re.M)
INDENTED = re.compile(r"^ {4}(?:\$ )?(ticket-sync .*)$", re.M)
CODE = re.compile(r"`(ticket-sync [^`]+)`")
BEGIN = r"(?:^\s*(?:\$ )?|&& |; |\| |\$?\(| -- )(?:[A-Z_]+=\S+ )*(?:\S*/bin/)?"
COMMAND = re.compile(BEGIN + r"ticket-sync ([a-z-][^\n;|&)]*)", re.M)


def commands(text: str) -> Iterator[list[str]]:
    """The words behind the program's name, of each command on a page."""
    text = re.sub(r"\\\n\s*", " ", text)
    shown = [*BLOCK.findall(text), *INDENTED.findall(text), *CODE.findall(text)]
    without_comments = re.sub(r"\s#.*$", "", "\n".join(shown), flags=re.M)
    for found in COMMAND.findall(without_comments):
        yield found.split()


def unknown(words: list[str]) -> list[str]:
    """What of a command the program does not know: its verb, or options."""
    command: Any = typer.main.get_command(app)
    options = {"--help", "--debug", "--version", "--install-completion"}
    for word in words:
        known = getattr(command, "commands", {})
        if not known or word.startswith("-"):
            break
        if word not in known:
            # A group may be named as such, and be followed by other words in running text.
            return [] if command.name != "ticket-sync" else [word]
        command = known[word]
    options |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return [
        word for word in words if word.startswith("--") and word.partition("=")[0] not in options
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_on_a_page_is_one_of_the_program(page: Path) -> None:
    assert [words for words in commands(page.read_text("utf-8")) if unknown(words)] == []


def test_a_command_that_is_none_is_found_wherever_it_stands() -> None:
    page = (
        "```sh\ncd there && ticket-sync statsu\nticket-sync plan --serve URL\n```\n\n"
        "    ticket-sync db backup \\\n      --quick FILE\n\nand `ticket-sync sned --sample ping`\n"
    )
    assert [words[0] for words in commands(page) if unknown(words)] == [
        "statsu",
        "plan",
        "db",
        "sned",
    ]
    assert sum(len(list(commands(one.read_text("utf-8")))) for one in PAGES) > 80
