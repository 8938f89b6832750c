"""PURE: which asset a device speaks for, at the time of its reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset, Device
from citybrain.kernel.register import Register
from citybrain.kernel.times import to_ms
from ingest.envelopes import Opened
from ingest.paths import Scope
from ingest.profile import Profile
from ingest.templates import fill
from ingest.topics import valid_id


class Bound(NamedTuple):
    """An asset and the device that speaks for it. The last two are set when the register must learn of them first."""

    asset: Asset
    device: str
    new_asset: Asset | None = None
    new_device: Device | None = None


def spellings(ids: Sequence[str]) -> list[str]:
    """The ids as given, then in small letters: EUIs are written both ways."""
    return list(dict.fromkeys([*ids, *(item.lower() for item in ids)]))


def known_profile(register: Register, ids: Sequence[str], at_ms: int) -> str | None:
    """The profile that the register binds a device to."""
    for name in spellings(ids):
        for device in register.devices.get(name, ()):
            if device.profile and _valid(device, at_ms):
                return device.profile
    return None


def bound_asset(register: Register, ids: Sequence[str], at_ms: int) -> Bound | None:
    """The asset that a device speaks for at a moment.

    None: the register does not know the device. Raises PayloadError unknown_asset when it knows the device, but not for then.
    """
    known = False
    for name in spellings(ids):
        bindings = register.devices.get(name)
        if not bindings:
            continue
        known = True
        for device in reversed(bindings):
            asset = register.assets.get(device.asset)
            if asset is not None and _valid(device, at_ms):
                return Bound(asset, name)
    if known:
        raise PayloadError("unknown_asset", f"device {ids[0]} was bound to no asset of the register at that time")
    return None


def new_binding(register: Register, profile: Profile, opened: Opened, device: str, scope: Scope, auto: bool) -> Bound:
    """The asset of a device that the register does not know: the one its tags name, else the profile's template.

    An asset that the register has is taken; another one is made (provisional) when `auto`. Raises PayloadError.
    """
    name = opened.asset if opened.asset is not None else fill(profile.asset, scope)
    if not valid_id(name):
        raise PayloadError("bad_id", "asset")
    asset = register.assets.get(name)
    if asset is None and not auto:
        raise PayloadError("unknown_asset", f"device {device} is not in the register, nor is an asset {name}")
    binding = Device(device, name, profile.name)
    if asset is not None:
        return Bound(asset, device, None, binding if auto else None)
    lat, lon = opened.position or (None, None)
    asset = Asset(
        name,
        str(profile.kind),
        lat,
        lon,
        model=profile.model,
        interval_s=profile.interval_s,
        name=profile.title,
        provisional=True,
    )
    return Bound(asset, device, asset, binding)


def _valid(device: Device, at_ms: int) -> bool:
    return (device.valid_from is None or to_ms(device.valid_from) <= at_ms) and (
        device.valid_to is None or at_ms < to_ms(device.valid_to)
    )
