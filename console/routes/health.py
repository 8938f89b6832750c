"""Health: /healthz says that this process lives, /readyz that everything it needs is there."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from console.ready import Check
from console.routes.common import Shared

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process lives."""

    status: str = Field("ok", description="Always ok.")


class CheckResult(BaseModel):
    """One check."""

    ok: bool = Field(description="Is all well?")
    detail: str = Field(description="What was found.")


class Ready(BaseModel):
    """Is everything there that work needs?"""

    ready: bool = Field(description="Every check is ok.")
    failed: list[str] = Field(description="The checks that are not.")
    checks: dict[str, CheckResult] = Field(description="Each check by its name.")


@router.get("/healthz", summary="Does the server live?")
async def healthz() -> Alive:
    """Answers as long as the process does."""
    return Alive(status="ok")


@router.get("/readyz", summary="Is everything ready?", responses={503: {"model": Ready, "description": "Something is missing"}})
def readyz(console: Shared, response: Response) -> Ready:
    """Checks database, broker and pipeline; 503 when one of them fails, with its name and why."""
    found: list[Check] = [check() for check in console.checks]
    failed = [check.name for check in found if not check.ok]
    response.status_code = 503 if failed else 200
    checks = {check.name: CheckResult(ok=check.ok, detail=check.detail) for check in found}
    return Ready(ready=not failed, failed=failed, checks=checks)
