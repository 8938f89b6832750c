"""Which contacts can be reached at all."""

from __future__ import annotations

import pytest

from citybrain.kernel.contacts import CHANNELS, PRESETS, fault, quoted, safe, scheme_of


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
        ("alertmanager+https:///x", "names no server"),
        ("feishu://", "Feishu is written feishu://TOKEN"),
        ("feishu:TOKEN", "Feishu is written feishu://TOKEN"),
        ("tgram://nobody/1", "Telegram is written tgram://BOT_TOKEN/CHAT_ID"),
        ("twilio://a@b/c", "twilio://ACCOUNT_SID:AUTH_TOKEN@FROM/TO"),
        ("vonage://key:secret@from/one,two", "vonage://KEY:SECRET@FROM/TO"),
        ("feishu://a b", "blanks"),
    ],
)
def test_what_no_channel_can_reach_is_named(contact: str, says: str) -> None:
    assert says in (fault(contact) or "")


@pytest.mark.parametrize("scheme", PRESETS)
def test_a_preset_says_how_it_is_written(scheme: str) -> None:
    assert PRESETS[scheme].form.startswith(f"{scheme}://")
    assert CHANNELS[scheme] == "apprise"
    assert scheme_of(PRESETS[scheme].form) == scheme
    wrong = f"{scheme}://s3cret!"
    assert PRESETS[scheme].form in (fault(wrong) or "")
    assert "s3cret" not in f"{fault(wrong)} {safe(wrong)} {quoted(wrong)}"


def test_contacts_of_a_service_are_told_apart_without_their_keys() -> None:
    one, other = safe("feishu://s3cret1"), safe("feishu://s3cret2")
    assert one != other
    assert one.startswith("feishu://…")
    assert one == safe("feishu://s3cret1")


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("lamps@example.org", "'lamps@example.org'"),
        ("https://u:s3cret@host:99999/", "'https://…'"),
        ("https://u:s3cret@host/s3cret", "'https://host/…'"),
        ("tgarm://s3cret", "'tgarm://…'"),
    ],
)
def test_an_error_shows_of_a_contact_what_holds_no_key(contact: str, shown: str) -> None:
    assert quoted(contact) == shown
