"""PURE. Matchers in the syntax of Alertmanager: `cause="lamp_dark"`, `district!=d1`, `feeder=~"F-(1|2)"`, `model!~"X.*"`.

The value may stand in double quotes (with the escapes \\" \\\\ and \\n) or plain. A regular expression must match the whole
value. A label that is not there is the empty word, so `unit=""` matches what has no unit and `unit!="x"` matches it as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from citybrain.kernel.errors import InputError

OPERATORS: Final = ("=~", "!~", "!=", "=")
"""Longest first: `=` would also match the beginning of `=~`."""

LABELS: Final = (
    "asset",
    "kind",
    "condition",
    "cause",
    "severity",
    "district",
    "cell",
    "feeder",
    "cabinet",
    "gateway",
    "street_class",
    "unit",
    "model",
    "catchment",
)
"""The labels of an alert; every attribute of its asset is one more, as `attr_NAME`."""
ATTRIBUTE: Final = "attr_"

_HEAD = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*')
_PLAIN = re.compile(r'[^\s"{},]+(?:[ \t]+[^\s"{},]+)*\s*')
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison of a label with a value. `str()` of it parses to the same matcher."""

    label: str
    operator: str
    value: str
    _pattern: re.Pattern[str] | None = field(default=None, compare=False, repr=False)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Does it hold for these labels?"""
        given = labels.get(self.label, "")
        if self._pattern is None:
            return (given == self.value) is (self.operator == "=")
        return (self._pattern.fullmatch(given) is not None) is (self.operator == "=~")

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.operator}"{value}"'


def parse(text: str) -> Matcher:
    """One matcher. Raises InputError that says what is wrong with it and what would be right."""
    matcher, rest = _one(text)
    if rest:
        raise InputError(f"matcher {text!r}: {rest!r} is left over; one matcher is label, operator, value")
    return matcher


def parse_all(text: str) -> tuple[Matcher, ...]:
    """Matchers with commas between them, with or without braces: `{cause="lamp_dark", district="d1"}`. All must hold.
    Raises InputError; also for a text without any matcher."""
    rest = text.strip()
    if rest.startswith("{") != rest.endswith("}"):
        raise InputError(f"matchers {text!r}: a brace is open")
    rest = rest.removeprefix("{").removesuffix("}").strip()
    found = []
    while rest:
        matcher, rest = _one(rest)
        found.append(matcher)
        if rest and not rest.startswith(","):
            raise InputError(f"matchers {text!r}: a comma is missing before {rest!r}")
        rest = rest.removeprefix(",").strip()
    if not found:
        raise InputError(f'matchers {text!r}: give at least one, such as district="d1"')
    return tuple(found)


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Do all of them hold?"""
    return all(matcher.matches(labels) for matcher in matchers)


def _one(text: str) -> tuple[Matcher, str]:
    head = _HEAD.match(text)
    if head is None:
        raise InputError(f'matcher {text!r}: write it as label="value" with one of {" ".join(OPERATORS)}')
    label, operator = head.groups()
    if label not in LABELS and not label.startswith(ATTRIBUTE):
        raise InputError(f"matcher {text!r}: no label {label!r}; there are {', '.join(LABELS)} and {ATTRIBUTE}NAME")
    rest = text[head.end() :]
    quoted = _QUOTED.match(rest)
    if quoted is not None:
        value, rest = _unescaped(quoted[1], text), rest[quoted.end() :]
    elif rest.startswith('"'):
        raise InputError(f"matcher {text!r}: the closing quote is missing")
    else:
        plain = _PLAIN.match(rest)
        value, rest = (plain[0].strip(), rest[plain.end() :]) if plain else ("", rest)
    if len(value) > _LONGEST:
        raise InputError(f"matcher for {label}: a value of at most {_LONGEST} characters")
    return Matcher(label, operator, value, _compiled(value, text) if operator in {"=~", "!~"} else None), rest


def _unescaped(value: str, text: str) -> str:
    def put(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise InputError(f"matcher {text!r}: \\{found[1]} is no escape; write \\\\ for a backslash")
        return _ESCAPES[found[1]]

    return re.sub(r"\\(.)", put, value, flags=re.DOTALL)


def _compiled(value: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(f"matcher {text!r}: {value!r} is no regular expression: {error}") from error
