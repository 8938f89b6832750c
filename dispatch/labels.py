"""PURE. The labels of an alert: what matchers are compared with."""

from __future__ import annotations

from collections.abc import Mapping

from citybrain.kernel.model import Asset
from dispatch.matchers import ATTRIBUTE


def labels_of(asset: Asset, *, condition: str, cause: str, severity: str, unit: str = "") -> Mapping[str, str]:
    """The labels of an alert on an asset; what is not known is left out. `unit` is who repairs it, where that is known."""
    given = {
        "asset": asset.id,
        "kind": asset.kind,
        "condition": condition,
        "cause": cause,
        "severity": severity,
        "district": asset.district,
        "cell": asset.cell,
        "feeder": asset.feeder,
        "cabinet": asset.cabinet,
        "gateway": asset.gateway,
        "street_class": asset.street_class,
        "unit": unit or asset.unit,
        "model": asset.model,
        "catchment": asset.catchment,
    }
    attributes = {ATTRIBUTE + name: value for name, value in asset.attributes.items()}
    return {name: str(value) for name, value in (given | attributes).items() if value}
