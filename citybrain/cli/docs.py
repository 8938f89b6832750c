"""`citybrain docs`: writes the generated pages of docs/reference, or checks that they are up to date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from citybrain.cli import asyncapi_page
from citybrain.cli.common import fail
from citybrain.cli.pages import HEAD, PAGES
from citybrain.cli.rulebook_page import rulebook_page
from citybrain.cli.scores_page import scores_page

FOLDER = Path("docs/reference")


def register(root: typer.Typer) -> None:
    """Add the command."""

    @root.command("docs")
    def docs(
        write: bool = typer.Option(False, "--write", help="Write the pages."),
        check: bool = typer.Option(False, "--check", help="Exit with 1 when a page differs from the code."),
        folder: Path = typer.Option(FOLDER, help="Where the pages are."),
    ) -> None:
        """Write or check the reference pages and docs/asyncapi.yml, which are made from the code.

        Example: citybrain docs --write
        """
        if write == check:
            fail("give either --write or --check")
        wrong = outdated(folder, all_pages(root))
        if write:
            for name, text in wrong.items():
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
            typer.echo(f"{len(wrong)} page(s) written to {folder}")
        elif wrong:
            fail(f"not as the code says: {', '.join(wrong)}; run: citybrain docs --write")
        else:
            typer.echo("all pages are as the code says")


def all_pages(root: typer.Typer) -> dict[str, str]:
    """Name -> text of every generated page."""
    texts = {name: make() for name, make in PAGES.items()}
    texts["rulebook.md"] = rulebook_page()
    texts["scores.md"] = scores_page()
    texts["cli.md"] = cli_page(root)
    return {**{name: HEAD + text for name, text in sorted(texts.items())}, asyncapi_page.FILE: asyncapi_page.asyncapi_page()}


def outdated(folder: Path, pages: Mapping[str, str]) -> dict[str, str]:
    """The pages whose file is missing or says something else."""
    return {
        name: text
        for name, text in pages.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    }


def cli_page(root: typer.Typer) -> str:
    """Every command with its help."""
    command = typer.main.get_command(root)
    parts = ["# Commands\n\n`citybrain COMMAND --help` says the same.\n"]
    _add(command, "citybrain", parts)
    return "".join(parts)


def _add(command: Any, path: str, parts: list[str]) -> None:
    # typer brings its own copy of click and does not export the types
    children = getattr(command, "commands", None)
    if children is not None:
        for name, child in sorted(children.items()):
            _add(child, f"{path} {name}", parts)
        return
    context = command.context_class(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    parts.append(f"\n## {path}\n\n```\n{path} {usage}\n```\n\n{_prose(command.help or '')}\n")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and record[0] != "--help":
            parts.append(f"\n- `{record[0]}`: {' '.join(record[1].split())}")
    parts.append("\n" if command.params else "")


def _prose(text: str) -> str:
    """The help with its example as code."""
    lines = [line.strip() for line in text.strip().splitlines()]
    done = []
    for line in lines:
        head, mark, example = line.partition("Example: ")
        done.append(f"{head}Example: `{example}`" if mark else line)
    return "\n".join(done)
