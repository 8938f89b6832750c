"""Readings into a Parquet file, streamed: a year of a city needs no more memory than a day of a district."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from citybrain.kernel.measures import MEASURES
from citybrain.store.db import Database
from citybrain.store.extract import COLUMNS, Selection, csv_of
from citybrain.text import LANGUAGES, text

_BLOCK = 8 << 20
"""bytes of CSV that become one row group: about 100,000 values"""
_NAME = pa.dictionary(pa.int32(), pa.string())
_MOMENT = pa.timestamp("ms", tz="UTC")
_TYPES: dict[str, Any] = {
    "asset": _NAME,
    "measure": _NAME,
    "observed_at": _MOMENT,
    "value": pa.float64(),
    "label": pa.string(),
    "quality": pa.int16(),
    "message": pa.int64(),
    "device": _NAME,
    "seq": pa.int64(),
    "received_at": _MOMENT,
}
QUALITY = {1: "simulated", 2: "history", 4: "no_device_time", 256: "late", 512: "whole"}
"""bits of column `quality`"""


class Exported(NamedTuple):
    """What a file holds."""

    values: int
    row_groups: int
    first: datetime | None
    last: datetime | None


def schema(city: str) -> Any:
    """The columns. Their units and meanings stand in the metadata of the file, each text in both languages."""
    meaning = {language: {name: text(f"readings.column_{name}", language) for name in _TYPES} for language in LANGUAGES}
    bits = {
        language: {bit: text(f"readings.quality_{name}", language) for bit, name in QUALITY.items()} for language in LANGUAGES
    }
    told = {
        "citybrain.city": city,
        "citybrain.units": {name: measure.unit for name, measure in MEASURES.items()},
        "citybrain.columns": meaning,
        "citybrain.quality": bits,
    }
    return pa.schema(
        [pa.field(name, kind, name in {"value", "label", "seq"}) for name, kind in _TYPES.items()],
        {name: what if isinstance(what, str) else json.dumps(what, ensure_ascii=False) for name, what in told.items()},
    )


def write_parquet(db: Database, file: Path, selection: Selection, city: str) -> Exported:
    """Write the selected values. The file appears under its name when it is whole; raises OSError when it cannot be written."""
    part = file.with_name(file.name + ".part")
    try:
        with db.transaction() as tx, pq.ParquetWriter(part, schema(city), compression="zstd") as writer:
            found = _write(writer, csv_of(tx, selection))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return found


def _write(writer: Any, pieces: Iterator[bytes]) -> Exported:
    values = groups = 0
    first = last = None
    for batch in _batches(pieces):
        table = pa.Table.from_batches([_typed(batch, writer.schema)])
        writer.write_table(table, row_group_size=table.num_rows)
        span = pc.min_max(table["observed_at"]).as_py()
        first = min(first or span["min"], span["min"])
        last = max(last or span["max"], span["max"])
        values, groups = values + table.num_rows, groups + 1
    return Exported(values, groups, first, last)


def _batches(pieces: Iterator[bytes]) -> Iterator[Any]:
    source = _Source(pieces)
    if not source.more():  # to Arrow, a file without a line is no CSV
        return
    types = {
        "asset": _NAME,
        "measure": _NAME,
        "device": _NAME,
        "label": pa.string(),
        "value": pa.float64(),
        "quality": pa.int16(),
    }
    yield from pa_csv.open_csv(
        source,
        read_options=pa_csv.ReadOptions(column_names=COLUMNS, block_size=_BLOCK, use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types={name: types.get(name, pa.int64()) for name in COLUMNS},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _typed(batch: Any, wanted: Any) -> Any:
    columns = [column.cast(kind) for column, kind in zip(batch.columns, wanted.types, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=wanted)


class _Source(io.RawIOBase):
    """Pieces of bytes as a file that is read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def more(self) -> bool:
        """Is there anything (left)?"""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._rest = piece
        return True

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        found = []
        wanted = size if size >= 0 else 1 << 62
        while wanted and self.more():
            piece, self._rest = self._rest[:wanted], self._rest[wanted:]
            found.append(piece)
            wanted -= len(piece)
        return b"".join(found)


EVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""a span of time that leaves nothing out"""
