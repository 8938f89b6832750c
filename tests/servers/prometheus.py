"""A real Prometheus on a configuration file, and its promtool."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.servers import debian
from tests.servers.process import OneProcess, ServerProcess, free_port


def promtool(words: Sequence[str | Path], folder: Path | None = None, *, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool, e.g. ["test", "rules", file]; what it said and how it ended the caller judges. `given` is its input."""
    (program,) = debian.require("promtool")
    command = [str(program), *(str(word) for word in words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", input=given)


class Prometheus(OneProcess):
    """One server; its data lies in a folder of its own and is deleted with it."""

    def __init__(self, config: Path, *, port: int | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="citybrain-prometheus-"))
        self.port = port or free_port()
        (program,) = debian.require("prometheus")
        command = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ]
        self._process = ServerProcess("prometheus", command, self.folder / "prometheus.log")

    @property
    def url(self) -> str:
        """http:// URL of its API."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, wait_s: float = 30) -> str:
        """Start it and wait until it is ready; the URL. Raises UnavailableError with what it says of its configuration."""
        self._process.start()
        self._process.wait_until(self._ready, wait_s)
        return self.url

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that the expression gives now. Raises AssertionError with its words when it refuses the expression."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        found = answer["data"]["result"]
        return found if answer["data"]["resultType"] == "vector" else [{"metric": {}, "value": found}]

    def reload(self) -> None:
        """Have it read its configuration again."""
        self._process.signal(signal.SIGHUP)
