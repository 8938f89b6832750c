"""PURE. How a case that a silence hides is told from others that wait: by the beginning of its group key."""

from __future__ import annotations

from typing import Final

SILENCED: Final = "silenced"
"""Also the reason of its placement."""


def hidden_key(key: str | None) -> str:
    """The group key of a case that a silence hides: siblings do not count it, and its own can be told from it."""
    return f"{SILENCED}|{key or ''}"


def shown_key(key: str | None) -> str | None:
    """The group key that a case has when it is not hidden any more."""
    return (key or "").removeprefix(f"{SILENCED}|") or None


def is_hidden(key: str | None) -> bool:
    """Does a silence hide the case with this group key?"""
    return (key or "").startswith(f"{SILENCED}|")
