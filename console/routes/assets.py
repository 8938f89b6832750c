"""Assets: the things of the city, and the units that repair them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from citybrain.store import views
from console import present
from console.models import AssetDetail, Model
from console.problems import responses
from console.routes.common import READ, Shared

router = APIRouter(prefix="/api", tags=["register"], dependencies=READ)


class UnitRow(Model):
    """A unit that repairs."""

    id: str = Field(description="Id of the unit.")
    name: str = Field(description="Name.")
    name_zh: str = Field(description="Name in Chinese.")
    timezone: str = Field(description="Its time zone (IANA).")
    calendar: str = Field(description="Its working calendar.")


@router.get("/assets/{asset_id:path}", summary="Show one asset", responses=responses(401, 404, 422, 503))
def show_asset(
    console: Shared,
    asset_id: str,
    readings: Annotated[int, Query(ge=0, le=1000, description="How many of its newest readings.")] = 20,
) -> AssetDetail:
    """One asset: its devices, what is wrong with it now, its newest readings."""
    with console.db.transaction() as tx:
        row = views.asset(tx, asset_id, readings=readings)
    return present.asset(row, console.infos, console.clock.now())


@router.get("/units", summary="List units", responses=responses(401, 503))
def list_units(console: Shared) -> list[UnitRow]:
    """Every unit, by id."""
    with console.db.transaction() as tx:
        return [UnitRow.model_validate(row) for row in views.units(tx)]
