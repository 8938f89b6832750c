"""PURE: readings as rows of the narrow archive, in the binary format of COPY.

One row a value. What belongs to the message and not to the value stands in its first row only: it would be told as often as
the message has values. Binary, because PostgreSQL then need not parse a time and a number in each row, and sorted by asset,
because the rows then go into the index side by side: together a quarter of the time of a COPY of text.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from struct import Struct

from citybrain.kernel.ids import message_key
from citybrain.kernel.model import Reading

COLUMNS = 13
"""asset, measure, observed_at, message, value, label, quality, kind, device, key, seq, received_at, window_ms"""

LATE = 256
"""Bit of `quality`: the reading came late. The lower bits are the reading's flags (`citybrain.kernel.model.Flag`)."""
WHOLE = 512
"""Bit of `quality`: the value was sent as a whole number, without a point."""
NOTHING = ""
"""Measure of the one row of a message without values."""

_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts, in µs since 1970"""
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\0\0\0\4true", b"\0\0\0\5false"
_REST = _NULL * 6

_width = Struct(">i").pack
_start = Struct(">hi").pack
_long = Struct(">iq").pack
_int = Struct(">ii").pack
_short = Struct(">ih").pack
_float = Struct(">id").pack
_place = Struct(">iqiq").pack
_by_asset = itemgetter(0)


def encode(readings: Iterable[Reading], quality: int = 0) -> bytes:
    """The readings for `COPY … FROM STDIN (FORMAT binary)`, `quality` added to that of each row. Empty when there are none."""
    out = [_HEAD]
    add = out.append
    names: dict[str, bytes] = {}
    qualities: dict[int, bytes] = {}
    for reading in sorted(readings, key=_by_asset):
        asset, _, _, observed_ms, _, values, _, _, _, flags = reading
        message = message_key(reading)
        asset_text = asset.encode()
        begin = _start(COLUMNS, len(asset_text)) + asset_text
        place = _place(8, observed_ms * 1000 - _EPOCH_US, 8, message)
        flags |= quality
        end = _message(reading, message)
        for name, value in values.items() or ((NOTHING, None),):
            measure = names.get(name)
            if measure is None:
                measure = names[name] = _text(name)
            kind = type(value)
            bits = flags
            if kind is float:
                field = _float(8, value) + _NULL
            elif kind is int:
                field = _float(8, value) + _NULL
                bits |= WHOLE
            elif kind is bool:
                field = _float(8, value) + (_TRUE if value else _FALSE)
            elif value is None:
                field = _NULL + _NULL
            else:
                field = _NULL + _text(str(value))
            short = qualities.get(bits)
            if short is None:
                short = qualities[bits] = _short(2, bits)
            add(begin + measure + place + field + short + end)
            end = _REST
    if len(out) == 1:
        return b""
    add(_END)
    return b"".join(out)


def _message(reading: Reading, message: int) -> bytes:
    """The columns of the message: kind, device, key, seq, received_at, window_ms."""
    asset, kind, device, _, received_ms, _, seq, key, window_ms, _ = reading
    return (
        _text(kind)
        + (_NULL if device == asset else _text(device))
        + (_NULL if key == message else _long(8, key))
        + (_NULL if seq is None else _long(8, seq))
        + _long(8, received_ms * 1000 - _EPOCH_US)
        + (_int(4, window_ms) if window_ms else _NULL)
    )


def _text(text: str) -> bytes:
    coded = text.encode()
    return _width(len(coded)) + coded
