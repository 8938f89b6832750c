"""The run folder where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.rundir import RunDir


def test_a_data_directory_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UnavailableError, match="--data-dir"):
        RunDir(file).make()
    with pytest.raises(UnavailableError, match="--data-dir"):
        RunDir(file / "below").make()


@pytest.mark.parametrize("content", ["", "{", "[1]", "5", '"text"', "null", "\x00", "\udcff"])
def test_a_damaged_file_of_the_run_folder_counts_as_absent(content: str, tmp_path: Path) -> None:
    run = RunDir(tmp_path).make()
    (run.path / "run.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert run.read("run") == {}
