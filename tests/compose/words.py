"""Words of one container with the addresses and paths of this machine in them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

Address = tuple[str, int]
"""name of a container as others see it, and a port in it"""


class Words:
    """Replaces, in one pass: other containers' addresses, this container's own ports, and the paths of its mounts."""

    def __init__(self, addresses: Mapping[Address, int], own: Mapping[int, int], paths: Mapping[str, Path]) -> None:
        self.addresses = addresses
        self._own, self._paths = own, paths
        hosts = "|".join(re.escape(f"{name}:{port}") for name, port in sorted(addresses, key=lambda one: -len(one[0])))
        ports = "|".join(str(port) for port in own) or "(?!)"
        targets = "|".join(re.escape(path) for path in sorted(paths, key=len, reverse=True)) or "(?!)"
        self._pattern = re.compile(
            rf"(?<![\w.-])(?P<host>{hosts})(?!\d)|(?<![\w.])(?P<port>{ports})(?![\w.])|(?<![\w./-])(?P<path>{targets})(?![\w.-])"
        )

    def __call__(self, text: str) -> str:
        """The text as it must be here."""
        return self._pattern.sub(self._one, text)

    def _one(self, match: re.Match[str]) -> str:
        if match["host"]:
            name, _, port = match["host"].rpartition(":")
            return f"127.0.0.1:{self.addresses[name, int(port)]}"
        if match["port"]:
            return str(self._own[int(match["port"])])
        return str(self._paths[match["path"]])

    def copy(self, source: Path, target: Path) -> None:
        """A file or folder with every text in it replaced."""
        if source.is_dir():
            target.mkdir(parents=True)
            for one in sorted(source.iterdir()):
                self.copy(one, target / one.name)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix in {".md", ".json"}:
            shutil.copy(source, target)
        else:
            target.write_text(self(source.read_text("utf-8")), "utf-8")


def with_targets(config: str, targets: Mapping[str, Sequence[str]]) -> str:
    """A configuration of Prometheus with the addresses that its names have here, in the place of looking them up."""
    content: dict[str, Any] = yaml.safe_load(config)
    for job in content["scrape_configs"]:
        found = [address for look in job.pop("dns_sd_configs", []) for name in look["names"] for address in targets[name]]
        if found:
            job["static_configs"] = [{"targets": found}]
    return yaml.safe_dump(content, sort_keys=False)
