"""The formulas as they stand in YAML: the shipped ones (`dispatch/data/scores.yml`), or a file in their place."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from citybrain import yamlfile
from citybrain.kernel.errors import ConfigError
from dispatch.scores.predicates import MEASURES, MOMENTS, PREDICATES

SHIPPED = "dispatch/data/scores.yml"


def _known(word: str) -> str:
    name = word.removeprefix("not ")
    if name not in PREDICATES:
        raise ValueError(f"no predicate {name!r}: one of {', '.join(PREDICATES)}, each also with 'not ' before it")
    return word


def _moment(word: str) -> str:
    if word not in MOMENTS:
        raise ValueError(f"no moment {word!r}: one of {', '.join(MOMENTS)}")
    return word


def _measure(word: str) -> str:
    if word not in MEASURES:
        raise ValueError(f"no measure {word!r}: one of {', '.join(MEASURES)}")
    return word


Word = Annotated[str, AfterValidator(_known)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Number(_Strict):
    """A number of the rules, with its source."""

    value: float = Field(gt=0)
    source: str = Field(min_length=1)


class Numbers(_Strict):
    """All numbers."""

    accept_s: Number
    again_s: Number
    repeat_s: Number
    alike: Number
    alike_days: Number
    worst_at_least: Number


class Excluded(_Strict):
    """Cases that count in no figure."""

    predicate: Word
    source: str = Field(min_length=1)


class Index(_Strict):
    """One figure: a rate (`numerator`, `denominator`), a `count`, or a `measure` of cases."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    by: Annotated[str, AfterValidator(_moment)]
    numerator: tuple[Word, ...] = ()
    denominator: tuple[Word, ...] = ()
    count: tuple[Word, ...] = ()
    measure: Annotated[str, AfterValidator(_measure)] | None = None
    of: tuple[Word, ...] = ()
    without: tuple[Word, ...] = ()
    bad: Literal["low", "high"] = "low"
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_kind(self) -> Index:
        kinds = [bool(self.numerator and self.denominator), bool(self.count), bool(self.measure and self.of)]
        if sum(kinds) != 1 or bool(self.numerator) != bool(self.denominator) or bool(self.measure) != bool(self.of):
            raise ValueError("give numerator and denominator, or count, or measure and of")
        return self

    @property
    def kind(self) -> str:
        """rate, count or measure."""
        return "rate" if self.numerator else "count" if self.count else "measure"


class Sign(_Strict):
    """When a sign of gaming shows."""

    p: float = Field(gt=0, lt=0.5)
    at_least: int = Field(ge=1)
    share: float = Field(0.1, gt=0, lt=1)
    source: str = Field(min_length=1)


class Gaming(_Strict):
    """All signs."""

    bunched_closes: Sign
    back_soon: Sign
    sensor_disagrees: Sign
    pauses: Sign
    paused_share: Sign


class Rules(_Strict):
    """The whole file."""

    version: str = Field(min_length=1)
    numbers: Numbers
    excluded: tuple[Excluded, ...]
    indices: tuple[Index, ...] = Field(min_length=1)
    gaming: Gaming
    digest: str = ""
    """SHA-256 of the file"""

    @model_validator(mode="after")
    def _once(self) -> Rules:
        ids = [index.id for index in self.indices]
        if len(set(ids)) != len(ids):
            raise ValueError(f"an id stands twice: {next(one for one in ids if ids.count(one) > 1)}")
        return self

    @property
    def name(self) -> str:
        """Version and the beginning of the digest: what a figure is quoted with."""
        return f"{self.version} ({self.digest[:12]})"


def load_rules(path: Path | None = None) -> Rules:
    """The rules of a file, else the shipped ones. Raises ConfigError with file, line and key of the first fault."""
    rules, faults = _read(path)
    if faults or rules is None:
        raise faults[0]
    return rules


def check_rules(path: Path | None) -> list[ConfigError]:
    """Every fault of a file."""
    return _read(path)[1]


def _read(path: Path | None) -> tuple[Rules | None, list[ConfigError]]:
    if path is None:
        text = files("dispatch").joinpath("data/scores.yml").read_text(encoding="utf-8")
        found = yamlfile.parse(text, SHIPPED)
    else:
        found = yamlfile.read(path)
        text = "" if found.faults else path.read_text(encoding="utf-8")
    if found.faults:
        return None, found.faults
    if isinstance(found.value, dict) and "digest" in found.value:
        return None, [found.fault(("digest",), "unknown key")]
    try:
        rules = Rules.model_validate(found.value)
    except ValidationError as error:
        return None, found.pydantic_faults((), error.errors())
    return rules.model_copy(update={"digest": hashlib.sha256(text.encode()).hexdigest()}), []
