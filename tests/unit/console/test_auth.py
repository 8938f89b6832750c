import pytest

from console.auth import loopback, matches


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "city.example", ""])
def test_not_loopback(host: str) -> None:
    assert not loopback(host)


def test_tokens_match_as_a_whole_and_take_any_text() -> None:
    assert matches("abc", "abc")
    assert not matches("ab", "abc")
    assert not matches("", "abc")
    assert not matches("ä€", "abc")
