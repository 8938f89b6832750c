"""What may be shown of a contact."""

from __future__ import annotations

import pytest

from dispatch.channels.base import one_line, safe_target
from dispatch.channels.webhook.signature import check, sign


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("https://user:s3cret@hooks.example:8443/T0/s3cret?key=s3cret#s3cret", "https://hooks.example:8443/…"),
        ("http://hooks.example", "http://hooks.example/…"),
        ("mailto:a@b.example?subject=s3cret", "mailto:a@b.example"),
        ("log:drainage\r\nforged line", "log:drainage forged line"),
        ("https://[s3cret", "(not a URL)"),
        ("https://host:s3cret/", "(not a URL)"),
    ],
)
def test_secrets_of_a_contact_are_not_shown(target: str, shown: str) -> None:
    assert safe_target(target) == shown


def test_one_line() -> None:
    assert one_line("a\r\nBcc: b\x00") == "a Bcc: b"


def test_the_signature_covers_time_and_body() -> None:
    good = sign("key", "1000", b"body")
    assert good.startswith("v1=")
    assert check("key", "1000", b"body", good, now_s=1010)
    assert not check("key", "1000", b"body!", good, now_s=1010)
    assert not check("key", "1001", b"body", good, now_s=1010)
    assert not check("other", "1000", b"body", good, now_s=1010)
    assert not check("key", "1000", b"body", good, now_s=2000), "an old request sent again"
    assert not check("key", "soon", b"body", good, now_s=1000)


def test_the_signature_is_the_one_that_is_documented() -> None:
    """From: printf '1000.body' | openssl dgst -sha256 -hmac key"""
    assert sign("key", "1000", b"body") == "v1=062f6ed108cb94155be54ddfb5d8e80ef70ed54fe9bbf747b5507a21aaf1d704"
