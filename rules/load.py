"""YAML -> Rulebook: the shipped conditions, and over them a file of the city. Every fault is named by file, line and key.

A file is a mapping `condition id -> condition`. In the city's file a condition that is shipped needs only the keys that differ
(mappings are merged key by key, lists are replaced, `overrides` are added); a new condition needs all of them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.errors import ConfigError
from citybrain.yamlfile import Path_, YamlFile, dotted, read, worded
from rules.build import Note, build, closest, keys_of
from rules.detectors import DETECTORS
from rules.rulebook import ConditionRule, Dwell, Flap, Override, Rulebook
from rules.schema import CODE, ConditionBody, DwellBody, FlapBody, OverrideBody, RaiseBody

Body = TypeVar("Body", bound=BaseModel)
_NOT_JUDGING = frozenset({"title", "source"})


@dataclass(slots=True)
class _Draft:
    """One condition while it is put together: its layers from low to high, and the overrides of all of them."""

    id: str
    layers: list[tuple[YamlFile, Path_]] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    overrides: list[tuple[YamlFile, Path_, object]] = field(default_factory=list)
    params_from: int = 0
    """The layer that named the detector: the params of lower ones belonged to another detector."""

    def fault(self, loc: Path_, message: str) -> ConfigError:
        """A fault at a key, in the highest layer that has the key (or else that around it)."""
        layers = self.layers[self.params_from :] if loc[:1] == ("params",) else self.layers
        for end in range(len(loc), -1, -1):
            for file, path in reversed(layers):
                if (*path, *loc[:end]) in file.lines:
                    line = file.lines[(*path, *loc[:end])]
                    return ConfigError(message, file=file.file, line=line, key=dotted((*path, *loc)))
        return ConfigError(message, key=dotted((self.id, *loc)))


def load(path: Path | None = None) -> Rulebook:
    """The shipped rulebook with the file `path` over it. Raises ConfigError, the first fault, when anything is wrong."""
    book, faults = load_all(path)
    if book is None:
        raise faults[0]
    return book


def check(path: Path | None = None, *, filings: Collection[str] | None = None) -> list[ConfigError]:
    """Every fault of the shipped rulebook with the file `path` over it, in order of file and line.

    With `filings` (the items of the table of time limits) an item that is not among them is a fault, too.
    """
    return load_all(path, filings=filings)[1]


def load_all(path: Path | None = None, *, filings: Collection[str] | None = None) -> tuple[Rulebook | None, list[ConfigError]]:
    """The rulebook, or None and every fault. `filings` as in `check`."""
    sources = shipped()
    if path is not None:
        sources.append(read(path))
    return from_files(sources, filings=filings)


def shipped() -> list[YamlFile]:
    """The files of rules/conditions, in order of name, named from the root of the project."""
    with as_file(files("rules") / "conditions") as folder:
        found = [read(path) for path in sorted(folder.glob("*.yml"))]
    for source in found:
        source.file = f"rules/conditions/{Path(source.file).name}"
    return found


def from_files(
    sources: Sequence[YamlFile], *, filings: Collection[str] | None = None
) -> tuple[Rulebook | None, list[ConfigError]]:
    """A rulebook from parsed files, later ones over earlier ones; or None and every fault. `filings` as in `check`."""
    faults = [fault for source in sources for fault in source.faults]
    drafts: dict[str, _Draft] = {}
    for source in sources:
        _add(source, drafts, faults)
    rules = {draft.id: rule for draft in drafts.values() if (rule := _rule(draft, filings, faults)) is not None}
    if faults:
        order = {source.file: number for number, source in enumerate(sources)}
        return None, sorted(faults, key=lambda fault: (order.get(fault.file, -1), fault.line, fault.key))
    return Rulebook(version=_version(drafts.values()), conditions=dict(sorted(rules.items()))), []


def _add(source: YamlFile, drafts: dict[str, _Draft], faults: list[ConfigError]) -> None:
    if source.value is None:
        if not source.faults:
            faults.append(ConfigError("the file is empty; give at least one condition", file=source.file, line=1))
        return
    if not isinstance(source.value, Mapping):
        faults.append(source.fault((), "must be a mapping of condition id to condition"))
        return
    for id, body in source.value.items():
        if re.fullmatch(CODE, id) is None:
            faults.append(source.fault((id,), "a condition id has capital letters, figures and dashes, such as MH-OPEN"))
        elif not isinstance(body, Mapping):
            faults.append(source.fault((id,), "must be a mapping"))
        else:
            _merge(drafts.setdefault(id, _Draft(id)), source, (id,), dict(body), faults)


def _merge(draft: _Draft, source: YamlFile, path: Path_, body: dict[str, Any], faults: list[ConfigError]) -> None:
    overrides = body.pop("overrides", None)
    if isinstance(overrides, list):
        where = (*path, "overrides")
        draft.overrides += [(source, (*where, number), item) for number, item in enumerate(overrides)]
    elif overrides is not None:
        faults.append(source.fault((*path, "overrides"), "must be a list of {match: ..., set: ...}"))
    detector = body.get("detector")
    if isinstance(detector, str) and detector in DETECTORS and detector != draft.body.get("detector"):
        draft.body.pop("params", None)
        draft.params_from = len(draft.layers)
    draft.layers.append((source, path))
    draft.body = _deep(draft.body, body)


def _deep(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = _deep(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _rule(draft: _Draft, filings: Collection[str] | None, faults: list[ConfigError]) -> ConditionRule | None:
    def note(loc: Path_, message: str) -> None:
        faults.append(draft.fault(loc, message))

    before = len(faults)
    body = _validated(ConditionBody, draft.body, note)
    name = draft.body.get("detector")
    if isinstance(name, str) and name not in DETECTORS:
        hint = closest(name, DETECTORS) or f"; there are {', '.join(sorted(DETECTORS))}"
        note(("detector",), f"unknown detector {name!r}{hint}")
    elif isinstance(name, str) and isinstance(draft.body.get("params"), Mapping):
        params = build(DETECTORS[name].Params, draft.body["params"], ("params",), note)
    if body is not None and body.filing is not None and filings is not None and body.filing not in filings:
        note(("filing",), f"the table of time limits has no item {body.filing}{closest(body.filing, filings)}")
    if body is None or len(faults) > before:
        return None
    overrides = [_override(draft, *item, faults) for item in draft.overrides]
    if len(faults) > before:
        return None
    return ConditionRule(
        id=draft.id,
        kind=body.kind,
        detector=body.detector,
        params=params,
        severity=body.severity,
        info=_info(draft.id, body),
        raise_after=_dwell(body.raise_after),
        clear_after=_dwell(body.clear_after),
        flap=_flap(body.flap),
        source=body.source,
        enabled=body.enabled,
        overrides=tuple(item for item in overrides if item is not None),
    )


def _validated(cls: type[Body], raw: object, note: Note, at: Path_ = ()) -> Body | None:
    try:
        return cls.model_validate(raw)
    except ValidationError as error:
        for loc, message in worded(error.errors(include_url=False)):
            note((*at, *loc), message)
        return None


def _override(draft: _Draft, file: YamlFile, path: Path_, raw: object, faults: list[ConfigError]) -> Override | None:
    """One override. It is checked as the whole condition that it makes, so that a clear above its raise is found."""

    def note(loc: Path_, message: str) -> None:
        faults.append(file.fault((*path, *loc), message))

    before = len(faults)
    body = _validated(OverrideBody, raw, note)
    if body is None:
        return None
    change = {key: value for key, value in body.set.model_dump().items() if value is not None}
    whole = _deep(draft.body, change)
    params = None
    cls: type = DETECTORS[draft.body["detector"]].Params
    if body.set.params is not None:
        params = build(cls, whole["params"], ("set", "params"), note)
    parts: dict[str, Any] = {}
    for key, schema, make in _PARTS:
        if key in change:
            part = _validated(schema, whole[key], note, ("set", key))
            parts[key] = make(part) if part is not None else None
    if len(faults) > before:
        return None
    names = [keys_of(cls)[key].name for key in body.set.params or {}]
    return Override(
        model=body.match.model,
        asset=body.match.asset,
        kind=body.match.kind,
        params={name: getattr(params, name) for name in names},
        severity=body.set.severity,
        enabled=body.set.enabled,
        source=body.source,
        **parts,
    )


def _dwell(body: DwellBody) -> Dwell:
    return Dwell(body.readings, body.seconds, body.by_clock if isinstance(body, RaiseBody) else True)


def _flap(body: FlapBody) -> Flap:
    return Flap(body.count, body.window_s, body.hold_s)


_PARTS: tuple[tuple[str, type[BaseModel], Callable[[Any], Any]], ...] = (
    ("raise_after", RaiseBody, _dwell),
    ("clear_after", DwellBody, _dwell),
    ("flap", FlapBody, _flap),
)


def _info(id: str, body: ConditionBody) -> ConditionInfo:
    return ConditionInfo(
        id=id,
        kind=body.kind,
        severity=body.severity,
        cause=body.cause,
        filing=body.filing,
        verify_s=body.verify_s,
        group_by=body.group_by,
        group_min=body.group_min,
        group_wait_s=body.group_wait_s,
        title_en=body.title.en,
        title_zh=body.title.zh,
    )


def _version(drafts: Iterable[_Draft]) -> str:
    judging = {
        draft.id: [
            {key: value for key, value in draft.body.items() if key not in _NOT_JUDGING},
            [item for _, _, item in draft.overrides],
        ]
        for draft in drafts
    }
    text = json.dumps(judging, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
