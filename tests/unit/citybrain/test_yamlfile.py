"""YAML with lines: every fault of form is named by line and key, and nothing is raised."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.yamlfile import MAX_DEPTH, dotted, parse, read


def test_values_and_lines() -> None:
    found = parse("a: 1\nb:\n  c: [x, {d: true}]\n  on: null\n", "f.yml")
    assert found.faults == []
    assert found.value == {"a": 1, "b": {"c": ["x", {"d": True}], "on": None}}
    assert [found.line(path) for path in [("a",), ("b", "c"), ("b", "c", 1, "d"), ("b", "on")]] == [1, 3, 3, 4]


def test_the_line_of_a_missing_key_is_that_of_its_parent() -> None:
    assert parse("a: 1\nb:\n  c: 2\n", "f.yml").line(("b", "missing", "deeper")) == 2


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("a: 1\nb: [\n", 3, "", "not YAML"),
        ("a: 1\nb: {c: 1,\n c: 2}\n", 3, "b.c", "stands twice (first in line 2)"),
        ("a: &x {q: 1}\nb: *x\n", 2, "b", "aliases"),
        ("a: 1\n? [1, 2]\n: 3\n", 2, "", "a key must be a word"),
        ("a: 1\nb: !!python/object:os.system {}\nc: 2023-99-99\n", 3, "c", "not a value"),
        ("a: " + "[" * (MAX_DEPTH + 2) + "1" + "]" * (MAX_DEPTH + 2), 1, "a", "deeper than"),
        ("[" * 5000, 1, "", ""),
    ],
)
def test_faults_of_form(text: str, line: int, key: str, words: str) -> None:
    first = parse(text, "f.yml").faults[0]
    assert (first.file, first.line) == ("f.yml", line)
    assert first.key.startswith(key)
    assert words in first.message


def test_dotted() -> None:
    assert dotted(("MH-GAS", "params", "signals", 2, "op")) == "MH-GAS.params.signals[2].op"


def test_a_file_that_cannot_be_read_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "bytes.yml").write_bytes(b"a: \xff\n")
    assert "not UTF-8 at byte 3" in read(tmp_path / "bytes.yml").faults[0].message
    assert "cannot be read" in read(tmp_path / "absent.yml").faults[0].message
    (tmp_path / "large.yml").write_bytes(b"#" * 4_000_001)
    assert "larger than" in read(tmp_path / "large.yml").faults[0].message
