"""Programs that tests take from Debian: found, or installed when we are root, or named with the line that installs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from citybrain.kernel.errors import UnavailableError
from tests.servers.cache import locked

PACKAGES: dict[str, tuple[str, ...]] = {
    "java": ("openjdk-17-jre-headless", "default-jre-headless"),
    "mvn": ("maven",),
    "mosquitto": ("mosquitto",),
    "mosquitto_passwd": ("mosquitto",),
    "mosquitto_sub": ("mosquitto-clients",),
    "prometheus": ("prometheus",),
    "promtool": ("prometheus",),
    "node": ("nodejs",),
    "npm": ("npm",),
    "chromium": ("chromium",),
    "wget": ("wget",),
}
"""program -> packages that hold it; of several the first that this Debian has"""
OLDEST_JAVA = 17
"""Kafka 4 needs it"""
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_POLICY = Path("/usr/sbin/policy-rc.d")


def find(program: str) -> Path | None:
    """Where the program is; daemons of Debian are outside of people's PATH. A Java that is too old is none."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *_SBIN))
    first = shutil.which(program, path=path)
    found = [Path(first)] if first else []
    if program == "java":
        found += sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
        found = [one for one in found if _java_version(one) >= OLDEST_JAVA]
    return found[0] if found else None


def require(*programs: str) -> list[Path]:
    """Where the programs are, in the order asked for; what is missing is installed.

    Raises UnavailableError with the line that installs it when we may not, and with apt's words when it fails.
    """
    if any(find(one) is None for one in programs):
        with locked("debian"):
            missing = [one for one in programs if find(one) is None]
            if missing:
                _install(missing)
    return [path for one in programs if (path := find(one)) is not None]


def _install(missing: Sequence[str]) -> None:
    by_hand = " ".join(dict.fromkeys(PACKAGES[one][0] for one in missing))
    remedy = f"install it by hand: apt-get update && apt-get install --no-install-recommends {by_hand}"
    what = f"the tests need {', '.join(missing)}"
    if shutil.which("apt-get") is None:
        raise UnavailableError(f"{what}, which this machine has not, and there is no apt-get; Debian's packages are: {by_hand}")
    if os.geteuid() != 0:
        raise UnavailableError(f"{what}, and only root may install; as root: {remedy.partition(': ')[2]}")
    with _no_services():
        said = _apt("install", *_packages(missing))
        if any(find(one) is None for one in missing):  # a list of packages that is old, or was never fetched
            said = _apt("update") + _apt("install", *_packages(missing))
    still = [one for one in missing if find(one) is None]
    if still:
        raise UnavailableError(f"{what}, and apt-get gave no {', '.join(still)}:\n{said}\n{remedy}")


def _packages(missing: Sequence[str]) -> list[str]:
    """For each program the first package that apt knows."""
    found = (next((name for name in PACKAGES[one] if _known(name)), PACKAGES[one][0]) for one in missing)
    return list(dict.fromkeys(found))


def _known(package: str) -> bool:
    said = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return bool(re.search(r"Candidate: (?!\(none\))", said.stdout))


def _apt(command: str, *packages: str) -> str:
    """Run apt-get; the end of what it said when it failed, else nothing."""
    words = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", command]
    if command == "install":
        words += ["--no-install-recommends", *packages]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=env)
    return "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:]) if done.returncode else ""


@contextmanager
def _no_services() -> Iterator[None]:
    """Tests start servers themselves: a package that is installed for them must not start its own."""
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def _java_version(java: Path) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, errors="replace")
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else 0
