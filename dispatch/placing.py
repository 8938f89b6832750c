"""New alerts go to their cases: each decision of `dispatch.cases` is drafted, the next sees it, all are written together."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import derived_id
from citybrain.kernel.model import Asset
from citybrain.kernel.times import from_ms
from citybrain.store import alerts, cases, orders, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, quiet
from dispatch.board import Board, OpenCase
from dispatch.cases import TOLD_LATE, TOLD_LATE_REASON, TOLD_LATE_WAIT, Action, Placement, gravest, if_told_late, place
from dispatch.causes import cause_of, group_key, parent_of, parents
from dispatch.clocking import tighten
from dispatch.drafting import Draft
from dispatch.grouping import adopt, bring_up_to_date
from dispatch.hiding import SILENCED, hidden_key
from dispatch.opening import Lookups, OpenedOrder
from dispatch.people.escalation import REVIEW
from dispatch.silences import OPENING_APPROVED, Quiet, Silence, if_silenced
from dispatch.storming import STORM, Storming
from dispatch.storming import together as storm_together

log = logging.getLogger(__name__)


class Placing:
    """The placing of one batch. The caller holds the cases on the board and the openings of new ones."""

    def __init__(
        self, tx: Tx, look: Lookups, board: Board, open_orders: dict[str, Row], home: dict[str, str], now: datetime,
        traces: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.tx, self.look, self.board, self.now, self._traces = tx, look, board, now, traces or {}
        self.orders = open_orders
        """case -> its open order"""
        self.home = home
        """alert -> its open case"""
        self._draft = Draft()
        self._storming = Storming(tx, look, now)
        self._fresh: set[str] = set()
        self._assigned: dict[str, str] = {}
        self._takes: dict[str, tuple[str, list[str]]] = {}
        self._given_up: set[tuple[str, str]] = set()
        """asset and cause of cases that are taken up by another one, and stand open in the database until `apply`"""
        self._grown: set[str] = set()
        self._notes: list[tuple[str, str, str]] = []
        self._quiet: Quiet | None = None
        self._hidden: list[tuple[str, str, Silence]] = []
        self._heard: set[str] = set()
        """cases that an alert joined that no silence covers"""

    @property
    def opened(self) -> list[OpenedOrder]:
        """The orders opened so far."""
        return self._draft.opened

    def place(self, event: AlertEvent) -> None:
        """Decide where an alert goes."""
        if event.id in self.home:
            return
        info = self.look.info(event.condition, event.kind, event.severity)
        asset = self.look.asset(event.asset, event.kind)
        raised_at = from_ms(event.at_ms)
        found = if_told_late(place(asset, info, self.board, self.look.around, raised_at), info, raised_at, self.now)
        if self._mute(asset, info, event.severity) is None:
            found = self._storming.placement(asset, info, found, self.board)
        self.put(event.id, event.severity, str(event.at_ms), info, asset, found, raised_at)

    def put(
        self, alert: str, severity: str, turn: str, info: ConditionInfo, asset: Asset, found: Placement,
        raised_at: datetime | None = None,
    ) -> None:  # fmt: skip
        """Do what was decided, unless it is silenced. `turn` tells the cases apart that an alert may open in its life; no
        `raised_at`: live."""
        mute = self._mute(asset, info, severity)
        found = if_silenced(found, info, mute)
        if found.action is Action.JOIN:
            late = raised_at is not None and self.now - raised_at > TOLD_LATE
            case = self.board.cases[found.case_id or ""]
            self._join(alert, severity, info, asset, case, told_late=late, mute=mute)
        elif found.action is Action.CHILD:
            self._assign(alert, found.case_id or "")
            self._grown.add(found.case_id or "")
            self._notes.append((alert, found.reason, found.case_id or ""))
            self._take_up(found.case_id or "", found)
        else:
            self._open(alert, severity, turn, info, asset, found, mute, raised_at)
        trace = {"trace": self._traces.get(alert, "")}
        log.info("%s on %s: %s (%s)", info.id, asset.id, found.action, found.reason, extra=trace)

    def _assign(self, alert: str, case_id: str) -> None:
        self.home[alert] = self._assigned[alert] = case_id

    def _mute(self, asset: Asset, info: ConditionInfo, severity: str) -> Silence | None:
        """The silence over an alert; which ones are in force is read once a batch."""
        if self._quiet is None:
            self._quiet = quiet.in_force(self.tx, self.now)
        return self._quiet.of_alert(asset, info, severity)

    def _open(
        self, alert: str, severity: str, turn: str, info: ConditionInfo, asset: Asset, found: Placement, mute: Silence | None,
        raised_at: datetime | None,
    ) -> None:  # fmt: skip
        if (asset.id, cause_of(info, asset)) in self._given_up:
            # a lamp's waiting case went to its cabinet a moment ago: it must be closed before the lamp can have another one
            self.apply()
        case = OpenCase(
            id=derived_id("case", alert, turn),
            asset=asset.id,
            kind=asset.kind,
            cause=cause_of(info, asset),
            condition=info.id,
            state="open",
            severity=severity,
            filing=info.filing,
            raised_at=raised_at or self.now,
            lat=asset.lat,
            lon=asset.lon,
        )
        together = self.look.around.together(info, asset)
        if found.reason == STORM:
            together = storm_together(self.look.books.storm.filing)
        if found.action is Action.GATHER:
            alone = together is None or found.reason == TOLD_LATE_REASON
            key = None if alone or together is None else group_key(together, asset)
            case = case._replace(state="gathering", group_key=key, parents=parents(asset, self.look.around))
            if found.reason == SILENCED and mute is not None:
                case = self._hide(case, alert, mute)
            else:
                wait = TOLD_LATE_WAIT if alone or together is None else timedelta(seconds=together.wait_s)
                self._draft.timer(case.id, "gathering", self.now + wait)
            self._draft.case(case, opened_at=self.now, reason=found.reason, district=asset.district)
        elif found.action is Action.GROUP and together is not None:
            asset = parent_of(asset, together.group_by, self.look.register.assets)
            case = case._replace(
                id=derived_id("group", alert, turn),
                asset=asset.id,
                kind=asset.kind,
                cause=together.cause,
                filing=together.filing,
                lat=asset.lat,
                lon=asset.lon,
            )
            over = self._mute(asset, info, severity)
            if over is not None:
                case = self._hide(case, alert, over)
            self._draft.case(case, opened_at=self.now, reason=found.reason, district=asset.district)
            self._notes.append((alert, found.reason, case.id))
        else:
            if found.reason == OPENING_APPROVED and mute is not None:
                case = case._replace(filing=None)
                self._cover(case, alert, mute)
            self._draft.case(case, opened_at=self.now, reason=found.reason, district=asset.district)
        self._fresh.add(case.id)
        self.board.put(case)
        self._assign(alert, case.id)
        if case.state == "open" and case.filing is not None:
            self._order(case, asset, case.filing, alert, found.reason)
        self._take_up(case.id, found)
        if found.takes or found.action is Action.GROUP:
            self._grown.add(case.id)

    def _take_up(self, case_id: str, found: Placement) -> None:
        if not found.takes:
            return
        self._takes.setdefault(case_id, (found.reason, []))[1].extend(found.takes)
        for taken in found.takes:
            self._given_up.add((self.board.cases[taken].asset, self.board.cases[taken].cause))
            self.board.drop(taken)

    def _hide(self, case: OpenCase, alert: str, mute: Silence) -> OpenCase:
        """A new case that waits for the end of a silence."""
        case = case._replace(state="gathering", group_key=hidden_key(case.group_key))
        self._cover(case, alert, mute)
        return case

    def _cover(self, case: OpenCase, alert: str, mute: Silence) -> None:
        """A case without an order is looked at again when a silence ends."""
        self._draft.timer(case.id, quiet.timer_of(case.state, mute), quiet.until(mute, self.now))
        self._hidden.append((alert, case.id, mute))

    def go_out(self, case: OpenCase, asset: Asset, info: ConditionInfo, alert: str, reason: str) -> None:
        """A case that waited, or was for information, gets its order now."""
        cases.open_(self.tx, case.id, filing_item=info.filing, condition=info.id)
        timers.drop(self.tx, [case.id], ["gathering"])
        facts = {"condition": info.id, "severity": case.severity, "filing_item": info.filing}
        ledger.sent_out(self.tx, case.id, at=self.now, actor="dispatch", reason=reason, facts=facts)
        opened = case._replace(state="open", filing=info.filing, condition=info.id, group_key=None, parents=())
        self.board.put(opened)
        if info.filing is not None:
            self._order(opened, asset, info.filing, alert, reason)

    def _order(self, case: OpenCase, asset: Asset, filing: str, alert: str, reason: str) -> None:
        trace = self._traces.get(alert, "")
        self._draft.order(self.look, case, asset, filing, alert_id=alert, reason=reason, now=self.now, trace=trace)
        self._storming.opened(asset)

    def _join(
        self, alert: str, severity: str, info: ConditionInfo, asset: Asset, case: OpenCase, *, told_late: bool = False,
        mute: Silence | None = None,
    ) -> None:  # fmt: skip
        self._assign(alert, case.id)
        worst = gravest(case.severity, severity)
        waiting = case.state == "gathering"
        promoted = (
            info.filing is not None
            and (case.filing is None or (waiting and self.look.around.waits(info, asset) is None))
            and not (waiting and told_late)
        )
        if promoted and mute is not None:
            promoted = False
            if not waiting:
                self._cover(case, alert, mute)
        elif mute is None:
            self._heard.add(case.id)
        shorter = info.filing not in {None, case.filing}
        if case.id in self._fresh and (worst != case.severity or promoted or shorter):
            # the case is of this very batch: write it, so that it can be changed
            self._draft.flush(self.tx)
            self.orders |= orders.open_of(self.tx, [case.id])
        graver = worst != case.severity
        if graver:
            case = case._replace(severity=worst)
            cases.raise_severity(self.tx, case.id, worst)
            facts = {"severity": worst, "condition": info.id}
            reason = "graver_condition_joined"
            ledger.note(self.tx, case.id, "raised", at=self.now, actor="dispatch", reason=reason, facts=facts)
        if promoted:
            # the first alert was for information, or waited; this one is work now
            self.go_out(case, asset, info, alert, "graver_condition_joined")
            return
        self.board.put(case)
        order = self.orders.get(case.id)
        if order is not None and graver and self.look.people.policies:
            timers.set_many(self.tx, case.id, {REVIEW: self.now})
        if order is not None and (shorter or graver):
            # the worse fault has the shorter limits: they count from now, where they end earlier than what was left
            filing = (info.filing if shorter else None) or order["filing_item"]
            at = self.look.asset(case.asset, case.kind).street_class
            tighten(self.tx, self.look, order, filing, severity=case.severity, street=at, now=self.now)

    def _account(self) -> None:
        """A group that is new is told as it is; one that grew when its time has come (`group_interval`)."""
        grown = [self.board.cases[one] for one in sorted(self._grown) if one in self.board.cases]
        new = [case for case in grown if case.id in self._fresh]
        members = alerts.of_cases(self.tx, [case.id for case in new])
        for case in new:
            bring_up_to_date(self.tx, self.look.around, case.id, case.asset, case.cause, members[case.id], now=self.now)
        for case in grown:
            if case.id not in self._fresh:
                wait = timedelta(seconds=self.look.around.grouping.interval_s(case.cause))
                timers.sooner(self.tx, case.id, "grow", self.now + wait)

    def apply(self) -> None:
        """Write what was decided since the last time."""
        self._draft.flush(self.tx)
        alerts.assign(self.tx, self._assigned)
        for parent, (reason, taken) in self._takes.items():
            adopt(self.tx, parent, taken, now=self.now, reason=reason)
        alerts.note(self.tx, self.now, "grouped", self._notes)
        cases.count_children(self.tx, self._grown)
        self._account()
        quiet.note_hidden(self.tx, self._hidden, self.now)
        quiet.look_again(self.tx, self._heard, self.now)
        self._hidden, self._heard = [], set()
        self._assigned, self._takes, self._given_up, self._grown, self._notes = {}, {}, set(), set(), []
