"""PURE. Why people cancel an order: the closed set of codes. Nobody resolves by hand what still fires; it is silenced for a
while, or cancelled with one of these, so that every order ends with a word that can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from citybrain.kernel.errors import InputError

CODES: Mapping[str, str] = MappingProxyType(
    {
        "false_alarm": "there is no fault; the sensor or the rule is wrong",
        "duplicate": "another order is about the same fault",
        "not_ours": "nobody of this city repairs it",
        "known_works": "somebody works there, and nobody had said so",
        "test": "it was made to try something",
        "obsolete": "the asset is gone, or is about to be replaced",
        "other": "none of these; the words say what",
    }
)
"""The closed set. Texts for people: `orders.reason_…`."""

OTHER = "other"


def code_of(code: str, words: str) -> tuple[str, str]:
    """The code of a cancellation and its words.

    Without a code the words may be one (`--reason false_alarm`) or begin with one (`false_alarm: cobweb`); else it is `other`,
    whose words say what. Raises InputError.
    """
    head, colon, rest = words.partition(":")
    given = code or (head if head in CODES and (colon or not rest) else OTHER)
    if given not in CODES:
        raise InputError(f"code {given!r}: one of {', '.join(CODES)}")
    said = rest.strip() if not code and given != OTHER and colon else "" if words == given else words
    if given == OTHER and not said:
        raise InputError("reason: cancel needs one, such as 'belongs to the water company'")
    return given, said


def reason_of(code: str, words: str) -> str:
    """What stands as the reason of the order: the code, or the words where no code says it."""
    return words if code == OTHER else code
