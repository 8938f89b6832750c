"""The table of storm mode from YAML. The shipped one is `dispatch/data/storm.yml`; a city's own file stands in its place."""

from __future__ import annotations

from datetime import time, timedelta
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citybrain import yamlfile
from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Kind
from dispatch.storm import StormRules, Weights

_Points = Annotated[float, Field(ge=0, le=1000)]
_SHIPPED = "dispatch/data/storm.yml"


class _Weights(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    freeboard_mm: tuple[tuple[float, _Points], ...] = ()
    overflow: _Points = 0
    street_class: dict[str, _Points] = Field(default_factory=dict)
    near: dict[str, _Points] = Field(default_factory=dict)
    night: _Points = 0

    @model_validator(mode="after")
    def _in_order(self) -> _Weights:
        steps = [most for most, _ in self.freeboard_mm]
        if steps != sorted(set(steps)):
            raise ValueError(f"freeboard_mm: steps from the least room to the most, each once; got {steps}")
        return self


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: frozenset[Kind]
    causes: frozenset[str]
    filing: str
    crews: Annotated[float, Field(gt=0, le=10_000)]
    per_crew: Annotated[float, Field(gt=0, le=1000)]
    districts: dict[str, Annotated[float, Field(gt=0, le=10_000)]] = Field(default_factory=dict)
    begin_above: Annotated[float, Field(gt=0, le=100)] = 1.0
    end_below: Annotated[float, Field(ge=0, le=100)] = 0.5
    calm_minutes: Annotated[float, Field(ge=0, le=10_080)] = 60
    night: tuple[time, time] = (time(22), time(6))
    weights: _Weights = Field(default_factory=_Weights)

    @model_validator(mode="after")
    def _apart(self) -> _Rules:
        if self.end_below >= self.begin_above:
            raise ValueError(
                f"end_below {self.end_below:g} must lie below begin_above {self.begin_above:g}: a storm would end as it begins"
            )
        return self

    def made(self) -> StormRules:
        weights = Weights(
            self.weights.freeboard_mm,
            self.weights.overflow,
            MappingProxyType(self.weights.street_class),
            MappingProxyType(self.weights.near),
            self.weights.night,
        )
        return StormRules(
            frozenset(kind.value for kind in self.kinds), self.causes, self.filing, self.crews, self.per_crew,
            MappingProxyType(self.districts), self.begin_above, self.end_below, timedelta(minutes=self.calm_minutes),
            self.night, weights,
        )  # fmt: skip


def load_storm(path: Path | None = None) -> StormRules:
    """The rules of `path`, else the shipped ones. Raises ConfigError with file, line and key."""
    rules, errors = _read(path)
    if rules is None:
        raise errors[0]
    return rules


def check_storm(path: Path | None = None) -> list[ConfigError]:
    """Every fault of the rules."""
    return _read(path)[1]


def _read(path: Path | None) -> tuple[StormRules | None, list[ConfigError]]:
    if path is not None:
        return read_storm(yamlfile.read(path))
    shipped = files("dispatch").joinpath("data", "storm.yml").read_text(encoding="utf-8")
    return read_storm(yamlfile.parse(shipped, _SHIPPED))


def read_storm(found: yamlfile.YamlFile) -> tuple[StormRules | None, list[ConfigError]]:
    """The rules in a file, None when it has faults, and the faults."""
    if found.faults:
        return None, found.faults
    try:
        return _Rules.model_validate(found.value).made(), []
    except ValidationError as problem:
        return None, found.pydantic_faults((), problem.errors())
