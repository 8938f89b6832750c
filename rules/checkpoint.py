"""PURE: the state of an engine as bytes: a JSON head, then the numbers of all assets as little-endian 64-bit words.

The head says how the memory of each class of assets is laid out, so a state outlives a change of the rulebook: what a
condition remembers is found again by its id.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from citybrain.kernel.errors import ConfigError
from citybrain.kernel.events import AlertPhase, Evidence
from citybrain.kernel.model import Asset
from rules.detectors.base import NAN, Memory
from rules.lifecycle import Episode
from rules.plan import Plan, Planner
from rules.rain import RainHistory, Sample
from rules.state import AssetState

FORMAT: Final = 1
_LITTLE: Final = sys.byteorder == "little"

Layout = tuple[tuple[str, str, int, int], ...]
"""(condition, detector, base, size) of each condition."""


def write(states: Iterable[AssetState], rain: RainHistory, version: str) -> bytes:
    """The bytes of some assets and of the rain. Assets stand in order of id, so that the same state gives the same bytes."""
    layouts: dict[Layout, int] = {}
    assets: list[Any] = []
    numbers: list[bytes] = []
    for state in sorted(states, key=lambda one: one.id):
        layout = layouts.setdefault(state.plan.layout, len(layouts))
        episodes = [_episode_out(key, one) for key, one in sorted((state.active or {}).items())]
        size = len(state.memory), len(state.ring)
        assets.append((state.id, state.plan.kind, layout, state.newest, state.floor, state.pos, size, episodes))
        numbers += (_out(state.memory), _out(state.ring))
    districts = {
        name: {gauge: [tuple(sample) for sample in samples] for gauge, samples in sorted(one.gauges.items())}
        for name, one in sorted(rain.districts.items())
        if one.gauges
    }
    head = orjson.dumps(
        {"format": FORMAT, "version": version, "layouts": list(layouts), "assets": assets, "rain": districts},
        option=orjson.OPT_NON_STR_KEYS,
    )
    return b"".join((len(head).to_bytes(8, "little"), head, *numbers))


def read_rain(data: bytes, rain: RainHistory) -> None:
    """Puts the rain of a state into `rain`."""
    head, _ = _head(data)
    for district, gauges in head["rain"].items():
        for gauge, samples in gauges.items():
            for at_ms, key, fallen, counter in samples:
                sample = Sample(at_ms, key, NAN if fallen is None else fallen, NAN if counter is None else counter)
                rain.district(district).add(gauge, sample)


def read_states(data: bytes, planner: Planner, asset_of: Callable[[str], Asset | None]) -> Iterator[AssetState]:
    """The assets of a state, planned by the present rulebook and register. Their timers are not armed yet."""
    head, at = _head(data)
    layouts: list[Layout] = [tuple(tuple(part) for part in layout) for layout in head["layouts"]]
    for asset_id, kind, layout, newest, floor, pos, (width, ring), episodes in head["assets"]:
        asset = asset_of(asset_id)
        plan = planner.plan(asset) if asset is not None else Plan(kind, ())
        memory = _in("d", data[at : at + 8 * width])
        at += 8 * width
        if asset is None or layouts[layout] != plan.layout:
            memory = moved(memory, layouts[layout], plan, asset)
        else:
            plan.bind(asset, memory)
        state = AssetState(asset_id if asset is None else asset.id, plan, memory, newest)
        state.floor, state.pos = floor, pos
        state.ring = _in("q", data[at : at + 8 * ring])
        at += 8 * ring
        state.active = {one[0]: _episode_in(one) for one in episodes} or None
        yield state


class Survey(NamedTuple):
    """What is in a state, without planning it."""

    assets: int
    phases: Mapping[str, int]
    """phase -> episodes that are not at rest"""
    timer_ms: int
    """The newest time of a timer that did something to an asset which has not been heard since; 0 when there is none."""


def survey(data: bytes) -> Survey:
    """Look into a state. Raises ConfigError when it is none."""
    head, _ = _head(data)
    phases: Counter[str] = Counter()
    timer_ms = 0
    for _, _, _, newest, floor, _, _, episodes in head["assets"]:
        phases.update(one[1] for one in episodes if one[1] != AlertPhase.RESOLVED)
        if floor > newest:
            timer_ms = max(timer_ms, floor)
    return Survey(len(head["assets"]), phases, timer_ms)


def moved(memory: Memory, layout: Layout, plan: Plan, asset: Asset | None) -> Memory:
    """The memory of an asset under another plan: what the same condition with the same detector remembered comes along."""
    if asset is None:
        return array("d")
    new = plan.memory(asset)
    before = {(key, detector, size): base for key, detector, base, size in layout}
    for one in plan.conditions:
        old = before.get((one.id, one.detector, one.size))
        if old is not None:
            new[one.base + one.fixed : one.base + one.size] = memory[old + one.fixed : old + one.size]
    return new


def _head(data: bytes) -> tuple[dict[str, Any], int]:
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        head = orjson.loads(data[8:end])
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"not a state of the rules engine: {error}") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ConfigError(f"not a state of the rules engine in format {FORMAT}")
    return head, end


def _episode_out(key: str, one: Episode) -> tuple[Any, ...]:
    return (
        key,
        str(one.phase),
        one.id,
        one.severity,
        one.onset_ms,
        one.bads,
        one.good_ms,
        one.goods,
        one.raises,
        one.held,
        one.reason,
        one.detail,
        [tuple(evidence) for evidence in one.evidence],
    )


def _episode_in(given: list[Any]) -> Episode:
    one = Episode()
    _, phase, one.id, one.severity, one.onset_ms, one.bads, one.good_ms, one.goods, raises, held, reason, detail, evidence = (
        given
    )
    one.phase = AlertPhase(phase)
    one.raises, one.held, one.reason, one.detail = raises, held, reason, detail
    one.evidence = tuple(Evidence(*values) for values in evidence)
    return one


def _out(numbers: array[Any]) -> bytes:
    if not _LITTLE:
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _in(code: str, data: bytes) -> array[Any]:
    numbers = array(code, data)
    if not _LITTLE:
        numbers.byteswap()
    return numbers
