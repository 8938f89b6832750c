"""The API token of a data directory: made once, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from citybrain.kernel.errors import UnavailableError

TOKEN_FILE = "api-token"


def known_token(given: str | None, data_dir: Path) -> str:
    """The token of the settings (`given`), else of the file; "" when there is none yet. Raises UnavailableError."""
    file = data_dir / TOKEN_FILE
    try:
        return given or file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(file, error) from error


def ensure_token(given: str | None, data_dir: Path) -> str:
    """The token of the settings (`given`), else of the file, which is made when missing. Raises UnavailableError.

    Two processes that start at once agree: the file appears whole, and only the first one's content counts.
    """
    return ensure_secret(given, data_dir / TOKEN_FILE, "CITYBRAIN_API_TOKEN")


def ensure_secret(given: str | None, file: Path, variable: str) -> str:
    """A secret of the settings (`given`, by environment variable `variable`), else of the file, which is made when missing."""
    if given:
        return given
    try:
        if not file.exists():
            _make(file)
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(file, error, variable) from error
    if not token:
        raise UnavailableError(f"{file} is empty; delete it, or set {variable}")
    return token


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass  # another process was faster: its token counts
    finally:
        fresh.unlink()


def _unusable(file: Path, error: Exception, variable: str = "CITYBRAIN_API_TOKEN") -> UnavailableError:
    why = error.strerror if isinstance(error, OSError) else "it is not text"
    return UnavailableError(f"cannot read or make {file}: {why}; delete it, or set {variable}")
