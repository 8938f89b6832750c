"""`citybrain bench engine|pipeline|all`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from citybrain.cli.common import writable, write_json
from citybrain.kernel.errors import UnavailableError

app = typer.Typer(
    help="Measure this machine. Example: citybrain bench pipeline --assets 2000 --seconds 10", no_args_is_help=True
)

JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the figures there as well.")]


@app.command("engine")
def bench_engine(
    assets: Annotated[int, typer.Option(help="Assets: a third each of covers, lamps and drains.", min=3)] = 200_000,
    seconds: Annotated[float, typer.Option(help="Seconds of judging (making the readings comes on top).", min=0.1)] = 10,
    output: JsonOut = None,
) -> None:
    """How many readings a second one core judges, and what an asset costs in memory.

    A reading is one message with all its values; all conditions of its kind are evaluated.

    Example: citybrain bench engine --assets 200000 --seconds 10 --json engine.json
    """
    from rules.bench import bench_engine as run

    writable("--json", output)
    _show(run(assets, seconds), output)


@app.command("pipeline")
def bench_pipeline(
    assets: Annotated[int, typer.Option(help="Assets that send.", min=2)] = 2000,
    seconds: Annotated[float, typer.Option(help="How long to publish.", min=1)] = 10,
    rate: Annotated[float, typer.Option(help="Messages a second; 0: as fast as back-pressure allows.", min=0)] = 0,
    output: JsonOut = None,
) -> None:
    """The whole program under load: broker, database, pipeline, dispatch, API; the publisher is a process of its own.

    Example: citybrain bench pipeline --assets 2000 --seconds 10 --rate 2000 --json out.json
    """
    from citybrain.runtime.bench import bench_pipeline as run

    writable("--json", output)
    _show(run(assets, seconds, rate), output)


@app.command("cluster")
def bench_cluster(
    assets: Annotated[int, typer.Option(help="Assets that send.", min=2)] = 2000,
    seconds: Annotated[float, typer.Option(help="How long each part publishes.", min=3)] = 15,
    kafka_url: Annotated[str | None, typer.Option(help="A Kafka for it; none: one is started (from a checkout).")] = None,
    mqtt_url: Annotated[str | None, typer.Option(help="An MQTT 5 broker without login; none: a mosquitto is started.")] = None,
    database_url: Annotated[str | None, typer.Option(help="An EMPTY database; none: an embedded one.")] = None,
    output: JsonOut = None,
) -> None:
    """The services of the cluster under load: ingest, rules, archive and dispatch as processes, with real servers.

    Servers that are not given are started for it; Kafka and mosquitto come as the tests get theirs, so that needs a checkout.

    Example: citybrain bench cluster --seconds 15 --json cluster.json
    """
    from citybrain.runtime.cluster.bench import Servers
    from citybrain.runtime.cluster.bench import bench_cluster as run

    writable("--json", output)
    with ExitStack() as stack:
        servers = Servers(
            mqtt_url or _started(stack, "mosquitto"),
            kafka_url or _started(stack, "kafka"),
            database_url or _database(stack),
        )
        figures = run(servers, assets, seconds)
    _show(figures, output)


def _started(stack: ExitStack, name: str) -> str:
    """The URL of a server that lives as long as the stack."""
    try:
        from tests.servers.kafka import KafkaCluster
        from tests.servers.mosquitto import Mosquitto
    except ImportError:
        option = "--kafka-url" if name == "kafka" else "--mqtt-url"
        raise UnavailableError(f"no {name} is given ({option}), and one can be started only from a checkout") from None
    if name == "kafka":
        return str(stack.enter_context(KafkaCluster(java=())).url)
    return str(stack.enter_context(Mosquitto()).url)


def _database(stack: ExitStack) -> str:
    from citybrain.runtime.postgres import EmbeddedPostgres

    folder = Path(tempfile.mkdtemp(prefix="citybrain-bench-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    postgres = EmbeddedPostgres(folder / "pg")
    url = postgres.start()
    stack.callback(postgres.stop)
    return url


@app.command("all")
def bench_all(
    seconds: Annotated[float, typer.Option(help="How long each part runs.", min=1)] = 10, output: JsonOut = None
) -> None:
    """Every figure of the README, one after the other.

    Example: citybrain bench all --seconds 10
    """
    from citybrain.runtime.bench import bench_pipeline as pipeline
    from rules.bench import bench_engine as engine

    writable("--json", output)
    small, large = engine(2000, seconds), engine(200_000, seconds)
    figures = {
        "engine_2000": small,
        "engine_200000": large,
        "engine_cost_ratio": round(large["ns_per_reading"] / small["ns_per_reading"], 3),
        "pipeline_full_speed": pipeline(2000, seconds),
        "pipeline_2000_per_s": pipeline(2000, seconds, 2000),
    }
    _show(figures, output)


def _show(figures: Mapping[str, Any], output: Path | None) -> None:
    write_json(figures)
    if output is not None:
        write_json(figures, output)
