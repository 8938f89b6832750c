"""A new rulebook for a program that runs (SIGHUP). A bad file changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from citybrain.kernel.errors import ConfigError
from rules.load import load_all
from rules.rulebook import Rulebook


class Reloaded(NamedTuple):
    """What came of it. `rulebook` is the one to use from now on, in every case."""

    rulebook: Rulebook
    outcome: Literal["taken", "same", "refused"]
    """taken: use the new one. same: it judges like the old one. refused: the old one, because of `faults`."""
    faults: tuple[ConfigError, ...] = ()
    changed: tuple[str, ...] = ()
    """Ids of the conditions that were added, removed or changed, in order."""


def reload(current: Rulebook, path: Path | None) -> Reloaded:
    """Reads the files again. Never raises for what stands in them: the caller logs the faults and goes on."""
    new, faults = load_all(path)
    if new is None:
        return Reloaded(current, "refused", tuple(faults))
    ids = current.conditions.keys() | new.conditions.keys()
    changed = tuple(sorted(id for id in ids if current.conditions.get(id) != new.conditions.get(id)))
    # a new title or source judges alike, but people should see it
    return Reloaded(new, "taken" if changed else "same", (), changed)
