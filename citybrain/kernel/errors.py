"""The one exception tree of the program.

CityBrainError
├── InputError        somebody gave us something wrong; the message names key, value and what would be right
│   ├── ConfigError       a setting, rulebook, profile or map
│   ├── PayloadError      a message that cannot be read (goes to quarantine with its reason code)
│   ├── RegisterError     a row or object of the register
│   └── NotFound          an id that does not exist
├── StateError        a move that the present state does not allow (nothing was changed)
└── UnavailableError  a server or file that is not there now; trying again may help
"""

from __future__ import annotations


class CityBrainError(Exception):
    """Base of all errors that this program raises on purpose."""


class InputError(CityBrainError):
    """Something that was given is wrong; says which key, which value, and what would be right."""


class ConfigError(InputError):
    """A setting, rulebook, profile or column map is wrong."""

    def __init__(self, message: str, *, file: str = "", line: int = 0, key: str = "") -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{where}{key + ': ' if key else ''}{message}")
        self.message, self.file, self.line, self.key = message, file, line, key


class PayloadError(InputError):
    """A message that cannot be read. `reason` is one of the closed set in `ingest.quarantine`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


class RegisterError(InputError):
    """A row or object of the register is wrong."""


class NotFound(InputError):
    """An id that does not exist."""


class StateError(CityBrainError):
    """A move that the present state does not allow. Nothing was changed."""

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(f"{machine}: event {event!r} is not allowed in state {state!r}")
        self.machine, self.state, self.event = machine, state, event


class UnavailableError(CityBrainError):
    """A server or a file that is not there now. Trying again may help."""
