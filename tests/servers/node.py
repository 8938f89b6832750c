"""Packages for Node, from the npm registry: what a folder's package-lock.json names, by its checksums."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.servers import cache, debian


def node() -> Path:
    """The program `node`."""
    return debian.require("node")[0]


def node_modules(folder: Path) -> Path:
    """The `node_modules` for the package.json and package-lock.json in `folder`, fetched when they changed.

    The packages' own install scripts are not run. Scripts that use them are started in the folder above it, or import
    by path: Node looks for packages beside the script.
    """
    files = [folder / "package.json", folder / "package-lock.json"]

    def fetch(into: Path) -> None:
        (npm, _) = debian.require("npm", "node")
        for file in files:
            shutil.copy(file, into)
        cache.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            into,
            f"the Node packages of {folder.name}",
            "they come from the npm registry: give npm a way there and run `make servers`",
        )

    return cache.fetched(f"node-{folder.name}", files, fetch) / "node_modules"
