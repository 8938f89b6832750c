"""PURE. Whether the test message has fallen silent, and what is said about that. All times are machine time.

A test message goes from a device to a notice all day (`citybrain.kernel.canary`). Dispatch makes a test order of it and has a
test notice sent. When none has come for a while, somebody is told: once when it falls silent, and once when it is back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from citybrain.config import Settings
from citybrain.kernel import contacts
from citybrain.kernel.errors import ConfigError
from citybrain.kernel.ids import derived_id
from dispatch.notices import channel_of

TEST, SILENT, BACK = "canary", "canary_silent", "canary_back"
"""Purposes of the notices: of the test itself, and of who watches it."""
TEST_TARGET = "log:canary"
TEST_NOTICE = derived_id("notice", TEST)
"""One row of the outbox that is sent again and again, so that neither table nor figures grow."""
STAGE = "notice"
"""The last stage that a test message passes."""
_OFF_LOOK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """How the test message is watched. `every_s` 0: there is none, and nobody watches."""

    every_s: float = 0.0
    missed: int = 6
    contacts: tuple[str, ...] = ()

    @property
    def patience(self) -> timedelta:
        """So long without a test message is a standstill."""
        return timedelta(seconds=self.every_s * self.missed)


def watch_plan(settings: Settings) -> WatchPlan:
    """The plan of the settings. Raises ConfigError for a contact that no channel can reach."""
    for fault in check_watch(settings):
        raise fault
    return WatchPlan(settings.canary_s, settings.canary_missed, tuple(settings.watch_contacts))


def check_watch(settings: Settings) -> list[ConfigError]:
    """What is wrong with the watch contacts of the settings."""
    return [
        ConfigError(f"{contacts.quoted(contact)}: {wrong}", key="watch_contacts")
        for contact in settings.watch_contacts
        if (wrong := contacts.fault(contact))
    ]


class Watched(NamedTuple):
    """How the watch stands, as it is kept."""

    came_at: datetime | None
    watch_since: datetime
    looked_at: datetime
    silent_at: datetime | None


class Finding(NamedTuple):
    """What a look found. `action`: off, flies, fell_silent, still_silent or back; `since`: from when on none came."""

    action: str
    since: datetime
    watch_since: datetime
    silent_at: datetime | None
    next_look: datetime


def look(state: Watched | None, plan: WatchPlan, now: datetime) -> Finding:
    """Look at the test message now. Silence counts from the newest that came, or from when somebody began to watch: a city
    that was switched off over night, or whose clock was set, is not paged about that."""
    if plan.every_s <= 0:
        return Finding("off", now, now, None, now + _OFF_LOOK)
    next_look = now + timedelta(seconds=min(plan.every_s / 2, 5.0))
    if state is None:
        return Finding("flies", now, now, None, next_look)
    unwatched = now - state.looked_at > max(plan.patience, 2 * _OFF_LOOK) or state.looked_at > now
    watch_since = now if unwatched else min(state.watch_since, now)
    last = max(watch_since, state.came_at) if state.came_at is not None else watch_since
    if state.silent_at is not None:
        back = state.came_at is not None and state.came_at > state.silent_at
        if back:
            return Finding("back", state.silent_at - plan.patience, watch_since, None, next_look)
        return Finding("still_silent", last, watch_since, state.silent_at, next_look)
    if now - last > plan.patience:
        return Finding("fell_silent", last, watch_since, now, next_look)
    return Finding("flies", last, watch_since, None, next_look)


def test_notice(sent_ms: int, now: datetime) -> dict[str, Any]:
    """The notice of a test order. `sent_ms`: when its message was sent (machine ms); `now` is city time."""
    return _row(TEST_NOTICE, TEST, TEST_TARGET, {"sent_ms": sent_ms}, now)


def notices(purpose: str, plan: WatchPlan, since: datetime, silent_at: datetime, now: datetime) -> list[dict[str, Any]]:
    """What the watch contacts are told. `silent_at` tells silences apart; `now` is city time."""
    body, found = {"since": since.isoformat()}, []
    for target in dict.fromkeys(plan.contacts):
        row = _row(derived_id("notice", purpose, target, silent_at.isoformat()), purpose, target, body, now)
        # it passes quiet hours
        found.append({**row, "severity": "critical"})
    return found


def _row(id: str, purpose: str, target: str, body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    unit = {"unit": "", "unit_name": "", "unit_name_zh": "", "timezone": "UTC", "reason": ""}
    return {
        "id": id, "channel": channel_of(target), "target": target, "purpose": purpose, "order_id": None, "order_state": None,
        "body": {**unit, **body}, "created_at": now,
    }  # fmt: skip
