"""Who may do what: a bearer token for changes; for reads as well when the server can be reached from other machines."""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from citybrain.config import Settings
from citybrain.kernel.errors import UnavailableError
from console.context import Console, console_of

TOKEN_FILE = "api-token"
_bearer = HTTPBearer(auto_error=False, description="The token of the settings, or of the file api-token in the data directory.")
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def loopback(host: str) -> bool:
    """Does this address take connections of this machine only?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def ensure_token(settings: Settings) -> str:
    """The API token: of the settings, else of `data_dir/api-token`, which is made (readable by its owner only) when missing.

    Two processes that start at once agree: the file appears whole, and only the first one's content counts.
    """
    if settings.api_token:
        return settings.api_token
    file = settings.data_dir / TOKEN_FILE
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{TOKEN_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        if not file.exists():
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(secrets.token_urlsafe(32) + "\n")
            try:
                os.link(fresh, file)
            except FileExistsError:
                pass  # another process was faster: its token counts
            finally:
                fresh.unlink()
        token = file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise UnavailableError(f"cannot read or make {file}: {error.strerror}; or set CITYBRAIN_API_TOKEN") from error
    if not token:
        raise UnavailableError(f"{file} is empty; delete it, or set CITYBRAIN_API_TOKEN")
    return token


def matches(given: str, token: str) -> bool:
    """Is this the token? Takes the same time wherever they differ."""
    return hmac.compare_digest(given.encode(), token.encode())


def writer(console: Annotated[Console, Depends(console_of)], given: Given) -> None:
    """Lets only requests with the token pass."""
    if given is None:
        raise _refused("this needs `Authorization: Bearer TOKEN`; the token is in the file api-token of the data directory")
    if not matches(given.credentials, console.token):
        raise _refused("this is not the token")


def reader(console: Annotated[Console, Depends(console_of)], given: Given) -> None:
    """Lets reads pass freely while the server is bound to loopback, otherwise only with the token."""
    if not console.open_reads:
        writer(console, given)


def _refused(detail: str) -> HTTPException:
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
