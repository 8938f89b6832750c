"""An export of the ledger: a folder that can be checked and scored without the database, by anybody.

manifest.json    what is in it, as of when; SHA-256 of every file
entries.jsonl    entries in the order of writing, one JSON object a line
anchors.jsonl    all daily anchors
heads.jsonl      the recorded end of each chain
cases.jsonl, orders.jsonl    the rows that the histories must lead to
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import orjson

from citybrain.kernel.errors import InputError
from citybrain.store import ledger as store
from citybrain.store.db import Row, Tx
from citybrain.store.migrate import known
from dispatch.anchors import Anchor, from_json, to_json
from dispatch.chain import Entry, stamp
from dispatch.ledger import entry_of

FORMAT = "citybrain-ledger"
VERSION = 1
MARGIN = timedelta(days=3)
"""Cases with an entry so long before or after the span come along: what came back soon, what fell due in it, shows by them."""
_FILES = ("entries.jsonl", "anchors.jsonl", "heads.jsonl", "cases.jsonl", "orders.jsonl")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says of itself. Times are city time."""

    format: str
    version: int
    schema: int
    """number of the newest migration"""
    program: str
    made_at: str
    zone: str
    """time zone of most units: that of the months"""
    begin: str | None
    end: str | None
    complete: bool
    """the whole ledger: anchors and what is missing can be checked"""
    entries: int
    anchors: int
    last_anchor: str
    """recorded end of the chain of anchors, "" before the first"""
    files: Mapping[str, Mapping[str, Any]]
    """name -> sha256, lines"""

    @property
    def anchor_end(self) -> tuple[int, bytes] | None:
        """How many anchors there are, and the hash of the newest."""
        return (self.anchors, bytes.fromhex(self.last_anchor)) if self.last_anchor else None

    @property
    def asof(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.made_at)


class _Writer:
    """A file of lines that knows its own hash."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sum, self.lines = file, hashlib.sha256(), 0

    def write(self, row: Mapping[str, Any]) -> None:
        """One line."""
        line = orjson.dumps(row) + b"\n"
        self._file.write(line)
        self._sum.update(line)
        self.lines += 1

    def told(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"sha256": self._sum.hexdigest(), "lines": self.lines}


def span(begin: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
    """The entries by which the cases of a span are chosen."""
    return begin - MARGIN if begin else None, end + MARGIN if end else None


def write(
    tx: Tx, folder: Path, *, now: datetime, program: str, begin: datetime | None = None, end: datetime | None = None
) -> Manifest:
    """Export into an empty or new folder, streaming; the manifest is written last. `tx` must be fresh.

    Raises InputError when the folder has something in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError(f"{folder}: not empty; give a new folder")
    store.still(tx)
    complete = begin is None and end is None
    chosen: set[str] = set()
    told: dict[str, Mapping[str, Any]] = {}

    def put(name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        with (folder / name).open("wb") as file:
            writer = _Writer(file)
            for row in rows:
                writer.write(row)
        told[name] = writer.told()

    def entries() -> Iterator[Mapping[str, Any]]:
        for row in store.stream(tx, *span(begin, end)):
            chosen.add(str(row["case_id"]))
            yield entry_json(entry_of(row))

    def mine(rows: Iterable[Row], key: str) -> Iterator[Mapping[str, Any]]:
        return (_plain(row) for row in rows if complete or str(row[key]) in chosen)

    put("entries.jsonl", entries())
    put("anchors.jsonl", (to_json(Anchor(**row)) for row in store.anchors(tx)))
    put("heads.jsonl", mine(store.ends(tx), "case_id"))
    put("cases.jsonl", mine(store.case_rows(tx), "id"))
    put("orders.jsonl", mine(store.order_rows(tx), "case_id"))
    anchors, last = store.anchor_end(tx) or (0, b"")
    manifest = Manifest(
        FORMAT, VERSION, known()[-1].number, program, stamp(now), store.zone(tx), stamp(begin) if begin else None,
        stamp(end) if end else None, complete, told["entries.jsonl"]["lines"], anchors, last.hex(), told,
    )  # fmt: skip
    (folder / "manifest.json").write_bytes(orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2) + b"\n")
    return manifest


class Bundle:
    """An export that is read. Every file is checked against the manifest before a line of it is used."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError when there is no export, or one of another version."""
        self.folder = folder
        try:
            said = orjson.loads((folder / "manifest.json").read_bytes())
            self.manifest = Manifest(**said)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{folder}: no export of a ledger ({error}); make one with `citybrain export --out DIR`"
            ) from error
        if (self.manifest.format, self.manifest.version) != (FORMAT, VERSION) or set(self.manifest.files) != set(_FILES):
            raise InputError(f"{folder}/manifest.json: not {FORMAT} version {VERSION}")

    def entries(self) -> Iterator[Entry]:
        """The entries in the order of writing. Raises InputError for a file that is not the one that was exported."""
        return (entry_from_json(row) for row in self._rows("entries.jsonl"))

    def anchors(self) -> list[Anchor]:
        """The anchors."""
        return [from_json(row) for row in self._rows("anchors.jsonl")]

    def ends(self) -> Iterator[Row]:
        """The recorded ends of chains."""
        for row in self._rows("heads.jsonl"):
            yield {**row, "head": bytes.fromhex(row["head"])}

    def cases(self) -> Iterator[Row]:
        """Cases as they stood."""
        return (_timed(row, "opened_at", "closed_at") for row in self._rows("cases.jsonl"))

    def orders(self) -> Iterator[Row]:
        """Orders as they stood."""
        return (_timed(row, "closed_at") for row in self._rows("orders.jsonl"))

    def _rows(self, name: str) -> Iterator[Row]:
        file = self.folder / name
        try:
            with file.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
            if found != self.manifest.files[name]["sha256"]:
                raise InputError(f"{file}: not the file that was exported (its SHA-256 is {found})")
            with file.open("rb") as opened:
                for line in opened:
                    yield orjson.loads(line)
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: {error}") from error


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry as a line of the export."""
    return {**entry._asdict(), "at": stamp(entry.at), "prev_hash": entry.prev_hash.hex(), "hash": entry.hash.hex()}


def entry_from_json(row: Mapping[str, Any]) -> Entry:
    """The same read back. Raises InputError."""
    try:
        hashes = {key: bytes.fromhex(row[key]) for key in ("prev_hash", "hash")}
        return Entry(**{**row, **hashes, "at": datetime.fromisoformat(row["at"])})
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"this is no entry of a ledger: {error}") from error


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _shown(value) for key, value in row.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, int | str) else str(value)


def _timed(row: Row, *names: str) -> Row:
    return {**row, **{name: datetime.fromisoformat(row[name]) for name in names if row[name]}}
