"""PURE: the device profile: what a YAML file says about the messages of one device model.

Everything is checked when the file is read: a wrong profile is found by `citybrain profiles check`, not by a message.
`docs/how-to/add-a-device` walks through one; `ingest/README.md` has the table of fields.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.measures import MEASURES
from citybrain.kernel.model import Kind
from ingest import topics, units
from ingest.decoders import DECODERS
from ingest.paths import Path, Scope
from ingest.templates import fill
from ingest.values import FLAGS

_REPLAY = {
    "chirpstack": "application/replay/device/{deviceInfo.devEui}/event/up",
    "tts": "v3/replay/devices/{end_device_ids.device_id}/up",
}
_PLACE = re.compile(r"\{([^{}]*)\}")


def _path(text: str) -> str:
    Path.parse(text)
    return text


def _filter(text: str) -> str:
    fault = topics.check_filter(text)
    if fault:
        raise ValueError(fault)
    return text


def _template(text: str) -> str:
    for inner in _PLACE.findall(text):
        Path.parse(inner)
    if "{" in _PLACE.sub("", text) or "}" in _PLACE.sub("", text):
        raise ValueError(f"{text!r} has a brace without its partner")
    return text


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _keys_to_text(value: Any) -> Any:
    """YAML reads `true:` and `1:` as a boolean and a number; devices' codes are compared as text."""
    return {code(key): item for key, item in value.items()} if isinstance(value, dict) else value


def code(value: object) -> str:
    """A device's code as the keys of a map are written: true, false, 1, no target…"""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip().casefold()


PathText = Annotated[str, AfterValidator(_path)]
Filter = Annotated[str, AfterValidator(_filter)]
Template = Annotated[str, AfterValidator(_template)]
Paths = Annotated[tuple[PathText, ...], BeforeValidator(_list), Field(min_length=1)]
Scalar = float | bool | str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ValueRule(_Strict):
    """Where one canonical value comes from. A plain text in YAML is the path alone."""

    path: Paths = Field(description="Path, or several: the first that is there.")
    any: bool = Field(False, description="For flags: true when any of the paths is true.")
    unit: str | None = Field(None, description="Unit the device gives, when it is not that of the measure.")
    scale: float | None = Field(None, description="Number times this…")
    offset: float = Field(0, description="…plus this, is the value in the unit of the measure.")
    floor: float | None = Field(None, description="A smaller number is raised to this (a probe's zero drifts below 0).")
    sentinels: tuple[Scalar, ...] = Field((), description="Numbers or texts that mean: no measurement.")
    map: Annotated[dict[str, bool | float | str | None], BeforeValidator(_keys_to_text)] | None = Field(
        None, description="The device's codes to values; null: no value."
    )
    others: Literal["note", "ignore"] | bool | float = Field("note", description="What a code that is not in the map gives.")
    invert: bool = Field(False, description="For flags of reversed meaning.")
    absent: Scalar | None = Field(None, description="Value when the key is missing (a server that drops zeros).")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _together(self) -> ValueRule:
        if self.unit is not None and not units.known(self.unit):
            raise ValueError(f"unit {self.unit!r} is not known")
        if self.map is not None and (self.unit or self.scale is not None or self.offset):
            raise ValueError("a map gives values as they are: no unit, scale or offset with it")
        return self


class Dedupe(_Strict):
    """What makes two messages of a device the same message."""

    fields: tuple[PathText, ...] = Field(min_length=1, description="Paths whose values, taken together, name the message.")
    window_s: float = Field(gt=0, le=86_400, description="Equal messages at most so far apart are one.")


class Frame(_Strict):
    """A list in the message of which every item is a reading of its own."""

    each: PathText = Field(description="Path to the list.")
    time: Paths | None = Field(None, description="Time of the item, looked up in the item.")
    history: bool = Field(False, description="The items are stored values of the past; they need a time of their own.")
    channel: PathText | None = Field(None, description="Names the channel: the device is then `device:channel`, when bound so.")
    skip: tuple[str, ...] = Field((), description="Channels that are not read.")
    values: dict[str, ValueRule] | None = Field(None, description="Values of an item; none: those of the profile.")

    @model_validator(mode="after")
    def _together(self) -> Frame:
        if self.history and self.time is None:
            raise ValueError("items of history need a time of their own: give time")
        if self.skip and self.channel is None:
            raise ValueError("skip names channels: give channel")
        return self


class Data(_Strict):
    """Where the bytes for the decoder are, when the envelope does not say it."""

    path: PathText
    encoding: Literal["hex", "base64", "text"]


class Profile(_Strict):
    """One device model: how its messages become readings."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,64}$", description="Name of the profile, equal to that of the file.")
    title: str = Field(min_length=1, description="Vendor and model for people.")
    kind: Kind = Field(description="Kind of a provisional asset; the register's kind wins.")
    model: str | None = Field(None, description="Model of a provisional asset, for overrides of the rulebook.")
    interval_s: float | None = Field(None, gt=0, description="Reporting interval of a provisional asset.")
    source: str = Field("", description="Where the facts of this file were read.")
    envelopes: tuple[Literal["chirpstack", "tts", "senml", "json", "raw"], ...] = Field(min_length=1)
    topics: tuple[Filter, ...] = Field((), description="Topic filters; needed for senml, json and raw.")
    brand: str | None = Field(None, description="Brand as The Things Stack names it.")
    models: tuple[str, ...] = Field((), description="Model names as they stand in the network server's device profile.")
    device: PathText | None = Field(None, description="Path to the device id; needed for json and raw.")
    asset: Template = Field("{@device}", description="Id of the provisional asset.")
    unwrap: PathText | None = Field(None, description="The decoded object is in here, when this is there.")
    decoder: str | None = Field(None, description="Decoder folder for messages that need code.")
    data: Data | None = None
    time: Paths = Field(
        ("@time",), description="Times of the device, tried in this order; then the network's, then the receipt's."
    )
    seq: PathText | None = Field(None, description="Sequence number; none: the envelope's.")
    simulated: PathText | None = Field(None, description="True there marks a test message.")
    values: dict[str, ValueRule] = Field({}, description="Canonical name to where it is.")
    required: tuple[str, ...] = Field((), description="Values without which the message is refused.")
    frames: tuple[Frame, ...] = Field((), description="Lists whose items are readings of their own.")
    dedupe: Dedupe | None = Field(None, description="What makes two messages the same; none: what the envelope knows.")
    replay_topic: Template | None = Field(None, description="Topic under which a recorded message is published again.")

    @model_validator(mode="after")
    def _together(self) -> Profile:
        needs = {"senml", "json", "raw"} & set(self.envelopes)
        if needs and not self.topics:
            raise ValueError(f"topics: envelope {' and '.join(sorted(needs))} needs topic filters")
        if {"json", "raw"} & set(self.envelopes) and self.device is None:
            raise ValueError("device: give the path to the device id ($.… or @topic1 for the first '+' of the topic)")
        if "raw" in self.envelopes and self.decoder is None:
            raise ValueError("decoder: envelope raw has only bytes, which need one")
        if self.decoder is not None and self.decoder not in DECODERS:
            raise ValueError(f"decoder: {self.decoder!r} is none of {', '.join(sorted(DECODERS))}")
        if self.data is not None and self.decoder is None:
            raise ValueError("data: it is read by a decoder; give decoder")
        tables = [self.values, *(frame.values for frame in self.frames if frame.values is not None)]
        if not any(tables):
            raise ValueError("values: the profile gives none")
        for table in tables:
            for name, rule in table.items():
                _check_rule(name, rule)
        missing = [name for name in self.required if name not in self.values]
        if missing:
            raise ValueError(f"required: {', '.join(missing)} is not among the values")
        return self


def replay_topic(profile: Profile, message: Any) -> str:
    """The topic under which a recorded message of a profile is published again.

    Raises PayloadError when the message lacks what the topic needs, or the profile has no `replay_topic`.
    """
    template = profile.replay_topic or _REPLAY.get(profile.envelopes[0])
    if template is None:
        raise PayloadError("unknown_topic", f"profile {profile.name} has no replay_topic")
    return fill(template, Scope(message, message, {}))


def _check_rule(name: str, rule: ValueRule) -> None:
    """Raises ValueError when a rule cannot give what its measure needs."""
    measure = MEASURES.get(name)
    if measure is None:
        if name.split("_")[-1] in {"mm", "deg", "pct"} and not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
            raise ValueError(f"values.{name}: names are a-z, 0-9 and _")
        return
    if (rule.invert or rule.any) and name not in FLAGS:
        raise ValueError(f"values.{name}: invert and any are for yes/no measures")
    if rule.unit and rule.scale is None and not units.convertible(rule.unit, measure.unit):
        raise ValueError(f"values.{name}: {rule.unit} cannot be converted to {measure.unit}; give scale")
