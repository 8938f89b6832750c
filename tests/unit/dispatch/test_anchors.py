"""Anchors: the tree is that of RFC 6962, and nothing about an anchor can be changed unseen."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest

from citybrain.kernel.errors import InputError
from dispatch.anchors import EMPTY, Anchor, Tree, chain_faults, from_json, made, to_json
from tests.dispatch_kit import NOON

ENTRIES = [(seq, hashlib.sha256(bytes([seq])).digest()) for seq in range(1, 41)]


def by_the_book(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, as slow as it is written there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + by_the_book(leaves[:split]) + by_the_book(leaves[split:])).digest()


@pytest.mark.parametrize("n", range(41))
def test_the_root_is_that_of_the_book(n: int) -> None:
    tree = Tree()
    for seq, entry in ENTRIES[:n]:
        tree.add(seq, entry)
    leaves = [hashlib.sha256(b"\0" + seq.to_bytes(8, "big") + entry).digest() for seq, entry in ENTRIES[:n]]
    assert tree.root() == by_the_book(leaves)
    assert tree.leaves == n
    assert Tree().root() == EMPTY


def anchors() -> list[Anchor]:
    found: list[Anchor] = []
    for n in range(3):
        tree = Tree()
        for seq, entry in ENTRIES[n * 10 : n * 10 + 10]:
            tree.add(seq, entry)
        day = date(2026, 6, 12) + timedelta(days=n)
        found.append(made(found[-1] if found else None, day, n * 10 + 10, tree, NOON + timedelta(days=n + 1)))
    return found


def test_anchors_follow_each_other() -> None:
    found = anchors()
    assert chain_faults(found, found, (3, found[-1].hash)) == []
    assert [(one.from_seq, one.to_seq, one.entries) for one in found] == [(0, 10, 10), (10, 20, 10), (20, 30, 10)]
    assert [from_json(to_json(one)) for one in found] == found
    with pytest.raises(InputError, match="no anchor"):
        from_json({"day": "2026-06-12"})


def test_harm_to_anchors_shows() -> None:
    found = anchors()
    end = (3, found[-1].hash)
    changed = [found[0], found[1]._replace(entries=9), found[2]]
    assert [reason for _, reason, _ in chain_faults(changed, (), end)] == ["anchor_changed"]
    assert {reason for _, reason, _ in chain_faults([found[0], found[2]], (), end)} == {"anchor_missing"}
    assert {reason for _, reason, _ in chain_faults(found[:2], (), end)} == {"anchor_missing"}
    assert {reason for _, reason, _ in chain_faults([], (), end)} == {"anchor_missing"}
    assert {reason for _, reason, _ in chain_faults(found, (), None)} == {"anchor_missing"}
    other = made(None, found[0].day, 10, Tree(), NOON)
    assert [reason for _, reason, _ in chain_faults(found, [other], end)] == ["anchor_differs"]
    later = made(found[-1], date(2026, 7, 1), 99, Tree(), NOON)
    assert [reason for _, reason, _ in chain_faults(found, [later], end)] == ["anchor_differs"]
