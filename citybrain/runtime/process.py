"""Small things about processes: end with the parent, wait with patience, signals as flags."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Be killed when `parent` dies (Linux). State is safe at any moment, so a hard end is the honest one."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
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
