"""Ids that two runs of the same input give alike."""

from __future__ import annotations

import uuid

from citybrain.kernel.ids import derived_id


def test_a_derived_id_is_a_uuid_of_version_five() -> None:
    name = "order\x1fcase 1\x1fü"
    assert derived_id("order", "case 1", "ü") == str(uuid.uuid5(uuid.UUID("6f2f5b0e-93a4-5a0c-8f0e-0c17b4a1d0e5"), name))
