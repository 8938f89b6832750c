import pytest

from console.present import preview, title


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b'{"a":1}', '{"a":1}'),
        ("井".encode(), "井"),
        (b"\xff\x00a\n", "\\xff\\x00a\\n"),
        ("井".encode()[:2], "\\xe4\\xba"),
        (b"", ""),
    ],
)
def test_bytes_as_text(payload: bytes, text: str) -> None:
    assert preview(payload) == text


def test_a_preview_is_cut() -> None:
    assert len(preview(b"x" * 1000)) == 200


def test_a_condition_that_the_rulebook_no_longer_knows_keeps_its_id() -> None:
    assert title("OLD-ONE", {}).en == title("OLD-ONE", {}).zh == "OLD-ONE"
