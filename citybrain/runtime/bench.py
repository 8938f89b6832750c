"""`citybrain bench pipeline`: the whole embedded program under load, measured from outside."""

from __future__ import annotations

import json
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from citybrain.config import Settings
from citybrain.kernel.errors import UnavailableError
from citybrain.kernel.model import Asset, Kind, Unit
from citybrain.kernel.register import Responsibility
from citybrain.runtime.broker import free_port
from citybrain.runtime.flood import KINDS, SAMPLE, Options, asset_id
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.process import child_environment
from citybrain.runtime.rundir import RunDir
from citybrain.store import readings, register, report, stream
from citybrain.store.db import Database
from citybrain.store.migrate import migrate
from simulators.score import percentile

BOUND = 20_000
"""messages sent and not yet durable in a bench without a rate"""


def flood_register(assets: int) -> tuple[list[Asset], list[Unit], list[Responsibility]]:
    """A register for a flood: covers and drains with one unit each and a guardian."""
    units = [
        Unit("drainage", "Drainage service", contacts=("log:drainage",)),
        Unit("guardian", "District office", contacts=("log:guardian",), guardian_of=("*",)),
    ]
    rules = [Responsibility("city", "guardian", "guardian")]
    things = [
        Asset(
            asset_id(n),
            KINDS[n % len(KINDS)],
            31.3,
            120.6,
            unit="drainage",
            install_height_mm=1900,
            depth_mm=2000,
            interval_s=86400,
        )
        for n in range(assets)
    ]
    assert {thing.kind for thing in things} <= {Kind.MANHOLE, Kind.DRAIN}
    return things, units, rules


def make_flood_city(db: Database, assets: int) -> None:
    """The schema and the register of a flood in a database."""
    migrate(db)
    things, units, rules = flood_register(assets)
    with db.transaction() as tx:
        register.save_units(tx, units)
        register.save_responsibilities(tx, rules)
        register.save_assets(tx, things)


@contextmanager
def running(assets: int, *, env: dict[str, str] | None = None) -> Iterator[tuple[RunDir, Database, subprocess.Popen[bytes]]]:
    """`citybrain run` in a process of its own on a fresh data directory, with a flood register of `assets`."""
    folder = Path(tempfile.mkdtemp(prefix="citybrain-bench-"))
    run = RunDir(folder).make()
    postgres = EmbeddedPostgres(folder / "pg")
    process: subprocess.Popen[bytes] | None = None
    try:
        with Database(postgres.start(), size=4) as db:
            make_flood_city(db, assets)
            process = start_run(folder, env)
            wait_ready(run, process)
            yield run, db, process
    finally:
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start_run(folder: Path, env: dict[str, str] | None = None, mqtt_port: int | None = None) -> subprocess.Popen[bytes]:
    """Start `citybrain run` on a data directory, with ports that are free."""
    ports = ["--mqtt-port", str(mqtt_port or free_port()), "--http-port", "0"]
    with (folder / "log" / "run.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "citybrain.cli", "run", "--data-dir", str(folder), *ports],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=child_environment(**{"CITYBRAIN_LOG_LEVEL": "INFO", **(env or {})}),
        )


def wait_ready(run: RunDir, process: subprocess.Popen[bytes] | None = None, seconds: float = 60) -> dict[str, Any]:
    """Wait until the pipeline is connected to the broker and the API has its port; the content of run.json."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        info = run.read("run")
        if info.get("http") and run.read("pipeline").get("connected"):
            return info
        if process is not None and process.poll() is not None:
            raise UnavailableError(f"citybrain run ended with {process.returncode}; see {run.data_dir}/log/run.log")
        time.sleep(0.05)
    raise UnavailableError(f"citybrain run is not ready after {seconds:g} s; see {run.data_dir}/log")


def start_flood(options: Options) -> subprocess.Popen[bytes]:
    """Start the publisher; write durable counts to its stdin, read its report from its stdout."""
    return subprocess.Popen(
        [sys.executable, "-m", "citybrain.runtime.flood", json.dumps(asdict(options))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def stored(db: Database) -> int:
    """Readings that are durable, by the counter that every batch keeps."""
    with db.transaction() as tx:
        return stream.counters(tx).get("stored", 0)


def bench_pipeline(assets: int, seconds: float, rate: float = 0) -> dict[str, Any]:
    """Load the pipeline and measure it. Latencies are real ms; commits are timed by the database itself."""
    with running(assets) as (run, db, _):
        info = run.read("run")
        port = int(info["mqtt"].rsplit(":", 1)[1])
        options = Options("127.0.0.1", port, Settings().city, assets, seconds, rate, 0 if rate else BOUND)
        began = time.monotonic()
        flood = start_flood(options)
        assert flood.stdin is not None
        assert flood.stdout is not None
        while flood.poll() is None:
            time.sleep(0.1)
            if not rate:
                try:
                    flood.stdin.write(b"%d\n" % stored(db))
                    flood.stdin.flush()
                except BrokenPipeError:
                    break
            if time.monotonic() - began > seconds + 1 and says_something(flood):
                break
        done = json.loads(flood.stdout.read())
        flood.wait()
        deadline = time.monotonic() + 60
        while stored(db) < done["acked"] and time.monotonic() < deadline:
            time.sleep(0.05)
        elapsed = time.monotonic() - began
        with db.transaction() as tx:
            kept = readings.total_messages(tx)
            durable = dict(report.durable_ms(tx, done["first_seq"], SAMPLE))
            ordered = report.order_ms(tx)
        last = max(durable.values(), default=0)
        first = min((at for _, at in done["sampled"]), default=0)
        return {
            "messages_per_second": round(kept / max((last - first) / 1000, 1e-9), 1),
            "messages_lost": done["acked"] - kept,
            "messages": done["acked"],
            "seconds": round(elapsed, 2),
            "publish_to_durable_ms": quantiles([durable[seq] - at for seq, at in done["sampled"] if seq in durable]),
            "publish_to_order_ms": quantiles([min(ordered[asset]) - at for asset, _, at in done["faults"] if asset in ordered]),
            "faults": len(done["faults"]),
            "orders": sum(len(times) for times in ordered.values()),
            "publisher_cpu_share": round(done["cpu_s"] / max(done["seconds"], 1e-9), 3),
        }


def says_something(process: subprocess.Popen[bytes]) -> bool:
    """True when the process has begun its report: it comes at its end, and may fill the pipe."""
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], 0)[0])


def quantiles(values: Sequence[float]) -> dict[str, float | None]:
    """p50 and p99, rounded to 0.1; None when there are no values."""
    found = {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}
    return {name: None if value is None else round(value, 1) for name, value in found.items()}
