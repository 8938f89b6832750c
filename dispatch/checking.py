"""The audit of a whole ledger: of a database, or of an export of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from citybrain.store import ledger as store
from citybrain.store.db import Tx
from dispatch.anchors import Anchor
from dispatch.audit import Auditor, Fault
from dispatch.bundle import Bundle
from dispatch.ledger import entry_of


class Checked(NamedTuple):
    """What was found. `anchored`: entries that the anchors cover; the rest is as new as the last anchor."""

    cases: int
    entries: int
    anchored: int
    anchors: int
    faults: list[Fault]


def check(tx: Tx, copies: Sequence[Anchor] = ()) -> Checked:
    """Audit the database; `tx` must be fresh. `copies`: anchors that were kept outside."""
    store.still(tx)
    return check_within(tx, copies)


def check_within(tx: Tx, copies: Sequence[Anchor] = ()) -> Checked:
    """Audit the database as a transaction sees it in which nobody else can interfere."""
    anchors = [Anchor(**row) for row in store.anchors(tx)]
    auditor = Auditor(anchors, copies, end=store.anchor_end(tx))
    for row in store.stream(tx):
        auditor.follow(entry_of(row))
    faults = auditor.finish(store.ends(tx), store.case_rows(tx), store.order_rows(tx))
    return Checked(len(auditor.stories), auditor.entries, auditor.anchored, len(anchors), faults)


def check_bundle(bundle: Bundle, copies: Sequence[Anchor] = ()) -> Checked:
    """Audit an export; one of a span has no anchors to compare its entries with."""
    anchors = bundle.anchors()
    auditor = Auditor(anchors, copies, end=bundle.manifest.anchor_end, whole=bundle.manifest.complete)
    for entry in bundle.entries():
        auditor.follow(entry)
    faults = auditor.finish(bundle.ends(), bundle.cases(), bundle.orders())
    return Checked(len(auditor.stories), auditor.entries, auditor.anchored, len(anchors), faults)
