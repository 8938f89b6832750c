"""One bad file for each fault: file, line and key are named, and nothing is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.kernel.errors import ConfigError
from citybrain.yamlfile import parse
from rules.load import check, from_files, load, shipped

BAD = sorted((Path(__file__).parent / "bad").glob("*.yml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_fault_is_named(path: Path) -> None:
    """The first line of each sample says `# expect: LINE KEY: WORDS` (or `LINE WORDS` where there is no key)."""
    line, _, words = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# expect: ").partition(" ")
    faults = check(path)
    found = [fault for fault in faults if fault.file == str(path)]
    assert found == faults, "the shipped files have faults of their own"
    assert any(f"{path}:{line}: {words.split(': ')[0]}" in str(f) and words.split(": ")[-1] in str(f) for f in found), found


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_load_raises_the_first_fault(path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.file == str(path)
    assert caught.value.line > 0


def test_all_faults_of_a_file_are_found_at_once() -> None:
    text = "MH-OPEN:\n  severity: fatal\n  params: {raise: x, measure: tilt}\nMH-FLIP: {verify_s: -1}\n"
    book, faults = from_files([*shipped(), parse(text, "city.yml")])
    assert book is None
    assert [(fault.line, fault.key) for fault in faults] == [
        (2, "MH-OPEN.severity"),
        (3, "MH-OPEN.params.measure"),
        (3, "MH-OPEN.params.raise"),
        (4, "MH-FLIP.verify_s"),
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in check(tmp_path / "absent.yml")[0].message


def test_a_fault_below_the_citys_file_is_named_where_it_stands() -> None:
    """A key that only the lower file has is named in the lower file."""
    low = parse("MH-OPEN: {severity: fatal}\n", "low.yml")
    high = parse("MH-OPEN: {verify_s: 5}\n", "high.yml")
    assert {(f.file, f.key) for f in from_files([low, high])[1] if f.message != "missing"} == {("low.yml", "MH-OPEN.severity")}
