import stat
from pathlib import Path

import pytest

from citybrain.apitoken import ensure_token, known_token
from citybrain.kernel.errors import UnavailableError


def test_the_token_of_the_settings_wins(tmp_path: Path) -> None:
    assert ensure_token("given", tmp_path) == known_token("given", tmp_path) == "given"
    assert list(tmp_path.iterdir()) == []


def test_a_token_is_made_once_and_is_nobody_elses_business(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert known_token(None, folder) == ""
    token = ensure_token(None, folder)
    assert len(token) > 30
    assert ensure_token(None, folder) == known_token(None, folder) == token
    assert [file.name for file in folder.iterdir()] == ["api-token"]
    assert stat.S_IMODE((folder / "api-token").stat().st_mode) == 0o600


def test_an_empty_token_file_is_not_a_token(tmp_path: Path) -> None:
    (tmp_path / "api-token").write_text("\n")
    with pytest.raises(UnavailableError, match="empty"):
        ensure_token(None, tmp_path)


def test_a_token_file_that_is_not_text_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "api-token").write_bytes(b"\xff\xfe")
    for read in (ensure_token, known_token):
        with pytest.raises(UnavailableError, match="api-token: it is not text"):
            read(None, tmp_path)
