"""Which contacts can be reached at all."""

from __future__ import annotations

import pytest

from citybrain.kernel.contacts import fault


@pytest.mark.parametrize(
    "contact",
    [
        "log:drainage", "log:", "mailto:lamps@example.org", "mailto:a@example.org?subject=x", "https://orders.example.org/x",
        "http://user:key@127.0.0.1:8080/hook?key=1", "http://[::1]/x",
    ],
)  # fmt: skip
def test_what_a_channel_can_try(contact: str) -> None:
    assert fault(contact) is None


@pytest.mark.parametrize(
    ("contact", "says"),
    [
        ("lamps@example.org", "write mailto:lamps@example.org"),
        ("lamps", "must begin with"),
        ("pigeon:post", "must begin with"),
        ("mailto:", "needs an address"),
        ("mailto:a@b, c@d", "blanks"),
        ("mailto:a@b,c@d", "needs an address"),
        ("https:///path", "names no server"),
        ("http://host:99999/", "no URL"),
        ("log:a b", "blanks"),
        ("https://host/\x00", "blanks"),
    ],
)
def test_what_no_channel_can_reach_is_named(contact: str, says: str) -> None:
    assert says in (fault(contact) or "")
