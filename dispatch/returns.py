"""PURE. Why a unit gives an order back: the closed set of codes, and what each means for who gets it next."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from citybrain.kernel.errors import InputError, StateError

MAX_RETURNS = 2
"""What is given back a second time goes to arbitration; a third return would only carry the order round in circles."""


class Code(NamedTuple):
    """A reason for a return. `disputes`: the unit says that it is not responsible, so another one is looked for at once; else
    it is hindered, and a dispatcher has a short time to help before the order goes back to the same unit."""

    disputes: bool
    meaning: str


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "not_ours": Code(True, "the asset, the street or the kind of work is not the unit's"),
        "wrong_place": Code(True, "the fault is somewhere else than the order says"),
        "other": Code(True, "none of these; the words say what"),
        "cannot_reach": Code(False, "no access: locked, parked over, flooded, fenced in"),
        "needs_parts": Code(False, "parts, machines or another trade are needed first"),
        "unsafe": Code(False, "the place is not safe for the crew: gas, live wires, traffic"),
        "duplicate": Code(False, "another order is about the same fault"),
        "already_done": Code(False, "nothing is to be seen of it"),
    }
)
"""The closed set. Texts for people: `returns.code_…`."""

MISDIRECTED = ("not_ours", "wrong_place")
"""Codes that say that the order went to the wrong unit: what first-dispatch accuracy counts, and register proposals are of."""


class ReturnsExhausted(StateError):
    """An order that was returned so often that it stays where it is."""

    def __init__(self, state: str, returns: int) -> None:
        super().__init__("order", state, "return")
        self.args = (f"order: returned {returns} times already; it stays here: fix it, or cancel it with a reason",)


def code_of(code: str, words: str) -> tuple[str, str]:
    """The code of a return and its words.

    Without a code the words may be one (`--reason not_ours`); else it is `other`, whose words say what. Raises InputError.
    """
    given = code or (words if words in CODES else "other")
    if given not in CODES:
        raise InputError(f"code {given!r}: one of {', '.join(CODES)}")
    said = "" if words == given else words
    if given == "other" and not said:
        raise InputError("reason: return needs one, such as 'belongs to the water company'")
    return given, said
