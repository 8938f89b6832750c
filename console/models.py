"""The shapes of the API's answers. Times are RFC 3339 UTC; the descriptions end up in the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dispatch.returns import CODES


class Model(BaseModel):
    """Base: unknown columns of a row are left out."""

    model_config = ConfigDict(extra="ignore")


class Title(Model):
    """A text in both languages."""

    en: str = Field(description="English.")
    zh: str = Field(description="Simplified Chinese.")


class AlertChanged(Model):
    """One change of an alert."""

    seq: int = Field(description="Its place in the stream.")
    change: str = Field(description="raised, clearing, refired, flapping, resolved, added, amended or withdrawn.")
    at: datetime = Field(description="When.")
    reason: str = Field(description="A short code.")
    detail: str = Field(description="A sentence with numbers and units.")
    evidence: list[Any] = Field(description="The values that caused it: [ms since the epoch, measure, value].")


class SilencedBy(Model):
    """The silence, window, works or opening over the key of an alert."""

    number: int = Field(description="Its number.")
    sort: str = Field(description="silence, window, works or opening.")
    author: str = Field(description="Who wanted it.")
    reason: str = Field(description="Why.")
    ends_at: datetime | None = Field(description="When it ends; null: when the alert is over.")
    remaining_s: float | None = Field(description="Seconds until then.")


class Alert(Model):
    """An episode of one condition on one asset."""

    id: UUID = Field(description="Stays the same for life.")
    asset: str = Field(description="Id of the asset.")
    kind: str = Field(description="manhole, streetlight, drain, cabinet, gateway or rain_gauge.")
    condition: str = Field(description="Condition of the rulebook, such as MH-OPEN.")
    title: Title = Field(description="The condition in words.")
    severity: str = Field(description="critical, major, minor or warning.")
    phase: str = Field(description="pending, firing, clearing or resolved.")
    onset_at: datetime = Field(description="When it began, by the device's time.")
    end_at: datetime | None = Field(description="When it ended.")
    raised_at: datetime = Field(description="When it was raised.")
    reason: str = Field(description="Why it stands as it does, as a short code.")
    detail: str = Field(description="The same as a sentence.")
    evidence: list[Any] = Field(description="The values that caused it: [ms since the epoch, measure, value].")
    rulebook: str = Field(description="Version of the rulebook that judged.")
    past: bool = Field(description="Found in late readings when it was over: never dispatched.")
    withdrawn: bool = Field(description="Late readings showed that it did not happen.")
    flapping: bool = Field(description="It came and went so often that it is held open.")
    case_id: UUID | None = Field(description="The case that it belongs to.")
    silenced_by: SilencedBy | None = Field(None, description="What silences it now; null: nothing.")


class AlertDetail(Alert):
    """An alert with all its changes."""

    events: list[AlertChanged] = Field(description="Its changes in order.")


class Order(Model):
    """A work order: one per case, with a time limit that runs from its dispatch."""

    id: UUID = Field(description="Stays the same for life.")
    number: int = Field(description="For people: counts up.")
    case_id: UUID = Field(description="The case that it is to settle.")
    unit: str = Field(description="Id of the responsible unit.")
    state: str = Field(
        description="dispatched, acknowledged, on_site, fixed, verified, closed, returned, arbitration, rework or cancelled."
    )
    asset: str = Field(description="Id of the asset to go to.")
    kind: str = Field(description="Kind of the asset.")
    cause: str = Field(description="The physical cause.")
    condition: str = Field(description="The condition that opened the case.")
    title: Title = Field(description="The condition in words.")
    severity: str = Field(description="critical, major, minor or warning.")
    children: int = Field(description="Further assets that the same cause has put out.")
    filing_item: str = Field(description="The item of the table of time limits.")
    limit_value: float = Field(description="The limit…")
    limit_unit: str = Field(description="…and its unit: urgent_minute, urgent_hour, work_hour, work_day or natural_day.")
    dispatched_at: datetime = Field(description="When the clock started.")
    due_at: datetime = Field(description="When it must be done.")
    remaining_s: float | None = Field(description="Seconds until then, negative when overdue; null when it is over.")
    overdue_at: datetime | None = Field(description="When it was marked overdue.")
    closed_at: datetime | None = Field(description="When it was closed or cancelled.")
    outcome: str | None = Field(description="How the case ended.")
    reworks: int = Field(description="How often the sensor disagreed with `fixed`.")
    returns: int = Field(description="How often a unit gave it back.")
    reason: str = Field(description="Reason of the last move.")


class OrderMoved(Model):
    """One move of an order. `hash` covers the move and `prev_hash`, so that none can be changed or left out unseen."""

    seq: int = Field(description="Its place in the stream.")
    event: str = Field(
        description="ack, arrive, fix, verify, close, return, redispatch, rework, cancel, or what the clock did."
    )
    from_state: str = Field(description="The state before.")
    to_state: str = Field(description="The state after.")
    at: datetime = Field(description="When.")
    actor: str = Field(description="Who.")
    reason: str = Field(description="Why.")
    detail: str = Field(description="More words.")
    prev_hash: str = Field(description="SHA-256 of the move before, hex.")
    hash: str = Field(description="SHA-256 of this move, hex.")


class OrderDetail(Order):
    """An order with its moves, how its unit was found and how its deadline was calculated."""

    events: list[OrderMoved] = Field(description="Its moves in order.")
    trail: list[Any] = Field(description="The rules that were tried to find the unit.")
    explanation: list[Any] = Field(description="The arithmetic of the deadline.")
    trace: str | None = Field(description="Trace id of the message behind it, as in logs and spans; null when only time was.")


class Case(Model):
    """What alerts of one physical cause on one asset share."""

    id: UUID = Field(description="Stays the same for life.")
    asset: str = Field(description="The asset of the cause (a cabinet for a feeder fault).")
    kind: str = Field(description="Kind of the asset.")
    cause: str = Field(description="The physical cause.")
    condition: str = Field(description="Condition of the alert that opened it.")
    title: Title = Field(description="The condition in words.")
    severity: str = Field(description="critical, major, minor or warning.")
    state: str = Field(description="gathering (waiting for siblings), open or closed.")
    opened_at: datetime = Field(description="When.")
    closed_at: datetime | None = Field(description="When.")
    outcome: str | None = Field(description="How it ended.")
    children: int = Field(description="Further assets that the same cause has put out.")


class CaseDetail(Case):
    """A case with its alerts and orders."""

    facts: dict[str, Any] = Field(description="Of a group: its rule, how many fell of how many, the span of a cut cable.")
    alerts: list[Alert] = Field(description="Its alerts, oldest first (at most 500).")
    orders: list[Order] = Field(description="Its orders, newest first.")


class Device(Model):
    """A device bound to an asset."""

    id: str = Field(description="Id of the device.")
    profile: str | None = Field(description="Its profile; null: canonical messages.")
    valid_from: datetime | None = Field(description="Bound from; null: always.")
    valid_to: datetime | None = Field(description="Bound until; null: still.")


class Sample(Model):
    """One stored reading."""

    observed_at: datetime = Field(description="The device's time.")
    received_at: datetime = Field(description="When it came in.")
    device: str = Field(description="Id of the device.")
    flags: int = Field(description="1 simulated, 2 history, 4 without device time.")
    quality: int = Field(description="0 in order, 1 late.")
    measures: dict[str, Any] = Field(description="Canonical measure -> value.")


class AssetDetail(Model):
    """One asset with its devices, what is wrong with it now, and its newest readings."""

    id: str = Field(description="Id of the asset.")
    kind: str = Field(description="Kind of the asset.")
    name: str = Field(description="For people.")
    lat: float | None = Field(description="WGS 84 degrees.")
    lon: float | None = Field(description="WGS 84 degrees.")
    unit: str | None = Field(description="Its own unit; null: found by the rules of responsibility.")
    district: str | None = Field(description="District.")
    cell: str | None = Field(description="Grid cell.")
    street_class: str | None = Field(description="Class of its street.")
    install_height_mm: float | None = Field(description="Sensor above the invert, mm.")
    depth_mm: float | None = Field(description="Rim above the invert, mm.")
    pipe_diameter_mm: float | None = Field(description="mm.")
    rated_power_w: float | None = Field(description="W.")
    feeder: str | None = Field(description="Feeder.")
    cabinet: str | None = Field(description="Cabinet.")
    gateway: str | None = Field(description="Gateway.")
    model: str | None = Field(description="Model of its device.")
    interval_s: float | None = Field(description="Expected reporting interval, s.")
    schedule: str | None = Field(description="Lighting schedule; null: dusk to dawn.")
    provisional: bool = Field(description="Made by a first message, not by an import.")
    feeder_pos: float | None = Field(description="Place on its feeder, counted from the cabinet.")
    downstream: str | None = Field(description="Asset that its water reaches next.")
    catchment: str | None = Field(description="Where its rain falls; of a rain gauge: the catchment that it measures.")
    attributes: dict[str, Any] = Field(description="Whatever else the register knows.")
    devices: list[Device] = Field(description="Its devices.")
    alerts: list[Alert] = Field(description="Its live alerts.")
    orders: list[Order] = Field(description="Its open orders.")
    readings: list[Sample] = Field(description="Its newest readings.")


class Quarantined(Model):
    """A message that could not be read. The same message again only counts."""

    id: int = Field(description="Its number.")
    topic: str = Field(description="MQTT topic.")
    reason: str = Field(description="Code of the reason.")
    detail: str = Field(description="What exactly was wrong.")
    size: int = Field(description="Bytes of the whole payload.")
    seen: int = Field(description="How often it came.")
    first_at: datetime = Field(description="First seen.")
    last_at: datetime = Field(description="Last seen.")
    retried_at: datetime | None = Field(description="Last tried again.")
    outcome: str | None = Field(description="What came of that.")
    preview: str = Field(description="The first 200 bytes as text; what is not text is escaped.")


class Stats(Model):
    """How things stand, as numbers."""

    now: datetime = Field(description="The time of the city.")
    readings: int = Field(description="Stored readings; the planner's estimate unless `exact=true` was asked for.")
    counters: dict[str, int] = Field(description="Durable counters of the pipeline.")
    orders: dict[str, int] = Field(description="state -> orders.")
    alerts: dict[str, dict[str, int]] = Field(description="condition -> phase -> live alerts.")
    cases: dict[str, int] = Field(description="state -> cases.")
    quarantine: dict[str, int] = Field(description="reason -> messages.")
    outbox: dict[str, int] = Field(description="state -> notifications.")
    overdue_open: int = Field(description="Open orders behind their limit.")
    overdue_ever: int = Field(description="Orders that ever fell behind their limit.")
    escalated: int = Field(description="Orders that were escalated.")
    rejudge_waiting: int = Field(description="Assets that wait to be judged again.")
    timer_late_s: float = Field(description="How long the most overdue timer waits, city seconds.")


def _no_nul(value: str) -> str:
    """No text of the database can hold one."""
    if "\x00" in value:
        raise ValueError("a text without NUL")
    return value


Words = Annotated[str, AfterValidator(_no_nul)]


class Move(BaseModel):
    """What to say when an order is moved."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    actor: Words = Field(description="Who does it.", min_length=1, max_length=200, examples=["crew 3"])
    reason: Words = Field("", description="Why; needed for return and cancel.", max_length=500, examples=["cover replaced"])
    detail: Words = Field("", description="More words, if need be.", max_length=4000)
    code: Words = Field("", description=f"Of a return: one of {', '.join(CODES)}; none: other.", max_length=40)
    evidence: Words = Field("", description="Of a return: a photograph, a document, a link.", max_length=500)
    position: tuple[float, float] | None = Field(None, description="Where it was done: latitude and longitude, WGS 84.")
    checklist: list[Words] = Field([], description="Of fix: the lines of the closing checklist that are done.", max_length=50)


class Silence(Model):
    """What shall raise no order and no message for a while: who said so, why, and how long still."""

    id: UUID = Field(description="Stays the same for life.")
    number: int = Field(description="For people: counts up.")
    sort: str = Field(description="silence, window, works or opening.")
    state: str = Field(description="planned, active or ended.")
    matchers: list[str] = Field(description="All of them must hold.")
    scope: dict[str, Any] = Field(description="Of works: asset, feeder, street, district, cell, polygon.")
    author: str = Field(description="Who wanted it.")
    reason: str = Field(description="Why.")
    approver: str | None = Field(description="Of an opening: who approved it.")
    reference: str | None = Field(description="Of works: the number of their permit.")
    begins_at: datetime = Field(description="When it begins; of a window: its present or next turn.")
    ends_at: datetime | None = Field(description="When it ends; null: when its alert is over.")
    until_resolved: bool = Field(description="It ends with its alert at the latest.")
    recurrence: dict[str, Any] | None = Field(description="Of a window: rule, start, zone and duration_s.")
    ended_by: str | None = Field(description="Who ended it early; sensor: its alert was over.")
    remaining_s: float | None = Field(description="Seconds until its end.")
    muted: int = Field(description="Open cases that it mutes; 0 in the answer to a change.")


class SilenceNew(BaseModel):
    """What to silence: an alert, matchers, or both; for a while, until the alert is over, or whichever comes first."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    author: Words = Field(description="Who wants it.", min_length=1, max_length=200, examples=["Ms Li"])
    reason: Words = Field(description="Why.", min_length=1, max_length=500, examples=["a parade passes"])
    alert: UUID | None = Field(None, description="Silence the asset and condition of this alert.")
    matchers: list[Words] = Field(default_factory=list, description='Such as asset="MH-17".', max_length=20)
    for_s: float | None = Field(None, description="For so many seconds of the city's time.", gt=0, le=366 * 86400)
    until_resolved: bool = Field(False, description="Until the alert is over.")


class SilenceEnd(BaseModel):
    """Who ends a silence, and why."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    actor: Words = Field(description="Who does it.", min_length=1, max_length=200)
    reason: Words = Field("", description="Why.", max_length=500)
