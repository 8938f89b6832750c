"""What the processes of one city look up: register, rulebook, time limits, calendars — loaded once, renewed on change."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from citybrain.config import Settings
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.model import Asset, Device
from citybrain.kernel.register import Register
from citybrain.store import register as register_store
from citybrain.store.db import Tx
from dispatch.books import load_books
from dispatch.intake import OpenedOrder, take
from forecast.book import load_book
from rules.load import load as load_rulebook
from rules.reload import reload

log = logging.getLogger(__name__)
RELOAD_S = 1.0
"""how often a process looks whether the register has changed (real seconds): one small query"""


class City:
    """The tables of one city in memory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rulebook = load_rulebook(settings.rulebook)
        self.books = load_books(settings)
        self.forecasts = load_book(settings.forecast)
        self.register = Register()

    @property
    def infos(self) -> Mapping[str, ConditionInfo]:
        """Every condition that dispatch may meet, by its id: those of the rulebook, and those of planned orders."""
        return {**self.rulebook.info, **self.forecasts.infos}

    def load_register(self, tx: Tx) -> None:
        """Read the whole register. The object stays the same: decoder and engines hold it."""
        fresh, register = register_store.load_register(tx), self.register
        register.version, register.assets, register.devices = fresh.version, fresh.assets, fresh.devices
        register.ownerships = fresh.ownerships
        self._replace_rules(fresh)

    def _replace_rules(self, fresh: Register) -> None:
        register = self.register
        register.units, register.responsibilities, register.areas = fresh.units, fresh.responsibilities, fresh.areas

    def refresh_register(self, tx: Tx) -> list[str]:
        """Take over what changed since the last time; ids of the assets that are new or different."""
        register = self.register
        changes = register_store.changed_since(tx, register.version)
        if changes.version == register.version:
            return []
        changed = [asset.id for asset in changes.assets if register.assets.get(asset.id) != asset]
        register.assets.update({asset.id: asset for asset in changes.assets})
        register.devices.update(changes.devices)
        register.ownerships.update(changes.ownerships)
        register.version = changes.version
        if changes.rules is not None:
            self._replace_rules(changes.rules)
        log.info("register version %d: %d assets changed", changes.version, len(changed))
        return changed

    def reload_rulebook(self) -> bool:
        """Read the rulebook again; True when another one judges from now on. Faults are logged, and change nothing."""
        found = reload(self.rulebook, self.settings.rulebook)
        for fault in found.faults:
            log.error("rulebook not taken over: %s", fault)
        log.info("rulebook %s: %d conditions changed", found.outcome, len(found.changed))
        changed, self.rulebook = found.rulebook is not self.rulebook, found.rulebook
        return changed

    def grow(self, assets: Sequence[Asset], devices: Sequence[Device]) -> None:
        """Assets and devices that made themselves known by a message."""
        for asset in assets:
            self.register.assets.setdefault(asset.id, asset)
        for device in devices:
            self.register.devices.setdefault(device.id, []).append(device)

    def dispatch(
        self, tx: Tx, events: Sequence[AlertEvent], now: datetime, traces: Mapping[str, str] | None = None
    ) -> list[OpenedOrder]:
        """Alerts to cases and orders, in the caller's transaction. `traces`: alert -> trace id of the message behind it."""
        if not events:
            return []
        work = partial(take, infos=self.infos, register=self.register, books=self.books)
        return work(tx, events, now=now, traces=traces)
