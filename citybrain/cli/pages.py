"""The pages of docs/reference, made from the code, so that they cannot say anything else than the code does."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any

from citybrain.config import Settings
from citybrain.kernel.measures import MEASURES
from console.reference import reference
from dispatch.limits import CLOCKS, MAKE_SAFE, REPAIR, Item, Limit
from dispatch.profiles import SHIPPED, Profile, load_profile
from ingest.quarantine import IGNORED, NOTES, REASONS
from rules.detectors.words import span
from rules.load import load
from rules.rulebook import ConditionRule, Dwell

HEAD = "<!-- Made by `citybrain docs --write`. Change the code, not this page. -->\n\n"
_KIND_TITLES = {
    "manhole": "Manhole covers",
    "streetlight": "Streetlights",
    "drain": "Storm drains and sewers",
    "cabinet": "Lighting cabinets",
    "any": "Any device",
}


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [_row(columns), _row(["---"] * len(columns))]
    return "\n".join([*lines, *(_row(row) for row in rows)]) + "\n"


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def settings_page() -> str:
    """Every setting: its variable, type, default and meaning."""
    rows = []
    for name, info in Settings.model_fields.items():
        default = info.default
        if isinstance(default, Path):
            default = "user data directory, `~/.local/share/citybrain` on Linux"
        elif default is None:
            default = ""
        else:
            default = f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append((f"`{name}`", f"`CITYBRAIN_{name.upper()}`", type_text(info.annotation), default, info.description))
    return (
        "# Settings\n\n"
        "Defaults, then the YAML file named by `CITYBRAIN_CONFIG`, then the environment, then the command line; later\n"
        "ones win. `citybrain check-config` names every fault.\n\n"
        + table(("setting", "variable", "type", "default", "meaning"), rows)
    )


def metrics_page() -> str:
    """Every metric of `/metrics`."""
    rows = [(f"`{m.name}`", m.type, ", ".join(f"`{label}`" for label in m.labels), m.where, m.text) for m in reference()]
    return (
        "# Metrics\n\n"
        "Served at `/metrics` in the text format of Prometheus. Embedded: by the HTTP server, for all parts, with the label\n"
        "`process` (`pipeline`, `cycle`, `http`). Cluster: by each service for itself; what is of the database by `console`.\n"
        '"Cluster" are those that only the cluster runtime has. City seconds are real ones unless the clock is scaled.\n\n'
        + table(("metric", "type", "labels", "of", "meaning"), rows)
    )


def measures_page() -> str:
    """Every canonical measure."""
    rows = [(f"`{name}`", m.unit, f"{m.low:g} to {m.high:g}", m.what) for name, m in MEASURES.items()]
    return (
        "# Measures\n\n"
        "The canonical names of values. Units are UCUM; booleans are `true` and `false`. A number outside of its range\n"
        "is physically impossible and is left out. Values of other names are stored, and no rule reads them.\n\n"
        + table(("measure", "unit", "believed", "meaning"), rows)
    )


def quarantine_page() -> str:
    """Every reason for which a message is not taken."""

    def rows(reasons: Mapping[str, str]) -> str:
        return table(("reason", "meaning"), [(f"`{code}`", what) for code, what in reasons.items()])

    return (
        "# Reasons of refusal\n\n"
        "## Quarantined\n\nThe message could not be read. It is stored with its bytes, counted and acknowledged;\n"
        "see `citybrain quarantine list`.\n\n" + rows(REASONS) + "\n## Ignored\n\nThe message is understood and is no reading. "
        "It is counted and not stored.\n\n"
        + rows(IGNORED)
        + "\n## Notes\n\nOne value is left out, the others are taken.\n\n"
        + rows(NOTES)
    )


def limits_page() -> str:
    """The time limits of the shipped profiles."""
    head = (
        "# Time limits\n\n"
        "The shipped profiles (`dispatch/data/profiles/`), chosen by the setting `city_profile`; rows of a CSV named by\n"
        "`limits` stand over them: see [time limits and calendars](../how-to/time-limits.md).\n\n"
        "`urgent_minute`, `urgent_hour` and `natural_day` run day and night; `work_hour` runs in working time; `work_day` is\n"
        "a working day's hours of the calendar. Of several rows of a clock the one counts that names most of severity and\n"
        "street. *Quiet*: kept and scored, nobody is reminded. Marks of sources: [V] read in the public source that is\n"
        "named; [M] common practice, text not read; [I] our own choice.\n"
    )
    return head + "".join(_profile(load_profile(name)) for name in SHIPPED)


def _profile(profile: Profile) -> str:
    def rows(item: Item) -> Iterable[tuple[object, ...]]:
        for clock in CLOCKS:
            for limit in item.rows(clock):
                quiet = ", quiet" if limit.quiet else ""
                yield f"`{item.item}`", clock, limit.severity or "", limit.street or "", limit_text(limit) + quiet, limit.source

    items = table(
        ("item", "object", "filed when", "closed when", "checked before"),
        [
            (f"`{one.item}`", one.object_en, one.condition_en, one.close_en, "; ".join(check.en for check in one.checklist))
            for one in profile
        ],
    )
    limits = table(("item", "clock", "severity", "street", "limit", "source"), [row for one in profile for row in rows(one)])
    return f"\n## `{profile.name}`: {profile.title_en}\n\n### Items\n\n{items}\n### Limits\n\n{limits}"


def limit_text(limit: Limit) -> str:
    """`2 urgent_hour`."""
    return f"{limit.value:g} {limit.unit}"


def conditions_page() -> str:
    """Every shipped condition."""
    book, profile = load(), load_profile()
    parts = [
        "# Conditions\n\n"
        "The shipped rulebook (`rules/conditions/*.yml`). A city changes it by a file of its own: see\n"
        "[the keys](rulebook.md) and [how to change a rule](../how-to/change-a-rule.md).\n\n"
        "Marks of sources: [V] read in the public source that is named; [D] calculated from such numbers; [M] common\n"
        "practice, text not read; [I] our own inference.\n"
    ]
    for kind, title in _KIND_TITLES.items():
        parts.append(f"\n## {title}\n")
        for rule in book.conditions.values():
            if rule.kind == kind:
                parts.append(_condition(rule, profile.of(rule.info.filing) if rule.info.filing else None))
    return "".join(parts)


def _condition(rule: ConditionRule, item: Item | None) -> str:
    info = rule.info
    order = "none: information only"
    if item is not None:
        safe, repair = item.limit(MAKE_SAFE, rule.severity), item.limit(REPAIR, rule.severity)
        assert safe is not None, "the profile was checked"
        assert repair is not None, "the profile was checked"
        order = f"`{item.item}`: {limit_text(repair)}" + ("" if safe.quiet else f", made safe in {limit_text(safe)}")
    facts = [
        ("severity", rule.severity),
        ("detector", f"[`{rule.detector}`](rulebook.md#{rule.detector})"),
        ("params", f"`{params_text(rule.params)}`"),
        ("raised after", _dwell(rule.raise_after)),
        ("resolved after", _dwell(rule.clear_after) + " of the opposite"),
        ("flapping", f"{rule.flap.count} times in {span(rule.flap.window_s)}, then held {span(rule.flap.hold_s)} longer"),
        ("cause", f"`{info.cause}`"),
        ("order", order),
        ("verified after", span(info.verify_s)),
    ]
    if info.group_by:
        facts.append(("grouped by", f"{info.group_by}: {info.group_min} or more within {span(info.group_wait_s)}"))
    for override in rule.overrides:
        who = f"model {override.model}" if override.model else f"kind {override.kind}" if override.kind else override.asset
        facts.append((f"for {who}", f"`{plain(dict(override.params))}`"))
    facts.append(("source", rule.source))
    return f"\n### {rule.id}\n\n{info.title_en} · {info.title_zh}\n\n" + table(("", ""), facts)


def _dwell(dwell: Dwell) -> str:
    readings = f"{dwell.readings} reading" + ("s" if dwell.readings > 1 else "")
    if dwell.seconds == 0:
        return readings
    return f"{readings} and {span(dwell.seconds)}" + ("" if dwell.by_clock else ", by a reading that still says so")


def params_text(params: Any) -> str:
    """The parameters that differ from their defaults, as they stand in YAML."""
    return plain(changed(params))


def changed(thing: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults, by YAML key."""
    found = {}
    for name, field in type(thing).__dataclass_fields__.items():
        value = getattr(thing, name)
        if value != field.default:
            found[name.rstrip("_")] = value
    return {key: value for key, value in found.items() if not (isinstance(value, tuple | Mapping) and not value)}


def plain(value: Any) -> str:
    if hasattr(value, "__dataclass_fields__"):
        return plain(changed(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key.rstrip('_')}: {plain(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(plain(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return f'"{value}"' if isinstance(value, str) and not re.fullmatch(r"\w+", value) else str(value)


def type_text(annotation: Any) -> str:
    """A type for people."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_text(args[0])
    if origin is typing.Literal:
        return " or ".join(f"`{arg}`" for arg in args)
    if origin in (typing.Union, UnionType):
        return " or ".join(type_text(arg) for arg in args if arg is not type(None))
    if origin is tuple:
        inner = type_text(args[0])
        return f"list of {inner}" if args[-1] is Ellipsis else f"list of {len(args)}: {inner}"
    return _TYPES.get(origin or annotation, "mapping")


_TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}

PAGES: dict[str, Callable[[], str]] = {
    "conditions.md": conditions_page,
    "limits.md": limits_page,
    "measures.md": measures_page,
    "metrics.md": metrics_page,
    "quarantine.md": quarantine_page,
    "settings.md": settings_page,
}
"""Name in docs/reference -> its content. `citybrain.cli.docs` adds those of the command line and of the rulebook's keys."""
