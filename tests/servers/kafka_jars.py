"""Kafka's jars, from Maven Central, and the Java that runs them."""

from __future__ import annotations

from pathlib import Path

from tests.servers import cache, debian

_HERE = Path(__file__).parent
POM = _HERE / "pom.xml"


def java() -> Path:
    """The Java, new enough for Kafka."""
    return debian.require("java")[0]


def release() -> Path:
    """A file that says which Java it is, to the last digit."""
    return java().resolve().parents[1] / "release"


def jars() -> Path:
    """The folder with the server's jars, from Maven Central by the pom.xml beside this file."""

    def fetch(folder: Path) -> None:
        maven, _ = debian.require("mvn", "java")
        cache.run(
            [
                maven,
                "-q",
                "-B",
                "-Dstyle.color=never",
                "-f",
                POM,
                "dependency:copy-dependencies",
                f"-DoutputDirectory={folder}",
            ],
            folder,
            "the jars of Apache Kafka",
            "they come from Maven Central: give Maven a way there (or a mirror, in its settings.xml) and run `make servers`",
        )

    return cache.fetched("kafka", [POM], fetch)
