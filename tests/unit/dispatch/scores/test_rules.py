"""The file of formulas: the shipped one is whole, and every fault of another is named by line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.kernel.errors import ConfigError
from dispatch.scores.rules import SHIPPED, check_rules, load_rules

TEXT = (Path(__file__).parents[4] / SHIPPED).read_text(encoding="utf-8")

PUBLISHED = (
    "立案率", "按时立案率", "准确派遣率", "处置率", "按期处置率", "结案率", "按期结案率", "超期结案数", "超期未处置数",
    "返工率", "回退率", "重复案件率", "高发案件占比", "平均受理时长", "平均处置时长", "督办率",
)  # fmt: skip


def test_every_published_index_is_there() -> None:
    names = [index.zh for index in load_rules().indices]
    assert not set(PUBLISHED) - set(names)
    assert check_rules(None) == []


def test_another_file_has_another_name(tmp_path: Path) -> None:
    file = tmp_path / "scores.yml"
    file.write_text(TEXT, encoding="utf-8")
    assert load_rules(file) == load_rules()
    file.write_text(TEXT + "# a word\n", encoding="utf-8")
    assert load_rules(file).name != load_rules().name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("numerator: [filed]", "numerator: [files]", "no predicate 'files'"),
        ("by: opened", "by: birth", "no moment 'birth'"),
        ("measure: accept_s", "measure: pace", "no measure 'pace'"),
        ("value: 900", "value: -1", "numbers.accept_s.value"),
        ("id: filing_on_time_rate", "id: filing_rate", "an id stands twice: filing_rate"),
        (
            "numerator: [filed], denominator",
            "numerator: [filed], count: [filed], denominator",
            "give numerator and denominator",
        ),
        ('version: "1"', 'version: "1"\ndigest: x', "unknown key"),
        ("numbers:", "numbers: [", "scores.yml"),
    ],
)
def test_faults_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "scores.yml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    faults = check_rules(file)
    assert faults
    assert any(said in str(fault) for fault in faults), [str(fault) for fault in faults]
    with pytest.raises(ConfigError):
        load_rules(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_rules(tmp_path / "none.yml")
