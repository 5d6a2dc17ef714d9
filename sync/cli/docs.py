"""``docs``: the pages that come with the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from sync.cli.options import JsonOption

# Pages that stand beside docs/ and that its pages link to.
_BESIDE = ("README.md", "CHANGELOG.md")


@dataclass(frozen=True, slots=True)
class DocsPage:
    """A page: the ``name`` to ask for, its heading, and its file."""

    name: str
    title: str
    file: str


def docs(
    page: Annotated[
        str,
        typer.Argument(
            metavar="[PAGE]", help="The page to print, by its name.", show_default=False
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List the pages of the documentation that come with the program, and where they are; or print one.

    Example:  ticket-sync docs rules | less
    """
    found = list(_pages())
    if page:
        wanted = page.removeprefix("docs/").removesuffix(".md").lower()
        chosen = [one for one in found if one.name.lower() == wanted]
        if not chosen:
            from sync.operations.errors import NotFound

            raise NotFound(f"No page is called {page!r}. `ticket-sync docs` lists all.")
        typer.echo(Path(chosen[0].file).read_text("utf-8"), nl=False)
        return
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    width = max(len(one.name) for one in found)
    for one in found:
        typer.echo(f"{one.name:{width}}  {one.title}")
    typer.echo(f"\nThe pages are in {_folder()}; `ticket-sync docs rules` prints one.")


def _folder() -> Path:
    from sync.settings import shipped

    return shipped("docs")


def _pages() -> Iterator[DocsPage]:
    folder = _folder()
    files = [folder / "index.md"]
    files += sorted(path for path in folder.glob("*.md") if path.name != "index.md")
    files += [path for name in _BESIDE if (path := folder.parent / name).is_file()]
    files += sorted(folder.glob("*/*.md"))
    for path in files:
        inside = path.relative_to(folder if path.is_relative_to(folder) else folder.parent)
        yield DocsPage(inside.with_suffix("").as_posix(), _title(path), str(path))


def _title(path: Path) -> str:
    lines = path.read_text("utf-8").splitlines()
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), path.stem)
