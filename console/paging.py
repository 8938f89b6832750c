"""Cursor paging: a cursor is opaque to the client and names the row that the page before ended with."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from citybrain.kernel.errors import InputError

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=500, description="Most rows of one page.")]
After = Annotated[str | None, Query(alias="cursor", max_length=300, description="`next` of the page before.")]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T] = Field(description="The rows.")
    next: str | None = Field(description="Give it as `cursor` to get the next page; null: this was the last one.")
    now: datetime = Field(description="The time of the city at the answer; what `remaining_s` was calculated from.")


def encode(noun: str, *key: object) -> str:
    """The cursor behind a row of the list `noun`."""
    return base64.urlsafe_b64encode(orjson.dumps([noun, *key], default=str)).rstrip(b"=").decode()


def _decode(noun: str, cursor: str, parts: int) -> list[object]:
    try:
        found = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, list) or len(found) != parts + 1 or found[0] != noun:
        raise InputError(f"cursor: {cursor!r} is not a cursor of this list; give `next` of the page before as it is")
    return found[1:]


def position(noun: str, cursor: str | None) -> tuple[datetime, UUID] | None:
    """Time and id out of a cursor of `noun`; None stays None. Raises InputError."""
    if cursor is None:
        return None
    at, name = _decode(noun, cursor, 2)
    try:
        moment = datetime.fromisoformat(str(at))
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment, UUID(str(name))
    except ValueError as error:
        raise InputError("cursor: damaged; give `next` of the page before as it is") from error


def number(noun: str, cursor: str | None) -> int | None:
    """The number out of a cursor of `noun`; None stays None. Raises InputError."""
    if cursor is None:
        return None
    (found,) = _decode(noun, cursor, 1)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**63:
        raise InputError("cursor: damaged; give `next` of the page before as it is")
    return found
