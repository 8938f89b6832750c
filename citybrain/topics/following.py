"""PURE: what the topic `register` says, put into a register that decoder and engines hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from citybrain.kernel.register import Register
from citybrain.topics.changes import Changed, RulebookText


class Followed(NamedTuple):
    """What was taken over."""

    assets: list[str]
    """ids of the assets that are new or different"""
    rulebook: RulebookText | None = None
    """the rulebook to use from now on, when one was told"""


def follow(register: Register, changes: Iterable[Changed]) -> Followed:
    """Put changes into a register, in their order. The object stays the same."""
    assets: dict[str, None] = {}
    rulebook = None
    for change in changes:
        register.version = max(register.version, change.version)
        if change.asset is not None:
            if register.assets.get(change.asset.id) != change.asset:
                register.assets[change.asset.id] = change.asset
                assets[change.asset.id] = None
        elif change.devices is not None:
            device, bindings = change.devices
            register.devices[device] = list(bindings)
        elif change.rulebook is not None:
            rulebook = change.rulebook
    return Followed(list(assets), rulebook)
