"""Logs: one JSON object a line, with the trace; lines for people otherwise."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from citybrain import logs

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


def _lines(said: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.getvalue().splitlines()]


def test_a_json_line_has_the_keys_that_are_promised(said: io.StringIO) -> None:
    logs.setup("archive", form="json", stream=said)
    logging.getLogger("citybrain.x").info("stored %d", 3, extra={"trace": TRACE, "order": 17, "where": Path("/a")})
    (line,) = _lines(said)
    assert list(line) == ["ts", "level", "logger", "msg", "service", "trace", "order", "where"]
    assert line["ts"].endswith("Z")
    assert line["ts"][10] == "T"
    assert list(line.values())[1:] == ["INFO", "citybrain.x", "stored 3", "archive", TRACE, 17, "/a"]


def test_an_error_is_one_line_with_its_traceback_inside(said: io.StringIO) -> None:
    logs.setup("rules", form="json", stream=said)
    try:
        raise ValueError("bad\nnews 坏")
    except ValueError:
        logging.getLogger("x").exception("it broke")
    (line,) = _lines(said)
    assert line["msg"] == "it broke"
    assert line["exc"].endswith("ValueError: bad\nnews 坏")
    assert "坏" in said.getvalue()


def test_the_trace_of_the_block_goes_with_every_line_in_it(said: io.StringIO) -> None:
    logs.setup("rules", form="json", stream=said)
    log = logging.getLogger("x")
    with logs.traced(TRACE):
        log.warning("inside")
        log.warning("names its own", extra={"trace": "f" * 32})
    log.warning("outside")
    assert [line.get("trace") for line in _lines(said)] == [TRACE, "f" * 32, None]


def test_lines_for_people_name_service_and_trace(said: io.StringIO) -> None:
    logs.setup("cycle 100%", stream=said)
    logging.getLogger("x").warning("late", extra={"trace": TRACE})
    logging.getLogger("x").warning("plain")
    first, second = said.getvalue().splitlines()
    assert first.endswith(f" WARNING cycle 100% x: late [trace {TRACE}]")
    assert second.endswith(" WARNING cycle 100% x: plain")


def test_clients_that_say_much_are_heard_from_warning_on(said: io.StringIO) -> None:
    logs.setup("x", stream=said)
    logging.getLogger("aiokafka.consumer").info("heartbeat")
    logging.getLogger("citybrain").info("heard")
    logs.setup("x", level="ERROR", stream=said)
    logging.getLogger("kafka").warning("still too much")
    assert [line.rsplit(" ", 1)[1] for line in said.getvalue().splitlines()] == ["heard"]


def test_warnings_and_threads_end_up_in_the_lines(said: io.StringIO) -> None:
    logs.setup("x", form="json", stream=said)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old habit", DeprecationWarning, stacklevel=1)

    def broken() -> None:
        raise RuntimeError("thread")

    thread = threading.Thread(target=broken, name="poor")
    thread.start()
    thread.join()
    old, gone = _lines(said)
    assert "old habit" in old["msg"]
    assert gone["msg"] == "thread poor ends by an error that nobody caught"
    assert "RuntimeError: thread" in gone["exc"]


def test_an_uncaught_error_is_a_json_line() -> None:
    code = "from citybrain import logs; logs.setup('x', form='json'); 1/0"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = [json.loads(text) for text in done.stderr.splitlines()]
    assert line["level"] == "CRITICAL"
    assert "ZeroDivisionError" in line["exc"]
