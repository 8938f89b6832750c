"""Who may do what: a bearer token for changes; for reads as well when the server can be reached from other machines."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from console.context import Console, console_of

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
