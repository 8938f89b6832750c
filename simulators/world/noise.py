"""Noise without a generator: a hash of (asset, moment). A fault on one asset thus changes no number of another, and the
output does not depend on how the calls to `advance` are cut."""

from __future__ import annotations

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): 64 bits that look random, from 64 bits that do not."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def static(seed: int, index: int) -> int:
    """The 64 bits that an asset is born with."""
    return mix((seed * GOLDEN + index * 0xD1B54A32D192ED03 + 0x2545F4914F6CDD1D) & MASK)


def at(static_bits: int, t_ms: int) -> int:
    """The 64 bits of an asset at a moment."""
    return mix((static_bits ^ (t_ms * GOLDEN)) & MASK)


def unit(bits: int, lane: int) -> float:
    """Lane 0..7 of some bits as a number in [0, 1] (8 bits: for shapes and sizes)."""
    return ((bits >> (8 * lane)) & 0xFF) / 255.0


def spread(bits: int, lane: int) -> float:
    """Lane 0..3 of some bits as a number in [-1, 1) (16 bits: for noise of readings)."""
    return ((bits >> (16 * lane)) & 0xFFFF) / 32768.0 - 1.0


def text_bits(*parts: str | int) -> int:
    """64 bits of some names (FNV-1a, then mixed), the same in every process."""
    x = 0xCBF29CE484222325
    for byte in "\x1f".join(str(part) for part in parts).encode():
        x = ((x ^ byte) * 0x100000001B3) & MASK
    return mix(x)
