"""`citybrain check-config`: every fault of every file of the configuration, before anything is started."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import typer
from pydantic import ValidationError

from citybrain import clock, yamlfile
from citybrain.cli.common import Output, OutputOption, emit
from citybrain.config import SECRETS, Settings
from citybrain.kernel.errors import ConfigError
from citybrain.text import text


class Part(NamedTuple):
    """One kind of file: `module.function(path)` gives its faults; `setting` names the setting that holds the path."""

    name: str
    module: str
    function: str
    setting: str


PARTS = (
    Part("calendars", "dispatch.calendars", "check_calendars", "calendars"),
    Part("channels", "dispatch.channel_rules", "check_channel_rules", "channels"),
    Part("storm", "dispatch.stormrules", "check_storm", "storm"),
    Part("people", "dispatch.people.file", "check_people", "people"),
    Part("scores", "dispatch.scores.rules", "check_rules", "scores"),
    Part("profiles", "ingest.registry", "check_profiles", "profiles"),
)
"""The rulebook is checked last and apart: its filing items must be in the limits."""


def register(root: typer.Typer) -> None:
    """Add the command."""

    @root.command("check-config")
    def check_config(
        config: Path | None = typer.Option(None, help="Settings file (default: CITYBRAIN_CONFIG).", show_default=False),
        rulebook: Path | None = typer.Option(None, help="Rulebook file over the shipped one.", show_default=False),
        profiles: Path | None = typer.Option(None, help="Folder of device profiles.", show_default=False),
        limits: Path | None = typer.Option(None, help="CSV of time limits.", show_default=False),
        calendars: Path | None = typer.Option(None, help="YAML of working calendars.", show_default=False),
        people: Path | None = typer.Option(None, help="YAML of people, duties and policies.", show_default=False),
        grouping: Path | None = typer.Option(None, help="YAML of which alerts are one case.", show_default=False),
        city_profile: str | None = typer.Option(None, help="cn, uk, or a YAML of limits of both clocks.", show_default=False),
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Check settings, rulebook, profiles, limits, calendars and grouping; name file, line and key of every fault.

        Exits with 1 when there is any. Nothing is started, no server is needed.

        Example: citybrain check-config --rulebook city-rules.yml
        """
        given: dict[str, Path | str | None] = {
            "rulebook": rulebook,
            "profiles": profiles,
            "limits": limits,
            "calendars": calendars,
            "people": people,
            "grouping": grouping,
        }
        given["city_profile"] = city_profile
        language, faults = check_all(config, {key: value for key, value in given.items() if value is not None})
        if output is Output.JSON:
            emit([{"file": f.file, "line": f.line, "key": f.key, "fault": f.message} for f in faults], output)
        else:
            for fault in faults:
                typer.echo(str(fault))
            typer.echo(text("cli.faults", language, n=len(faults)) if faults else text("cli.no_faults", language))
        if faults:
            raise typer.Exit(1)


def check_all(config: Path | None, given: Mapping[str, Path | str]) -> tuple[str, list[ConfigError]]:
    """The language to speak (English while the settings are wrong), and every fault. `given`: paths by setting."""
    settings, faults = check_settings(config, given)
    parts = ("limits", "calendars", "scores", "channels", "people", "grouping", "storm", "forecast", "profiles", "rulebook")
    paths = {part: given.get(part) or getattr(settings, part, None) for part in parts}
    if settings is not None:
        faults += _function("dispatch.watching", "check_watch")(settings)
    for part in PARTS:
        faults += _function(part.module, part.function)(paths[part.setting])
    profile = str(given.get("city_profile") or (settings.city_profile if settings else "cn"))
    limits, needed = paths["limits"], _shipped_filings()
    faults += _function("dispatch.profiles", "check_profile")(profile, limits, needed)
    filings = _filings(profile, limits, needed)
    faults += _function("dispatch.grouping_file", "check_grouping")(paths["grouping"], filings=filings)
    faults += _function("forecast.book", "check_forecast")(paths["forecast"], filings=filings)
    faults += _function("rules.load", "check")(paths["rulebook"], filings=filings)
    return settings.language if settings else "en", faults


def _shipped_filings() -> set[str]:
    """The filing items of what is shipped, rulebook and planned orders: a profile that lacks one is at fault, and not they."""
    infos = (*_function("rules.load", "load")().info.values(), *_function("forecast.book", "planned_infos")().values())
    return {info.filing for info in infos if info.filing is not None}


def _filings(profile: str, limits: object, needed: set[str]) -> list[str] | None:
    """The items that a rulebook may name; None when the profile is faulty, which is told already."""
    try:
        return sorted(needed | set(_function("dispatch.profiles", "load_profile")(profile, limits).items))
    except ConfigError:
        return None


def check_settings(config: Path | None, given: Mapping[str, Path | str]) -> tuple[Settings | None, list[ConfigError]]:
    """The settings (None when they are wrong) and every fault: of the file with its line, else by environment variable."""
    name = str(config) if config else os.environ.get("CITYBRAIN_CONFIG", "")
    file = yamlfile.read(Path(name)) if name else yamlfile.YamlFile("")
    faults = list(file.faults)
    content: dict[str, Any] = {}
    if isinstance(file.value, dict):
        content = file.value
    elif file.value is not None:
        faults.append(file.fault((), "must be a mapping of setting to value"))
    if faults:
        return None, faults
    over = {key: value for key in content if (value := os.environ.get(f"CITYBRAIN_{key.upper()}")) is not None}
    try:
        settings = Settings(**(content | over | dict(given)))
        clock.parse(settings.clock)
        return settings, faults
    except ConfigError as error:
        place = file.fault(("clock",), error.message) if "clock" in content and "clock" not in over else None
        return None, [place or ConfigError(error.message, file="environment", key="CITYBRAIN_CLOCK")]
    except ValidationError as error:
        for loc, words in yamlfile.worded(error.errors()):
            key = str(loc[0]) if loc else ""
            # the value of a secret is not shown
            message = words.rsplit(" (got ", 1)[0] if key in SECRETS else words
            if loc in file.lines and key not in over and key not in given:
                faults.append(file.fault(loc, message))
            else:
                faults.append(ConfigError(message, file="environment", key=f"CITYBRAIN_{key.upper()}"))
        return None, faults


def _function(module: str, name: str) -> Callable[..., Any]:
    # imported when needed: the parts are large, and a fault in one must not hide those of the others
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
