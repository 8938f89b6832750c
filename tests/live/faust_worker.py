"""A small Faust worker that uses what `rules.faust_app` uses, set as it is there; run by tests/live/test_faust_calls.py.

It tells each step as a JSON line in the file TEST_TOLD. Records tell it what to do: "commit" commits everything up to itself,
"fail" raises in the agent, all others are only read.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import faust
from faust.types import TP

TOPIC = os.environ["TEST_TOPIC"]
SESSION_S = float(os.environ["TEST_SESSION_S"])
_told = os.open(os.environ["TEST_TOLD"], os.O_WRONLY | os.O_APPEND)


def tell(what: str, **more: object) -> None:
    os.write(_told, json.dumps({"what": what, "at": time.monotonic(), **more}).encode() + b"\n")


app = faust.App(
    os.environ["TEST_GROUP"],
    broker=[f"kafka://{one}" for one in os.environ["TEST_KAFKA"].removeprefix("kafka://").split(",")],
    key_serializer="raw",
    value_serializer="raw",
    topic_partitions=4,
    topic_allow_declare=False,
    topic_disable_leader=True,
    stream_wait_empty=False,
    broker_commit_interval=1e9,
    broker_commit_every=10**12,
    consumer_max_fetch_size=8 << 20,
    broker_session_timeout=SESSION_S,
    broker_heartbeat_interval=SESSION_S / 3,
    broker_rebalance_timeout=30.0,
    web_enabled=False,
    worker_redirect_stdouts=False,
    datadir=".",
)
wanted: dict[TP, int] = {}


@app.agent(app.topic(TOPIC, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"))
async def read(stream: Any) -> None:
    try:
        async for event in stream.noack().events():
            message = event.message
            value, headers = event.value[:100].decode(), {name: text.decode() for name, text in event.headers.items()}
            place = {"partition": message.partition, "offset": message.offset}
            tell("record", **place, value=value, bytes=len(event.value), headers=headers)
            if event.value == b"commit":
                wanted[message.tp] = message.offset + 1
            if event.value == b"fail":
                raise ValueError("told to fail")
    except Exception as error:
        tell("failed", error=repr(error))
        os._exit(1)


@app.task
async def commit() -> None:
    while not app.should_stop:
        if wanted:
            done = dict(wanted)
            wanted.clear()
            consumer: Any = app.consumer
            tell(
                "committed",
                worked=bool(await consumer._commit_offsets(done)),
                acked=sum(len(offsets) for offsets in consumer._acked.values()),
                assignment=sorted(tp.partition for tp in consumer.assignment()),
            )
        await app.sleep(0.05)


@app.on_partitions_assigned.connect(weak=False)
async def assigned(_app: Any, assigned: set[TP], **_: Any) -> None:
    tell("assigned", partitions=sorted(tp.partition for tp in assigned if tp.topic == TOPIC))


@app.on_partitions_revoked.connect(weak=False)
async def revoked(_app: Any, revoked: set[TP], **_: Any) -> None:
    tell("revoked", partitions=sorted(tp.partition for tp in revoked if tp.topic == TOPIC))


if __name__ == "__main__":
    faust.Worker(app, loglevel="warn", quiet=True, redirect_stdouts=False).execute_from_commandline()
