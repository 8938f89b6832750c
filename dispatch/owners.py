"""PURE. Assets that nobody owns: they fall to a guardian of last resort, or to nobody. Published, so that it is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Register
from dispatch.responsibility import OWNED, find_unit, place_of

LEVELS = ("own", "contract", "area", "guardian", "unassigned")
"""How a unit is found, in the order of trying."""


class Unowned(NamedTuple):
    """An asset that no ownership, contract or area names a unit for. `level`: guardian or unassigned."""

    asset: str
    kind: str
    district: str | None
    level: str
    unit: str
    reason: str


class Survey:
    """The unit of every asset of a register at one moment, piece by piece: a register of a city takes a second.

    Assets that are alike for every rule are asked about once.
    """

    def __init__(self, register: Register, now: datetime) -> None:
        self.version, self.at, self._register = register.version, now, register
        self._left: Iterator[Asset] = iter(list(register.assets.values()))
        self._known: dict[object, tuple[str, Unit, str]] = {}
        rules = register.responsibilities
        self._asked = {
            "feeder": {rule.feeder for rule in rules},
            "cabinet": {rule.cabinet for rule in rules},
            "contract": {rule.contract for rule in rules},
            "area": {rule.area for rule in rules} | {area for unit in register.units.values() for area in unit.guardian_of},
        }
        """what any rule asks for: assets that differ in the rest only are alike"""
        self.levels: Counter[str] = Counter()
        """level -> assets, of those that were looked at"""
        self.unowned: list[Unowned] = []
        self.done = False

    def step(self, most: int) -> bool:
        """Look at so many more assets; True when that were all."""
        for _ in range(most):
            asset = next(self._left, None)
            if asset is None:
                self.done = True
                break
            level, unit, reason = self._found(asset)
            self.levels[level] += 1
            if level not in OWNED:
                district = place_of(asset, self._register).district
                self.unowned.append(Unowned(asset.id, asset.kind, district, level, unit.id, reason))
        return self.done

    def _found(self, asset: Asset) -> tuple[str, Unit, str]:
        # who is owned by name is alike nobody; of the others position counts only where they name no place
        if asset.unit or asset.id in self._register.ownerships:
            key: object = asset.id
        else:
            asked, place = self._asked, place_of(asset, self._register)
            contract = asset.attributes.get("contract")
            key = (
                asset.kind,
                asset.feeder if asset.feeder in asked["feeder"] else "",
                asset.cabinet if asset.cabinet in asked["cabinet"] else "",
                contract if contract in asked["contract"] else "",
                *(area if area in asked["area"] else "" for area in place),
            )
        found = self._known.get(key)
        if found is None:
            answer = find_unit(asset, None, self._register, self.at)
            found = (answer.level, answer.unit, answer.trail[-1].reason)
            if key != asset.id:
                self._known[key] = found
        return found


def unowned(register: Register, now: datetime) -> Iterable[Unowned]:
    """Every asset of a register that nobody owns at a moment, by id."""
    survey = Survey(register, now)
    survey.step(len(register.assets) + 1)
    return sorted(survey.unowned)
