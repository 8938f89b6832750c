"""Readings as rows of COPY's binary format, read back by the rules of that format."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from citybrain.kernel.model import Reading
from citybrain.store.copyrows import COLUMNS, LATE, WHOLE, encode

Field = bytes | None


def rows(data: bytes) -> Iterator[list[Field]]:
    """Every row as its fields; fails when the format is not kept."""
    assert data.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    at = 19
    while (columns := struct.unpack_from(">h", data, at)[0]) != -1:
        assert columns == COLUMNS
        at += 2
        fields: list[Field] = []
        for _ in range(columns):
            (width,) = struct.unpack_from(">i", data, at)
            at += 4
            fields.append(None if width < 0 else data[at : at + width])
            at += max(width, 0)
        yield fields
    assert at + 2 == len(data)


def reading(asset: str = "A", **values: float | bool | str) -> Reading:
    return Reading(asset, "drain", asset, 1_772_000_000_123, 1_772_000_000_456, dict(values), key=-5)


def quality(field: Field) -> int:
    assert field is not None
    return int(struct.unpack(">h", field)[0])


def test_one_row_a_value() -> None:
    found = list(rows(encode([reading(a=1.5, b=7, c=True, d="ü")])))
    assert [(row[1], row[4], row[5], quality(row[6])) for row in found] == [
        (b"a", struct.pack(">d", 1.5), None, 0),
        (b"b", struct.pack(">d", 7.0), None, WHOLE),
        (b"c", struct.pack(">d", 1.0), b"true", 0),
        (b"d", None, "ü".encode(), 0),
    ]
    assert {(row[0], row[2], row[3]) for row in found} == {
        (b"A", struct.pack(">q", (1_772_000_000_123 - 946_684_800_000) * 1000), struct.pack(">q", -5))
    }


def test_what_belongs_to_the_message_stands_in_its_first_row() -> None:
    one = reading(a=1.0, b=2.0)._replace(seq=9, window_ms=60_000, flags=6)
    first, second = rows(encode([one], LATE))
    assert first[7:] == [
        b"drain", None, None, struct.pack(">q", 9), struct.pack(">q", (1_772_000_000_456 - 946_684_800_000) * 1000),
        struct.pack(">i", 60_000),
    ]  # fmt: skip
    assert second[7:] == [None] * 6
    assert quality(first[6]) == quality(second[6]) == LATE | 6


def test_another_device_is_named_with_its_own_key() -> None:
    (row,) = rows(encode([reading(a=1.0)._replace(device="second")]))
    assert (row[8], row[9]) == (b"second", struct.pack(">q", -5))
    assert row[3] != struct.pack(">q", -5)


def test_a_message_without_values_is_a_row_all_the_same() -> None:
    (row,) = rows(encode([reading()]))
    assert (row[1], row[4], row[5], row[7]) == (b"", None, None, b"drain")


def test_rows_of_an_asset_are_side_by_side_in_the_order_they_came() -> None:
    given = [reading("B", x=1.0), reading("A", y=1.0), reading("B", a=1.0)]
    assert [(row[0], row[1]) for row in rows(encode(given))] == [(b"A", b"y"), (b"B", b"x"), (b"B", b"a")]


def test_nothing_is_no_data() -> None:
    assert encode([]) == b""
