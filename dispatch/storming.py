"""Storms as one batch of alerts sees them: which are on, how much the crews of each district have before them.

A storm begins with the very alert that is one too many: what floods in one second is grouped in that second. What stood open
before, and the end of a storm, are the cycle's (`dispatch.cycle.storm`).
"""

from __future__ import annotations

import logging
from datetime import datetime

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset
from citybrain.store import storms, timers
from citybrain.store.db import Tx
from dispatch.board import Board
from dispatch.cases import Action, Placement
from dispatch.opening import Lookups
from dispatch.storm import CAUSE, Step, decide
from dispatch.together import Together

log = logging.getLogger(__name__)
STORM = "storm"
"""The reason of its placements."""


class Storming:
    """Asked for each alert of a batch. The database is asked once, when the first alert comes that storms concern."""

    def __init__(self, tx: Tx, look: Lookups, now: datetime) -> None:
        self._tx, self._look, self._now = tx, look, now
        self._on: set[str] = set()
        self._open: dict[str, int] = {}
        self._asked = False
        self._more: dict[str, int] = {}

    def opened(self, asset: Asset) -> None:
        """An order was opened in this batch."""
        if asset.district:
            self._more[asset.district] = self._more.get(asset.district, 0) + 1

    def placement(self, asset: Asset, info: ConditionInfo, found: Placement, board: Board) -> Placement:
        """The same placement, or under the case of its catchment while there is a storm."""
        rules = self._look.books.storm
        if found.action is not Action.OPEN or info.filing is None or not rules.concerns(asset.kind, info.cause):
            return found
        if not asset.catchment or not asset.district or not self._storm(asset.district):
            return found
        case = board.at(asset.catchment, CAUSE)
        if case is not None:
            # in a catchment that has a case each further drain is one more of the crews' before they are asked again
            self.opened(asset)
            return Placement(Action.CHILD, STORM, case.id, case.asset)
        return Placement(Action.GROUP, STORM, None, asset.catchment, found.takes)

    def _storm(self, district: str) -> bool:
        self._ask()
        if district in self._on:
            return True
        rules, cases = self._look.books.storm, self._open.get(district, 0) + self._more.get(district, 0) + 1
        verdict = decide(rules, district, cases, storm=False, calm_since=None, now=self._now)
        if verdict.step is not Step.BEGIN:
            return False
        self._on.add(district)
        if storms.begin(
            self._tx, district, at=self._now, cases=cases, capacity=rules.capacity(district), reason=verdict.reason
        ):
            timers.bring_forward(self._tx, "storm", self._now)
            log.warning(
                "storm mode in district %s: %d open cases, its crews can have %g", district, cases, rules.capacity(district)
            )
        return True

    def _ask(self) -> None:
        if not self._asked:
            self._on, self._open = set(storms.on(self._tx)), storms.open_load(self._tx, CAUSE)
            self._asked = True


def together(filing: str) -> Together:
    """What the drains of a catchment are together in a storm."""
    return Together(
        name="storm", group_by="catchment", wait_s=0, interval_s=300, count=None, share=None, within_s=None, at_once=True,
        cause=CAUSE, filing=filing,
    )  # fmt: skip
