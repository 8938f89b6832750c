"""Every decoder folder: its README, its sample, and all its case files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import ingest.decoders
from citybrain.kernel.errors import PayloadError
from ingest.decoders import DECODERS

_FOLDER = Path(ingest.decoders.__file__).parent
_CASES = sorted((name, path) for name in DECODERS for path in (_FOLDER / name / "cases").glob("*.yml"))


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_a_decoder_folder_is_complete(name: str) -> None:
    folder = _FOLDER / name
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    assert json.loads((folder / "sample.json").read_text(encoding="utf-8"))
    assert list((folder / "cases").glob("*.yml"))


def test_every_folder_is_registered() -> None:
    assert {path.parent.name for path in _FOLDER.glob("*/decoder.py")} == set(DECODERS)


@pytest.mark.parametrize(("name", "path"), _CASES, ids=[f"{name}-{path.stem}" for name, path in _CASES])
def test_case(name: str, path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    data = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
    if "want_error" in case:
        with pytest.raises(PayloadError) as caught:
            DECODERS[name](data)
        assert caught.value.reason == case["want_error"]
    else:
        assert DECODERS[name](data) == case["want"]
