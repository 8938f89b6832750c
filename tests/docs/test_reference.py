"""The reference pages say what the code says."""

from __future__ import annotations

import pytest
import typer

from citybrain.cli.docs import all_pages, outdated
from citybrain.cli.mount import mount
from tests.docs.markdown import ROOT


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Every generated page."""
    root = typer.Typer()
    mount(root)
    return all_pages(root)


def test_the_pages_are_as_the_code_says(pages: dict[str, str]) -> None:
    assert sorted(outdated(ROOT / "docs" / "reference", pages)) == [], "run: .venv/bin/citybrain docs --write"


def test_no_page_is_left_over(pages: dict[str, str]) -> None:
    assert {path.name for path in (ROOT / "docs" / "reference").iterdir()} == {name for name in pages if "/" not in name}
