"""ops/timescaledb/100_roles.sql on a real TimescaleDB: the program needs no rights but its own, and Grafana only reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from citybrain.kernel.errors import CityBrainError
from citybrain.store.migrate import TIMESCALE, kind_of, migrate_in
from tests.compose.project import ROOT
from tests.servers.timescaledb import Timescale

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server() -> Iterator[Timescale]:
    """An empty database that psql would have prepared with the file."""
    text = (ROOT / "ops/timescaledb/100_roles.sql").read_text("utf-8")
    secrets = dict(re.findall(r"^\\set (\w+) `cat (\S+)`$", text, re.MULTILINE))
    assert secrets == {"citybrain": "/run/secrets/citybrain", "grafana": "/run/secrets/grafana"}
    plain = re.sub(r"^\\set .*$", "", text, flags=re.MULTILINE)
    plain = re.sub(r":'(\w+)'", r"'of \1'", plain)
    with Timescale() as found:
        name = found.rows("SELECT current_database() AS name")[0]["name"]
        found.ask(plain.replace("ALTER DATABASE citybrain", f'ALTER DATABASE "{name}"'))
        yield found


def test_an_ordinary_role_makes_everything_timescaledb_needs(server: Timescale) -> None:
    server.ask("SET ROLE citybrain")
    with server.transaction() as tx:
        assert migrate_in(tx) > 0
        assert kind_of(tx) == TIMESCALE
    with server.transaction() as tx:
        assert migrate_in(tx) == 0
    owners = server.rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert [row["tableowner"] for row in owners] == ["citybrain"]
    assert server.rows("SELECT count(*) AS n FROM timescaledb_information.jobs WHERE owner = 'citybrain'::regrole")[0]["n"] > 0


def test_grafana_reads_everything_and_writes_nothing(server: Timescale) -> None:
    server.ask("RESET ROLE")
    server.ask("SET ROLE grafana")
    for name in ("readings", "summary_1m", "summary_1d", "orders", "alerts", "assets"):
        assert server.rows(f"SELECT count(*) AS n FROM {name}") == [{"n": 0}]
    for query in ("DELETE FROM orders", "INSERT INTO migrations VALUES (99, 'x', 'x')", "CREATE TABLE mine (id integer)"):
        with pytest.raises(CityBrainError, match="permission denied"):
            server.ask(query)
    server.ask("RESET ROLE")
    settings = server.rows("SELECT unnest(rolconfig) AS one FROM pg_roles WHERE rolname = 'grafana'")
    assert {row["one"] for row in settings} == {"default_transaction_read_only=on", "statement_timeout=30s"}
