"""Small things about processes: their environment, their end with the parent, signals as flags."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import FrameType

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def child_environment(**more: str) -> dict[str, str]:
    """Our environment for a child that imports what we import, wherever it was found."""
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def signal_at_parents_end(number: int) -> None:
    """Be sent a signal when the parent dies (Linux; elsewhere nothing). Safe between fork and exec: the library is open."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number)


def die_with_parent(parent: int) -> None:
    """Be killed when `parent` dies (Linux). State is safe at any moment, so a hard end is the honest one."""
    signal_at_parents_end(signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


class Signals:
    """SIGTERM and SIGINT ask to stop, SIGHUP asks to reload; both are flags that a loop looks at."""

    def __init__(self) -> None:
        self.stop = False
        self._reload = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop = True

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reload = True

    def take_reload(self) -> bool:
        """True once for each SIGHUP (or several at once)."""
        asked, self._reload = self._reload, False
        return asked
