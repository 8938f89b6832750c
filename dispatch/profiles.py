"""The profile of a city: its filing items with both clocks, and by which rules the clocks may be stopped.

Two are shipped in `dispatch/data/profiles/`: `cn` and `uk`. A city names one of them, or a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from citybrain import yamlfile
from citybrain.kernel.errors import ConfigError, NotFound
from citybrain.kernel.model import Severity
from dispatch.limit_rows import over
from dispatch.limits import CLOCKS, KINDS, Check, Item, Limit, checked

SHIPPED = ("cn", "uk")
_FORBID = ConfigDict(extra="forbid", frozen=True)


def _any(value: Any) -> Any:
    return None if value == "*" else value


class _Text(BaseModel):
    model_config = _FORBID

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


class _Row(BaseModel):
    model_config = _FORBID

    limit: str
    source: str = Field(min_length=1)
    severity: Annotated[Severity | None, BeforeValidator(_any)] = None
    street_class: Annotated[str | None, BeforeValidator(_any)] = None
    quiet: bool = False


class _Check(_Text):
    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    required: bool = True


class _Item(BaseModel):
    model_config = _FORBID

    kind: str
    object: _Text
    filed: _Text
    closed: _Text
    checklist: str | None = None
    make_safe: list[_Row] = Field(min_length=1)
    repair: list[_Row] = Field(min_length=1)


class Rules(BaseModel):
    """By which rules the clocks of a city may be stopped."""

    model_config = _FORBID

    safe_by_arrival: bool = False
    """Whoever arrives has made it safe; else that is said apart (`make_safe`)."""
    checklist: Literal["shown", "required"] = "shown"
    """`required`: without its required lines nothing is reported fixed."""
    pause_days: float = Field(30, gt=0, le=366)
    """A pause ends by itself after so many days."""
    suspension_days: float = Field(366, gt=0, le=366)
    """A suspension (挂账) ends after so many days at the latest."""
    pause_reasons: tuple[str, ...] = ("waiting_for_parts", "no_access", "weather", "other_work", "police", "utility")
    suspend_reasons: tuple[str, ...] = ("planned_renewal", "budget", "dispute", "season")
    extend_reasons: tuple[str, ...] = ("larger_than_seen", "waiting_for_parts", "weather", "no_access")
    reopen_reasons: tuple[str, ...] = ("not_fixed", "came_back", "wrong_place", "poor_work")


class _Profile(BaseModel):
    model_config = _FORBID

    title: _Text
    rules: Rules = Rules()
    street_classes: dict[str, list[str]] = {}
    checklists: dict[str, list[_Check]] = {}
    items: dict[str, _Item] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile as dispatch asks it."""

    name: str
    title_en: str = ""
    title_zh: str = ""
    rules: Rules = Rules()
    streets: Mapping[str, str] = field(default_factory=dict)
    """class of a street as the register has it, or as the profile names it -> as the profile names it"""
    items: Mapping[str, Item] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items.values())

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, item: object) -> bool:
        return item in self.items

    def of(self, item: str) -> Item:
        """A filing item. Raises NotFound."""
        try:
            return self.items[item]
        except KeyError:
            raise NotFound(f"no time limit for filing item {item!r}; there are: {', '.join(sorted(self.items))}") from None

    def limit(self, clock: str, item: str, severity: str | None = None, street: str | None = None) -> Limit:
        """The row of a clock (`make_safe`, `repair`) for an item, a severity and the class of a street, as the register has
        it. Raises NotFound when there is none."""
        found = self.of(item).limit(clock, severity, self.streets.get(street or ""))
        if found is None:
            raise NotFound(
                f"filing item {item!r} has no {clock} limit for severity {severity!r} on a street of class {street!r}"
            )
        return found


def load_profile(profile: str = "cn", rows: Path | None = None) -> Profile:
    """A shipped profile by name, or one of a file, with the rows of a CSV over it. Raises ConfigError with file, line, key."""
    found, errors = _shipped(profile) if profile in SHIPPED and rows is None else _read_all(profile, rows)
    if errors:
        raise errors[0]
    return found


def check_profile(profile: str = "cn", rows: Path | None = None, needed: Iterable[str] = ()) -> list[ConfigError]:
    """Every fault of a profile and its CSV; `needed`: items that the conditions of the rulebook file."""
    found, errors = _read_all(profile, rows)
    file = _parsed(profile)
    missing = sorted(set(needed) - set(found.items))
    if found.items:
        errors += [file.fault(("items", item), "missing: conditions of the rulebook file it") for item in missing]
    return errors


@cache
def _shipped(profile: str) -> tuple[Profile, list[ConfigError]]:
    return _read_all(profile, None)


def _parsed(profile: str) -> yamlfile.YamlFile:
    if profile in SHIPPED:
        text = files("dispatch").joinpath("data", "profiles", f"{profile}.yml").read_text(encoding="utf-8")
        return yamlfile.parse(text, f"dispatch/data/profiles/{profile}.yml")
    path = Path(profile).expanduser()
    if not path.suffix and not path.exists():
        return yamlfile.YamlFile(
            profile, faults=[ConfigError(f"{profile!r}: one of {', '.join(SHIPPED)}, or a file", key="city_profile")]
        )
    return yamlfile.read(path)


def _read_all(profile: str, rows: Path | None) -> tuple[Profile, list[ConfigError]]:
    file = _parsed(profile)
    name = profile if profile in SHIPPED else Path(profile).stem
    if file.faults:
        return Profile(name), list(file.faults)
    if not isinstance(file.value, dict):
        return Profile(name), [file.fault((), "must be a mapping with title, items and so on")]
    try:
        raw = _Profile.model_validate(file.value)
    except ValidationError as problem:
        return Profile(name), file.pydantic_faults((), problem.errors())
    streets = {alias: main for main, aliases in raw.street_classes.items() for alias in (main, *aliases)}
    checklists = {
        key: tuple(Check(one.id, one.en, one.zh, one.required) for one in lines) for key, lines in raw.checklists.items()
    }
    items: dict[str, Item] = {}
    errors = list(_street_faults(raw, file))
    for item, body in raw.items.items():
        faults: list[ConfigError] = []
        limits = {clock: _rows(item, clock, getattr(body, clock), streets, file, faults) for clock in CLOCKS}
        if body.kind not in KINDS:
            faults.append(file.fault(("items", item, "kind"), f"{body.kind!r}: one of {', '.join(sorted(KINDS))}"))
        if body.checklist is not None and body.checklist not in checklists:
            known = ", ".join(sorted(checklists)) or "none"
            faults.append(file.fault(("items", item, "checklist"), f"{body.checklist!r}: one of the checklists: {known}"))
        errors += faults
        if not faults:
            items[item] = Item(
                item, body.kind, body.object.en, body.object.zh, body.filed.en, body.filed.zh, body.closed.en, body.closed.zh,
                limits["make_safe"], limits["repair"], checklists.get(body.checklist or "", ()),
            )  # fmt: skip
    if rows is not None:
        items, faults = over(items, rows, streets)
        errors += faults
    return Profile(name, raw.title.en, raw.title.zh, raw.rules, streets, items), errors


def _street_faults(raw: _Profile, file: yamlfile.YamlFile) -> Iterator[ConfigError]:
    seen: dict[str, str] = {}
    for main, aliases in raw.street_classes.items():
        for alias in aliases:
            if seen.setdefault(alias, main) != main or (alias in raw.street_classes and alias != main):
                yield file.fault(("street_classes", main), f"{alias!r} stands in two classes of streets")


def _rows(
    item: str, clock: str, rows: list[_Row], streets: Mapping[str, str], file: yamlfile.YamlFile, faults: list[ConfigError]
) -> tuple[Limit, ...]:
    made: list[Limit] = []
    for number, row in enumerate(rows):
        at = ("items", item, clock, number)
        try:
            value, _, unit = row.limit.strip().partition(" ")
            number_, unit = checked(value, unit.strip(), row.source, keys=("limit", "limit", "source"))
            if row.street_class is not None and row.street_class not in streets:
                known = ", ".join(sorted(set(streets.values()))) or "none: give street_classes"
                raise ConfigError(f"{row.street_class!r}: one of {known}, or *", key="street_class")
        except ConfigError as error:
            faults.append(file.fault((*at, error.key), error.message))
            continue
        street = streets[row.street_class] if row.street_class is not None else None
        limit = Limit(number_, unit, row.source, str(row.severity) if row.severity else None, street, row.quiet)
        if any(other.key == limit.key for other in made):
            faults.append(file.fault(at, f"two rows for severity {row.severity or '*'} and street class {street or '*'}"))
        made.append(limit)
    if made and not any(limit.key == (None, None) for limit in made):
        faults.append(
            file.fault(("items", item, clock), "needs one row for every severity and class of streets (leave both out)")
        )
    return tuple(made)
