"""The pieces of the generated pages."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from citybrain.cli.docs import outdated
from citybrain.cli.pages import params_text, table, type_text
from rules.detectors.base import Gate
from rules.detectors.threshold import Params


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (str, "text"),
        (float | None, "number"),
        (Literal["en", "zh"], "`en` or `zh`"),
        (tuple[str, ...], "list of text"),
        (tuple[float, float], "list of 2: number"),
        (Path | None, "path"),
        (dict[str, int], "mapping"),
    ],
)
def test_types(annotation: object, text: str) -> None:
    assert type_text(annotation) == text


def test_params_are_written_as_in_yaml() -> None:
    params = Params("power_factor", 0.5, 0.6, below=True, gates=(Gate("power_w", ">", 0.5, "rated_power_w"),))
    assert params_text(params) == (
        "{measure: power_factor, raise: 0.5, clear: 0.6, below: true, "
        'gates: [{measure: power_w, op: ">", value: 0.5, of: rated_power_w}]}'
    )


def test_a_table_escapes_its_bars() -> None:
    assert table(("a",), [("x|y",)]) == "| a |\n| --- |\n| x\\|y |\n"


def test_outdated_names_what_differs(tmp_path: Path) -> None:
    (tmp_path / "same.md").write_text("1", encoding="utf-8")
    (tmp_path / "old.md").write_text("1", encoding="utf-8")
    assert set(outdated(tmp_path, {"same.md": "1", "old.md": "2", "new.md": "3"})) == {"old.md", "new.md"}
