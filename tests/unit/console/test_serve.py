import pytest

from citybrain.kernel.errors import ConfigError
from console.serve import bind


def test_the_wanted_port_when_it_is_free_and_another_one_when_not() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with bind("127.0.0.1", port) as second:
            assert second.getsockname()[1] not in {0, port}
    with bind("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port


def test_an_address_that_is_not_ours_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(ConfigError, match="CITYBRAIN_HTTP_HOST"):
        bind("203.0.113.7", 0)
