"""``recipes``: rule files to begin with, which come with the program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from sync.cli.options import JsonOption

app = typer.Typer(name="recipes", help="Rule files to begin with, which come with the program.")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A rule file to copy: its ``name``, what it is for in a sentence, and where it is."""

    name: str
    purpose: str
    file: str


@app.callback(invoke_without_command=True)
def recipes(context: typer.Context) -> None:
    """List the recipes where no verb follows."""
    if context.invoked_subcommand is None:
        list_recipes()


@app.command("list")
def list_recipes(as_json: JsonOption = False) -> None:
    """List the recipes: rule files to copy beside your rules and change, and where they are.

    Example:  ticket-sync recipes
    """
    found = list(_recipes())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    width = max(len(one.name) for one in found)
    for one in found:
        typer.echo(f"{one.name:{width}}  {one.purpose}")
    typer.echo(f"\nThe files are in {_folder()}; `ticket-sync recipes show NAME` prints one.")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The recipe, as it is listed.")],
) -> None:
    """Print a recipe, fit to be a file in the folder of your rules.

    Example:  ticket-sync recipes show two-way > mappings/20-two-way.toml
    """
    chosen = [one for one in _recipes() if one.name == name.removesuffix(".toml").lower()]
    if not chosen:
        from sync.operations.errors import NotFound

        raise NotFound(f"No recipe is called {name!r}. `ticket-sync recipes` lists all.")
    text = Path(chosen[0].file).read_text("utf-8")
    # The copy stands in the folder above that of the recipe.
    typer.echo(text.replace("#:schema ../rules", "#:schema ./rules", 1), nl=False)


def _folder() -> Path:
    from sync.settings import shipped

    return shipped("mappings") / "recipes"


def _recipes() -> Iterator[Recipe]:
    for path in sorted(_folder().glob("*.toml")):
        yield Recipe(path.stem, _purpose(path), str(path))


def _purpose(path: Path) -> str:
    """The first sentence of the comment at the head of the file."""
    lines = path.read_text("utf-8").splitlines()[1:]
    head = []
    for line in lines:
        if not line.startswith("#"):
            break
        head.append(line.removeprefix("#").strip())
    return re.split(r"(?<=\.)\s", " ".join(head).strip(), maxsplit=1)[0]
