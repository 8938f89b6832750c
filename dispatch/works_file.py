"""A list of planned works in YAML, as the units that dig hand it in: read and checked as a whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citybrain import yamlfile
from citybrain.kernel.errors import ConfigError
from dispatch.silences import Scope

_PLACES = ("asset", "feeder", "street", "district", "cell", "polygon")


class _Works(BaseModel):
    """One entry as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    reference: str = Field(min_length=1, max_length=100)
    begins_at: datetime
    ends_at: datetime
    reason: str = Field(min_length=1, max_length=500)
    author: str | None = Field(None, max_length=200)
    asset: str | None = None
    feeder: str | None = None
    street: str | None = None
    district: str | None = None
    cell: str | None = None
    polygon: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> _Works:
        if all(getattr(self, place) is None for place in _PLACES):
            raise ValueError(f"say where: one or more of {', '.join(_PLACES)}")
        if (self.begins_at.tzinfo is None) != (self.ends_at.tzinfo is None):
            raise ValueError("begins_at and ends_at: both with an offset, or both without")
        if self.ends_at <= self.begins_at:
            raise ValueError("ends_at must be after begins_at")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    works: tuple[_Works, ...]


class Planned(NamedTuple):
    """Planned works of a list. Times are UTC."""

    reference: str
    scope: Scope
    begins_at: datetime
    ends_at: datetime
    reason: str
    author: str


def load_works(path: Path, *, author: str, zone: ZoneInfo) -> list[Planned]:
    """The works of a file; `author` for those that name none, `zone` for times without an offset.

    Raises ConfigError with file, line and key.
    """
    file = yamlfile.read(path)
    if file.faults:
        raise file.faults[0]
    try:
        found = _File.model_validate(file.value)
    except ValidationError as problem:
        raise file.pydantic_faults((), problem.errors())[0] from problem
    seen: dict[str, int] = {}
    for number, one in enumerate(found.works):
        if one.reference in seen:
            raise file.fault(("works", number, "reference"), f"{one.reference!r} stands twice; a reference names one")
        seen[one.reference] = number
    return [
        Planned(
            one.reference,
            Scope(one.asset, one.feeder, one.street, one.district, one.cell, one.polygon),
            _utc(one.begins_at, zone),
            _utc(one.ends_at, zone),
            one.reason,
            one.author or author,
        )
        for one in found.works
    ]


def fault_at(path: Path, number: int, error: Exception) -> ConfigError:
    """An error about one entry, with its line."""
    return yamlfile.read(path).fault(("works", number), str(error))


def _utc(at: datetime, zone: ZoneInfo) -> datetime:
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
