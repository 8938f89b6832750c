"""The run folder of a data directory: who runs, where, on which ports. One program a data directory."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

from citybrain.kernel.errors import StateError, UnavailableError


class RunDir:
    """`data_dir/run`: lock, ports, heartbeats, metrics of the parts."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.path = data_dir / "run"
        self._lock: IO[str] | None = None

    def make(self) -> RunDir:
        """Create the folders. Raises UnavailableError where nothing can be written."""
        try:
            for folder in (self.path / "metrics", self.data_dir / "log"):
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        except OSError as error:
            raise UnavailableError(
                f"cannot use the data directory {self.data_dir}: {error.strerror} ({error.filename}); "
                "choose another one by --data-dir"
            ) from error
        return self

    def lock(self) -> None:
        """Take the data directory for this process, or raise StateError with the pid that has it."""
        file = (self.path / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise Busy(self.data_dir, holder) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._lock = file

    def unlock(self) -> None:
        """Give the data directory back."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def write(self, name: str, content: dict[str, Any], *, secret: bool = False) -> None:
        """Write `name`.json whole or not at all; a secret one is readable by its owner only."""
        target = self.path / f"{name}.json"
        draft = target.with_suffix(f".{os.getpid()}.tmp")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if secret else 0o644), "w") as file:
            json.dump(content, file)
        draft.replace(target)

    def read(self, name: str) -> dict[str, Any]:
        """The content of `name`.json, {} when it is not there or not whole."""
        try:
            found = json.loads((self.path / f"{name}.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remove(self, name: str) -> None:
        """Forget `name`.json."""
        (self.path / f"{name}.json").unlink(missing_ok=True)

    def database_url(self) -> str:
        """URL of the database of the program that runs on this data directory. Raises UnavailableError."""
        url = self.read("run").get("database")
        if not url:
            raise UnavailableError(
                f"nothing runs on {self.data_dir}: start `citybrain run --data-dir {self.data_dir}`, "
                "or set CITYBRAIN_DATABASE_URL"
            )
        return str(url)


class Busy(StateError):
    """Another program has the data directory."""

    def __init__(self, data_dir: Path, pid: str) -> None:
        super().__init__("run", f"running as pid {pid}", "start")
        self.pid = pid
        self.args = (f"citybrain already runs on {data_dir} as pid {pid}: stop it (kill {pid}), or choose another --data-dir",)
