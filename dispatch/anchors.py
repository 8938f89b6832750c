"""PURE. The daily anchor: one hash over all entries written since the anchor before.

A copy of it kept outside of the database proves later that nothing before it was rewritten, by whoever. The tree is that of
RFC 6962: leaf = SHA-256(0x00 · seq as 8 bytes · hash of the entry), node = SHA-256(0x01 · left · right).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from citybrain.kernel.errors import InputError
from dispatch.chain import GENESIS, stamp

EMPTY = hashlib.sha256(b"").digest()
"""Root of a tree without leaves."""


class Anchor(NamedTuple):
    """The entries with `from_seq` < seq <= `to_seq` were these."""

    day: date
    """the day (UTC, city time) that had ended"""
    from_seq: int
    to_seq: int
    entries: int
    root: bytes
    made_at: datetime
    prev_hash: bytes
    """hash of the anchor before; GENESIS for the first"""
    hash: bytes


class Tree:
    """A Merkle tree that grows leaf by leaf; it holds as many hashes as the number of its leaves has bits."""

    __slots__ = ("_peaks", "leaves")

    def __init__(self) -> None:
        self.leaves = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, seq: int, entry: bytes) -> None:
        """The next entry, by its number and hash."""
        size, top = 1, hashlib.sha256(b"\0" + seq.to_bytes(8, "big", signed=True) + entry).digest()
        while self._peaks and self._peaks[-1][0] == size:
            top = _node(self._peaks.pop()[1], top)
            size *= 2
        self._peaks.append((size, top))
        self.leaves += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._peaks:
            return EMPTY
        top = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            top = _node(peak, top)
        return top


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def sealed(anchor: Anchor) -> bytes:
    """The hash that an anchor must have."""
    body = [anchor.day.isoformat(), anchor.from_seq, anchor.to_seq, anchor.entries, anchor.root.hex(), stamp(anchor.made_at)]
    return hashlib.sha256(anchor.prev_hash + json.dumps(body, separators=(",", ":")).encode()).digest()


def made(before: Anchor | None, day: date, to_seq: int, tree: Tree, made_at: datetime) -> Anchor:
    """The anchor of a day that follows another one."""
    prev, from_seq = (before.hash, before.to_seq) if before else (GENESIS, 0)
    raw = Anchor(day, from_seq, to_seq, tree.leaves, tree.root(), made_at, prev, b"")
    return raw._replace(hash=sealed(raw))


def to_json(anchor: Anchor) -> dict[str, Any]:
    """An anchor as it is printed and exported."""
    return {
        **anchor._asdict(), "day": anchor.day.isoformat(), "made_at": stamp(anchor.made_at), "root": anchor.root.hex(),
        "prev_hash": anchor.prev_hash.hex(), "hash": anchor.hash.hex(),
    }  # fmt: skip


def from_json(row: Mapping[str, Any]) -> Anchor:
    """The same read back. Raises InputError."""
    try:
        return Anchor(
            date.fromisoformat(row["day"]), int(row["from_seq"]), int(row["to_seq"]), int(row["entries"]),
            bytes.fromhex(row["root"]), datetime.fromisoformat(row["made_at"]), bytes.fromhex(row["prev_hash"]),
            bytes.fromhex(row["hash"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"this is no anchor of a ledger: {error}") from error


def chain_faults(
    anchors: Iterable[Anchor], copies: Iterable[Anchor] = (), end: tuple[int, bytes] | None = None
) -> list[tuple[date | None, str, str]]:
    """What is wrong with anchors in order of their days: (day, reason, detail). `copies` were kept outside; `end` is the
    recorded end of their chain: how many, and the hash of the newest.

    anchor_changed: its own hash is not that of what it says; anchor_missing: it does not follow the one before it;
    anchor_differs: a copy says something else.
    """
    found: list[tuple[date | None, str, str]] = []
    known: dict[date, bytes] = {}
    prev, seq = GENESIS, 0
    for anchor in anchors:
        known[anchor.day] = anchor.hash
        if sealed(anchor) != anchor.hash:
            found.append((anchor.day, "anchor_changed", "the anchor was changed after it had been made"))
        if (anchor.prev_hash, anchor.from_seq) != (prev, seq):
            found.append((anchor.day, "anchor_missing", "the anchor does not follow the one before it"))
        prev, seq = anchor.hash, anchor.to_seq
    if (len(known), prev) != (end or (0, GENESIS)):
        found.append((None, "anchor_missing", "the chain of anchors does not end where it was recorded to end"))
    for copy in copies:
        if copy.day not in known:
            found.append((copy.day, "anchor_differs", "the copy has an anchor that is not in the ledger"))
        elif copy.hash != known[copy.day] or sealed(copy) != copy.hash:
            found.append((copy.day, "anchor_differs", "the copy says something else than the ledger"))
    return found
