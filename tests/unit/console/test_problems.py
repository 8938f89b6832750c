import pytest

from citybrain.kernel.errors import (
    CityBrainError,
    ConfigError,
    InputError,
    NotFound,
    PayloadError,
    RegisterError,
    StateError,
    UnavailableError,
)
from citybrain.store.db import ConstraintError
from console.problems import status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("x"), 404),
        (StateError("order", "closed", "ack"), 409),
        (ConstraintError("orders_one_open", "x"), 409),
        (InputError("x"), 422),
        (ConfigError("x"), 422),
        (PayloadError("x"), 422),
        (RegisterError("x"), 422),
        (UnavailableError("x"), 503),
        (CityBrainError("x"), 500),
    ],
)
def test_each_error_has_its_status(error: CityBrainError, status: int) -> None:
    assert status_of(error)[0] == status
