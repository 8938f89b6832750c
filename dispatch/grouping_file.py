"""The table of grouping from YAML: the shipped one (`dispatch/data/grouping.yml`), or a city's own in its place."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from citybrain import yamlfile
from citybrain.kernel.errors import ConfigError, InputError
from dispatch.matchers import Matcher, parse
from dispatch.together import Grouping, GroupRule, SamePlace

SHIPPED = "dispatch/data/grouping.yml"
LEAST_INTERVAL_S = 30.0
"""A shorter group_interval makes a storm of its own out of every group (peers: grafana 126401)."""
LEAST_WAIT_S, LONGEST_S = 10.0, 86400.0
_TIME = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("write a time as 30s, 5m, 24h or 1d")
    found = _TIME.fullmatch(value.strip())
    if found is None:
        raise ValueError("write a time as 30s, 5m, 24h or 1d")
    return float(found[1]) * _UNITS[found[2]]


def _matcher(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("write a matcher as text, such as 'cause=\"lamp_dark\"'")
    try:
        return parse(value)
    except InputError as error:
        raise ValueError(str(error)) from error


_Time = Annotated[float, BeforeValidator(_seconds)]
_Matcher = Annotated[Any, BeforeValidator(_matcher)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _AtLeast(_Strict):
    count: int | None = Field(None, ge=2, le=1000)
    share: float | None = Field(None, ge=0.05, le=1)

    @model_validator(mode="after")
    def _something(self) -> _AtLeast:
        if self.count is None and self.share is None:
            raise ValueError("give count, share or both")
        return self


class _Parent(_Strict):
    cause: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    filing: str | None = None


class _Rule(_Strict):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    matchers: tuple[_Matcher, ...] = Field(min_length=1)
    group_by: Literal["feeder", "cabinet", "gateway", "catchment"]
    group_wait: _Time | None = Field(None, ge=LEAST_WAIT_S, le=LONGEST_S)
    group_interval: _Time = Field(ge=LEAST_INTERVAL_S, le=LONGEST_S)
    at_least: _AtLeast | None = None
    within: _Time | None = Field(None, ge=LEAST_WAIT_S, le=LONGEST_S)
    when: Literal["at_once", "after_wait"] = "at_once"
    parent: _Parent

    @model_validator(mode="after")
    def _times(self) -> _Rule:
        if self.within is not None and self.group_wait is not None and self.within > self.group_wait:
            raise ValueError("within is longer than group_wait: the first sibling is gone before the last may come")
        return self

    def rule(self) -> GroupRule:
        """The rule as the decisions see it."""
        matchers: tuple[Matcher, ...] = tuple(self.matchers)
        return GroupRule(
            name=self.name,
            matchers=matchers,
            group_by=self.group_by,
            group_interval_s=self.group_interval,
            cause=self.parent.cause,
            filing=self.parent.filing,
            at_once=self.when == "at_once",
            group_wait_s=self.group_wait,
            count=self.at_least.count if self.at_least else None,
            share=self.at_least.share if self.at_least else None,
            within_s=self.within,
        )


class _SamePlace(_Strict):
    within_m: float = Field(50, ge=1, le=500)
    within: _Time = Field(86400.0, ge=60, le=7 * 86400)
    matchers: tuple[_Matcher, ...] = ()


class _File(_Strict):
    groups: tuple[_Rule, ...]
    same_place: _SamePlace = _SamePlace()


def load_grouping(path: Path | None = None) -> Grouping:
    """The shipped table, or that of `path` in its place. Raises ConfigError with file, line and key."""
    found, faults = _read(path)
    if faults or found is None:
        raise faults[0]
    return found


def check_grouping(path: Path | None = None, *, filings: Collection[str] | None = None) -> list[ConfigError]:
    """Every fault of the table; with `filings` also filing items that the table of limits does not have."""
    return _read(path, filings)[1]


def _read(path: Path | None, filings: Collection[str] | None = None) -> tuple[Grouping | None, list[ConfigError]]:
    if path is None:
        file = yamlfile.parse(files("dispatch").joinpath("data", "grouping.yml").read_text(encoding="utf-8"), SHIPPED)
    else:
        file = yamlfile.read(path)
    if file.faults:
        return None, file.faults
    try:
        spec = _File.model_validate(file.value)
    except ValidationError as error:
        return None, file.pydantic_faults((), error.errors())
    faults = []
    names: set[str] = set()
    for number, rule in enumerate(spec.groups):
        place = ("groups", number)
        if rule.name in names:
            faults.append(file.fault((*place, "name"), f"{rule.name} stands twice"))
        names.add(rule.name)
        if filings is not None and rule.parent.filing is not None and rule.parent.filing not in filings:
            message = f"{rule.parent.filing!r} is not in the table of limits; there are {', '.join(sorted(filings))}"
            faults.append(file.fault((*place, "parent", "filing"), message))
    near = spec.same_place
    same = SamePlace(near.within_m, near.within, tuple(near.matchers))
    return Grouping([rule.rule() for rule in spec.groups], same), faults
