"""The profiles that are in use: reading them from files, and finding the one for a message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from citybrain import yamlfile
from citybrain.kernel.errors import ConfigError, NotFound, PayloadError
from ingest import topics
from ingest.compiled import Compiled
from ingest.envelopes import TOPICS, Opened
from ingest.profile import Profile

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_KEYED = re.compile(r"([a-z_]+(?:\.[a-zA-Z0-9_]+)*): (.*?)(?: \(got .*\))?$", re.DOTALL)
_MIN_NAME = 4
"""A model name shorter than this fits too much to be looked for inside of another name."""


class Profiles(Mapping[str, Profile]):
    """Profiles by name, and the search for the one that reads a message."""

    def __init__(self, profiles: Sequence[Profile], *, forced: bool = False) -> None:
        self._profiles = {profile.name: profile for profile in profiles}
        self._compiled = {profile.name: Compiled(profile) for profile in profiles}
        self.forced = forced
        """True: the one profile reads every message that its topics let through, whatever the register says."""
        self._by_topic: list[tuple[str, str, Compiled]] = []
        for item in self._compiled.values():
            for envelope in item.profile.envelopes:
                for pattern in _patterns(item.profile, envelope):
                    self._by_topic.append((pattern, envelope, item))
        self._models: list[tuple[str, Compiled]] = sorted(
            ((plain(name), item) for item in self._compiled.values() for name in item.profile.models),
            key=lambda pair: -len(pair[0]),
        )

    def __getitem__(self, name: str) -> Profile:
        try:
            return self._profiles[name]
        except KeyError:
            raise NotFound(f"no profile {name!r}; there are: {', '.join(sorted(self._profiles))}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._profiles))

    def __len__(self) -> int:
        return len(self._profiles)

    def __contains__(self, name: object) -> bool:
        return name in self._profiles

    def only(self, name: str) -> Profiles:
        """One profile alone, for a replay: it reads every message of its topics. Raises NotFound."""
        return Profiles([self[name]], forced=True)

    def subscriptions(self, city: str) -> list[str]:
        """The topic filters that the bridge needs: the city's own topics and those of the profiles."""
        return list(dict.fromkeys([topics.subscription(city), topics.packs_subscription(city), *self.filters()]))

    def filters(self) -> dict[str, list[str]]:
        """The topic filters of the profiles, each with the names of those that read it."""
        found: dict[str, list[str]] = {}
        for pattern, _, item in self._by_topic:
            found.setdefault(pattern, []).append(item.profile.name)
        return found

    def envelope(self, topic: str) -> str | None:
        """The envelope of a topic, or None when no profile reads it."""
        for pattern, envelope, _ in self._by_topic:
            if topics.matches(pattern, topic):
                return envelope
        return None

    def find(self, topic: str, envelope: str, opened: Opened, bound: str | None) -> Compiled:
        """The profile for a message: that of the device in the register, else of its tags, its model, the topic.

        Raises PayloadError no_profile.
        """
        if self.forced:
            return next(iter(self._compiled.values()))
        for name in (bound, opened.profile):
            if name is not None:
                item = self._compiled.get(name)
                if item is None:
                    raise PayloadError("no_profile", f"the device is bound to profile {name[:64]!r}, which does not exist")
                return item
        by_model = self._by_model(envelope, opened)
        if by_model is not None:
            return by_model
        named = [
            item
            for pattern, kind, item in self._by_topic
            if kind == envelope and pattern in item.profile.topics and topics.matches(pattern, topic)
        ]
        if len(named) == 1:
            return named[0]
        raise PayloadError(
            "no_profile",
            f"{len(named)} profiles read this topic"
            if named
            else f"no profile has model {', '.join(opened.models)[:100] or '(none)'}",
        )

    def _by_model(self, envelope: str, opened: Opened) -> Compiled | None:
        """The profile with the longest model name that is the server's name, or within it."""
        for given in opened.models:
            name = plain(given)
            for model, item in self._models:
                if envelope not in item.profile.envelopes or (model != name and (len(model) < _MIN_NAME or model not in name)):
                    continue
                brand = item.profile.brand
                if opened.brand is None or brand is None or plain(brand) == plain(opened.brand):
                    return item
        return None


def _patterns(profile: Profile, envelope: str) -> tuple[str, ...]:
    """The filters of one envelope. Network servers have theirs; a profile that is for them alone may give others."""
    if envelope not in TOPICS:
        return profile.topics
    return profile.topics if profile.topics and set(profile.envelopes) <= set(TOPICS) else (TOPICS[envelope],)


def plain(name: str) -> str:
    """A name without case, spaces and punctuation: "Milesight EM410-RDL" and "milesight_em410 rdl" are the same."""
    return _NOT_WORD.sub("", name.casefold())


def load_profiles(folder: Path | None = None) -> Profiles:
    """The shipped profiles, and those of a folder over them (same name: the folder's wins). Raises ConfigError."""
    profiles, faults = read_profiles(folder)
    if faults:
        raise faults[0]
    return Profiles(profiles)


def check_profiles(folder: Path | None = None) -> list[ConfigError]:
    """Every fault of the shipped profiles and those of a folder."""
    return read_profiles(folder)[1]


def read_profiles(folder: Path | None) -> tuple[list[Profile], list[ConfigError]]:
    """All profiles that are right, and every fault of those that are not."""
    found: dict[str, Profile] = {}
    faults: list[ConfigError] = []
    sources = [Path(str(entry)) for entry in files("ingest").joinpath("profiles").iterdir()]
    if folder is not None:
        if not folder.is_dir():
            return list(found.values()), [ConfigError(f"no such folder: {folder}", key="profiles")]
        sources = sorted(sources) + sorted(folder.iterdir())
    for path in sources:
        if path.suffix in {".yml", ".yaml"}:
            profile, wrong = read_profile(path)
            faults += wrong
            if profile is not None:
                found[profile.name] = profile
    return [found[name] for name in sorted(found)], faults


def read_profile(path: Path) -> tuple[Profile | None, list[ConfigError]]:
    """One profile file, or every fault of it with its line."""
    return parse_profile(yamlfile.read(path), path.stem)


def parse_profile(file: yamlfile.YamlFile, stem: str) -> tuple[Profile | None, list[ConfigError]]:
    """A profile out of YAML; its name must be that of the file."""
    if file.faults:
        return None, list(file.faults)
    if not isinstance(file.value, dict):
        return None, [file.fault((), "must be a mapping with name, title, kind, envelopes, values…")]
    try:
        profile = Profile.model_validate(file.value)
    except ValidationError as error:
        return None, [_placed(file, fault) for fault in file.pydantic_faults((), error.errors())]
    if profile.name != stem:
        return None, [file.fault(("name",), f"must be {stem!r}, as the file is called")]
    return profile, []


def _placed(file: yamlfile.YamlFile, fault: ConfigError) -> ConfigError:
    """A fault that lies in several keys together names the one to look at in its message ("values.level_mm: …")."""
    match = _KEYED.match(fault.message)
    if fault.key or match is None:
        return fault
    return file.fault(tuple(match[1].split(".")), match[2])
