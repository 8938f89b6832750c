"""Topics, filters and ids."""

from __future__ import annotations

import pytest

from ingest import topics


@pytest.mark.parametrize(
    ("pattern", "topic", "want"),
    [
        ("a/+/c", "a/b/c", ("b",)),
        ("a/+/c", "a/b/d", None),
        ("a/+", "a/b/c", None),
        ("a/#", "a", ()),
        ("a/#", "a/b/c", ()),
        ("+/#", "a/b", ("a",)),
        ("#", "a/b", ()),
        ("#", "$SYS/x", None),
        ("+/x", "$SYS/x", None),
        ("$SYS/#", "$SYS/x", ()),
        ("a/+/c", "a//c", ("",)),
    ],
)
def test_captures(pattern: str, topic: str, want: tuple[str, ...] | None) -> None:
    assert topics.captures(pattern, topic) == want


@pytest.mark.parametrize("pattern", ["", "a/#/b", "a/b#", "a/b+/c", "a\x00"])
def test_wrong_filters(pattern: str) -> None:
    assert topics.check_filter(pattern)


@pytest.mark.parametrize("pattern", ["a", "#", "+/+/#", "/a/", "application/+/device/+/event/+"])
def test_right_filters(pattern: str) -> None:
    assert topics.check_filter(pattern) is None


@pytest.mark.parametrize("name", ["MH-000001", "urn:dev:mac:01", "井盖-7", "a b", "x" * 128])
def test_ids(name: str) -> None:
    assert topics.valid_id(name)


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a/b", "a+b", "a#", "a\x00", "a\nb", "x" * 129, 7, None, "a\u202eb", "..", "."]
)
def test_no_ids(name: object) -> None:
    assert not topics.valid_id(name)


def test_canonical_topics() -> None:
    assert topics.matches(topics.subscription("demo"), topics.CANONICAL.format(city="demo", kind="drain", asset="D-1"))
    assert not topics.matches(topics.subscription("demo"), "elsewhere/demo/drain/D-1/telemetry")
