"""Every error leaves as RFC 9457 `application/problem+json`; which exception is which status stands in one table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from citybrain.kernel.errors import CityBrainError, InputError, NotFound, StateError, UnavailableError
from citybrain.store.db import ConstraintError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS: tuple[tuple[type[CityBrainError], int, str], ...] = (
    (NotFound, 404, "Not found"),
    (StateError, 409, "Not allowed in this state"),
    (ConstraintError, 409, "Conflict"),
    (InputError, 422, "Not valid"),
    (UnavailableError, 503, "Not available now"),
    (CityBrainError, 500, "Internal error"),
)
"""exception -> status and title; the first match counts, so the narrower class stands first"""


class FieldError(BaseModel):
    """One field that was refused."""

    field: str = Field(description="Where: `query.limit`, `body.reason`…")
    message: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field("about:blank", description="Always about:blank: the status says what kind of error it is.")
    title: str = Field(description="The kind of error; the same for the same status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong here, and what to do.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[FieldError] = Field(default_factory=list, description="Each field that was refused (only for 422).")


def problem(
    request: Request,
    status: int,
    title: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem as a response."""
    body = Problem(
        type="about:blank", title=title, status=status, detail=detail, instance=request.url.path, errors=list(errors)
    )
    content = body.model_dump()
    if not errors:
        del content["errors"]
    return JSONResponse(content, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer with these problems (for OpenAPI)."""
    titles = {401: "Token missing or wrong", **{status: title for _, status, title in reversed(STATUS)}}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": titles[status], "content": content} for status in statuses}


def describe(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """The app's `openapi` with the shape of a problem in it, in place of FastAPI's own shape of a validation error."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        shapes = document["components"]["schemas"]
        own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        shapes.update(own.pop("$defs", {}))
        shapes["Problem"] = own
        for name in ("HTTPValidationError", "ValidationError"):
            shapes.pop(name, None)
        return document

    return described


def status_of(error: CityBrainError) -> tuple[int, str]:
    """Status and title of one of our errors."""
    return next((status, title) for kind, status, title in STATUS if isinstance(error, kind))


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CityBrainError)
    status, title = status_of(error)
    if status >= 500:
        log.warning("%s %r: %s", request.method, request.url.path, error)  # %r: a path may hold line feeds
    headers = {"Retry-After": "2"} if status == 503 else None
    detail = "an internal error; the log of the server has more" if status == 500 else str(error)
    return problem(request, status, title, detail, headers=headers)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [FieldError(field=".".join(map(str, item["loc"])), message=str(item["msg"])) for item in error.errors()]
    detail = "; ".join(f"{item.field}: {item.message}" for item in found)
    return problem(request, 422, "Not valid", detail, errors=found)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    titles = {401: "Token missing or wrong", 404: "Not found", 405: "Method not allowed", 413: "Too large"}
    detail = str(error.detail)
    if error.status_code == 404 and detail == "Not Found":
        detail = f"nothing at {request.url.path}; /docs lists what there is"
    title = titles.get(error.status_code, "Request refused")
    return problem(request, error.status_code, title, detail, headers=error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %r", request.method, request.url.path, exc_info=error)
    return problem(request, 500, "Internal error", "an internal error; the log of the server has more")


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(CityBrainError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
    app.openapi = describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
