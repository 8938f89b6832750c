"""compose.yaml and .env as Compose reads them: variables filled in, anchors merged, overrides laid over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"\$(?:(?P<plain>\$)|\{(?P<name>[A-Z_][A-Z0-9_]*)(?::-(?P<default>[^}]*))?\})")


class _Loader(yaml.SafeLoader):
    """YAML with the tags of Compose, and as strict: a key that comes twice is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.value != "<<"]
        twice = {key for key in keys if keys.count(key) > 1}
        # what an anchor brings is put before the own keys when the node is flattened, and may be laid over
        if twice and not getattr(node, "flattened", False):
            raise yaml.constructor.ConstructorError(None, None, f"{sorted(twice)} twice", node.start_mark)
        node.flattened = True
        return super().construct_mapping(node, deep)


class _Override(list[Any]):
    """A list that replaces the one below it."""


_Loader.add_constructor("!override", lambda loader, node: _Override(loader.construct_sequence(node, deep=True)))


def dotenv(path: Path = ROOT / ".env") -> dict[str, str]:
    """The variables of a .env file."""
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables(path: Path) -> dict[str, str | None]:
    """The variables that a file uses, with their defaults."""
    found = _VARIABLE.finditer(path.read_text("utf-8"))
    return {match["name"]: match["default"] for match in found if match["name"]}


def filled(value: Any, environment: Mapping[str, str]) -> Any:
    """`value` with every ${NAME:-default} replaced, and $$ by $. An empty variable counts as none, as with `:-`."""

    def one(match: re.Match[str]) -> str:
        if match["plain"]:
            return "$"
        return environment.get(match["name"], "") or match["default"] or ""

    if isinstance(value, str):
        return _VARIABLE.sub(one, value)
    if isinstance(value, dict):
        return {key: filled(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return type(value)(filled(item, environment) for item in value)
    return value


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of `volumes`. `source` begins with . for a path of the repository, otherwise it names a volume."""

    source: str
    target: str
    read_only: bool

    @property
    def is_bind(self) -> bool:
        """Whether it is a path."""
        return self.source.startswith((".", "/"))


@dataclass(frozen=True, slots=True)
class Service:
    """One service, as written."""

    name: str
    raw: Mapping[str, Any]
    mounts: tuple[Mount, ...] = field(default=())

    @property
    def image(self) -> str:
        """Its image with its tag."""
        return str(self.raw["image"])

    @property
    def command(self) -> list[str]:
        """What follows the entrypoint."""
        return [str(word) for word in self.raw.get("command", [])]

    @property
    def environment(self) -> dict[str, str]:
        """Its variables; empty ones count as none."""
        return {key: str(value) for key, value in self.raw.get("environment", {}).items() if value != ""}

    @property
    def needs(self) -> dict[str, str]:
        """Service -> condition."""
        return {name: one["condition"] for name, one in self.raw.get("depends_on", {}).items()}

    @property
    def health(self) -> list[str] | None:
        """The words of its health check; None when it has none on purpose."""
        check = self.raw.get("healthcheck", {})
        return None if check.get("disable") else [str(word) for word in check["test"]]

    @property
    def replicas(self) -> int:
        """How many containers."""
        return int(self.raw.get("deploy", {}).get("replicas", 1))

    @property
    def once(self) -> bool:
        """Whether it does a thing and ends."""
        return self.raw.get("restart") == "no"

    @property
    def ports(self) -> list[str]:
        """What it publishes, host:port:port."""
        return list(self.raw.get("ports", []))

    @property
    def aliases(self) -> set[str]:
        """Names under which others find it."""
        networks = self.raw.get("networks", {})
        return {self.name, *(networks.get("default") or {}).get("aliases", [])}


@dataclass(frozen=True, slots=True)
class Project:
    """All services, and the volumes."""

    services: Mapping[str, Service]
    volumes: frozenset[str]

    def profile(self, *names: str) -> Project:
        """With services of these profiles, and those of none."""
        kept = {
            key: one
            for key, one in self.services.items()
            if not one.raw.get("profiles") or set(one.raw["profiles"]) & set(names)
        }
        return Project(kept, self.volumes)


def load(files: Sequence[str] = ("compose.yaml",), **environment: str) -> Project:
    """The project; `environment` wins over .env."""
    found: dict[str, Any] = {}
    for name in files:
        found = _laid(found, yaml.load((ROOT / name).read_text("utf-8"), _Loader))
    content = filled({key: value for key, value in found.items() if not key.startswith("x-")}, {**dotenv(), **environment})
    services = {name: Service(name, raw, tuple(_mounts(raw))) for name, raw in content["services"].items()}
    return Project(services, frozenset(content.get("volumes", {})))


def _laid(below: Any, above: Any) -> Any:
    """`above` over `below`: mappings key by key, lists one behind the other, volumes by their target."""
    if isinstance(below, dict) and isinstance(above, dict):
        merged = {key: _laid(below[key], value) if key in below else value for key, value in above.items()}
        if "volumes" in merged and isinstance(merged["volumes"], list):
            merged["volumes"] = list({line.split(":")[1]: line for line in merged["volumes"]}.values())
        return {**below, **merged}
    if isinstance(below, list) and isinstance(above, list) and not isinstance(above, _Override):
        return [*below, *above]
    return above


def _mounts(raw: Mapping[str, Any]) -> list[Mount]:
    found = []
    for line in raw.get("volumes", []):
        source, target, *options = line.split(":")
        found.append(Mount(source, target, "ro" in options))
    return found
