import stat
from pathlib import Path

import pytest

from citybrain.config import Settings
from citybrain.kernel.errors import UnavailableError
from console.auth import ensure_token, loopback, matches


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "city.example", ""])
def test_not_loopback(host: str) -> None:
    assert not loopback(host)


def test_the_token_of_the_settings_wins(tmp_path: Path) -> None:
    assert ensure_token(Settings(data_dir=tmp_path, api_token="given")) == "given"
    assert list(tmp_path.iterdir()) == []


def test_a_token_is_made_once_and_is_nobody_elses_business(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    token = ensure_token(settings)
    assert len(token) > 30
    assert ensure_token(settings) == token
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["api-token"]
    assert stat.S_IMODE((tmp_path / "new" / "api-token").stat().st_mode) == 0o600


def test_an_empty_token_file_is_not_a_token(tmp_path: Path) -> None:
    (tmp_path / "api-token").write_text("\n")
    with pytest.raises(UnavailableError, match="empty"):
        ensure_token(Settings(data_dir=tmp_path))


def test_tokens_match_as_a_whole_and_take_any_text() -> None:
    assert matches("abc", "abc")
    assert not matches("ab", "abc")
    assert not matches("", "abc")
    assert not matches("ä€", "abc")
