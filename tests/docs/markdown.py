"""What the tests of the documents share: which files there are, and the pieces in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?:<!-- check: ([\w ]+) -->\n)?```(\w*)\n(.*?)```", re.S)


class Block(NamedTuple):
    """A fenced block. `check` names what it must pass."""

    check: str
    language: str
    text: str


def documents() -> list[Path]:
    """Every Markdown file that people read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/**/README.md")], key=str)


def ours() -> list[Path]:
    """The same without what other programs put into the folder."""
    return [path for path in documents() if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a document."""
    return [Block(check or "", language, text) for check, language, text in _BLOCK.findall(path.read_text(encoding="utf-8"))]


def name(path: Path) -> str:
    """The path as a test's id."""
    return str(path.relative_to(ROOT))
