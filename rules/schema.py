"""What a condition of the rulebook may say: the keys, their types and the bounds within which a number is believed.

The bounds are wide on purpose: they catch a slip (minutes for seconds, a comma for a point), not an opinion.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DAY_S = 86400.0
MAX_DWELL_S = 60 * DAY_S
"""Longer than any dwell that makes sense: silt needs weeks."""

Severity = Literal["critical", "major", "minor", "warning"]
KindOrAny = Literal["manhole", "streetlight", "drain", "cabinet", "gateway", "rain_gauge", "any"]
CODE = r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$"
"""Form of a condition id and of a filing item, such as `MH-OPEN`."""
Code = Annotated[str, Field(pattern=CODE, max_length=40)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DwellBody(_Strict):
    """So many readings in a row and so many seconds; both must be reached."""

    readings: int = Field(ge=1, le=10_000, description="Readings in a row that must say so.")
    seconds: float = Field(ge=0, le=MAX_DWELL_S, description="Seconds since the first of them, by the clock.")


class RaiseBody(DwellBody):
    """As a dwell, and whether the clock alone may end it."""

    by_clock: bool = Field(True, description="false: the seconds end with a reading that still says so, not in a silence.")


class FlapBody(_Strict):
    """When an episode counts as flapping, and how long it is then held open."""

    count: int = Field(ge=2, le=1000, description="Refired so often...")
    window_s: float = Field(gt=0, le=MAX_DWELL_S, description="...within so many seconds means flapping.")
    hold_s: float = Field(ge=0, le=MAX_DWELL_S, description="A flapping episode must be good for so long to clear.")


class TitleBody(_Strict):
    """The name of the condition for people."""

    en: str = Field(min_length=3, max_length=80)
    zh: str = Field(min_length=2, max_length=40)


class MatchBody(_Strict):
    """Which assets an override is for: exactly one key."""

    model: str | None = Field(None, min_length=1, description="Device model.")
    asset: str | None = Field(None, min_length=1, description="Id of one asset.")
    kind: KindOrAny | None = Field(None, description="Kind of asset (for conditions of kind any).")

    @model_validator(mode="after")
    def _one(self) -> MatchBody:
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of model, asset and kind")
        return self


class SetBody(_Strict):
    """What an override changes. The rest of the condition stays. What dispatch needs is the same for all assets."""

    params: dict[str, Any] | None = Field(None, description="Some of the params.")
    raise_after: dict[str, Any] | None = Field(None, description="Some of its keys.")
    clear_after: dict[str, Any] | None = Field(None, description="Some of its keys.")
    flap: dict[str, Any] | None = Field(None, description="Some of its keys.")
    severity: Severity | None = Field(None, description="Of the alert; dispatch goes by the condition's.")
    enabled: bool | None = Field(None, description="false: not judged for these assets.")

    @model_validator(mode="after")
    def _something(self) -> SetBody:
        if not self.model_fields_set:
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self


class OverrideBody(_Strict):
    """Other numbers for some assets. One for the asset wins over one for its model, and that over one for its kind."""

    match: MatchBody
    set: SetBody
    source: str = ""


class ConditionBody(_Strict):
    """One condition. `overrides` are checked apart, because each file may add some."""

    kind: KindOrAny = Field(description="Kind of asset that it is judged for, or any.")
    detector: str = Field(description="Name of a folder in rules/detectors.")
    params: dict[str, Any] = Field(description="What the detector needs; see below.")
    raise_after: RaiseBody = Field(description="How long it must be bad before the alert is raised.")
    clear_after: DwellBody = Field(description="How long it must be good before the alert is resolved.")
    flap: FlapBody = Field(description="When it counts as flapping.")
    severity: Severity = Field(description="Of the alert.")
    cause: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Alerts of one asset with one cause share a case.")
    filing: Code | None = Field(description="Item of the table of time limits; null: information, never an order.")
    verify_s: float = Field(ge=0, le=MAX_DWELL_S, description="Good for so many seconds closes a fixed order.")
    group_by: Literal["feeder", "cabinet", "gateway"] | None = Field(None, description="What siblings share.")
    group_min: int = Field(3, ge=2, le=1000, description="So many siblings make one case of the parent.")
    group_wait_s: float = Field(0, ge=0, le=DAY_S, description="An order waits so many seconds for siblings.")
    title: TitleBody = Field(description="Name for people, `en` and `zh`.")
    source: str = Field(min_length=4, description="Where the numbers come from.")
    enabled: bool = Field(True, description="false: not judged at all.")

    @model_validator(mode="after")
    def _grouped(self) -> ConditionBody:
        if self.group_by is None and self.group_wait_s > 0:
            raise ValueError("group_wait_s needs group_by, or orders would wait for nobody")
        if self.group_by is not None and self.group_wait_s == 0:
            raise ValueError("group_by needs group_wait_s above 0, or no sibling is ever waited for")
        return self
