"""One way to log for every process: lines for people, or one JSON object a line, with the trace of the message behind it.

    logs.setup("pipeline", level="INFO", form="json")
    log.info("order opened", extra={"trace": trace, "order": number})
    with logs.traced(trace): ...

JSON keys: `ts` (UTC), `level`, `logger`, `msg`, `service`, then `trace` and `exc` when there are any, then what else `extra`
holds.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

__all__ = ["setup", "traced"]

_TRACE: ContextVar[str] = ContextVar("trace", default="")
_NOISY: Final = ("httpx", "httpcore", "kafka", "aiokafka", "faust", "mode", "opentelemetry", "urllib3")
"""libraries that tell every request or heartbeat at INFO"""
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "trace"}
"""what every record has: the rest of its attributes came by `extra`"""


@contextmanager
def traced(trace: str) -> Iterator[None]:
    """Everything logged inside belongs to this trace (32 hex digits), unless it names another."""
    token = _TRACE.set(trace)
    try:
        yield
    finally:
        _TRACE.reset(token)


def _trace_of(record: logging.LogRecord) -> str:
    return str(getattr(record, "trace", "") or _TRACE.get())


class JsonLines(logging.Formatter):
    """One JSON object a line. A value that JSON does not know stands there as its text."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "ts": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "msg": record.getMessage(),
            "service": self._service,
        }
        if trace := _trace_of(record):
            line["trace"] = trace
        if record.exc_info:
            line["exc"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        for key, value in vars(record).items():
            if key not in _OWN and key not in line:
                line[key] = value
        return json.dumps(line, default=str, ensure_ascii=False)


class Lines(logging.Formatter):
    """Lines for people; the trace stands at the end of the first."""

    def __init__(self, service: str = "") -> None:
        whole = f"%(asctime)s %(levelname)s {service.replace('%', '%%')} %(name)s: %(message)s"
        super().__init__(whole if service else "%(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        trace = _trace_of(record)
        return f"{line} [trace {trace}]" if trace else line


def setup(service: str, *, level: str = "INFO", form: str = "text", stream: TextIO | None = None) -> None:
    """Log to `stream` (default: stderr) from now on, in place of what was set up before.

    `form` is "text", "brief" (without time and service: a command that somebody waits for), or "json". In JSON, errors that
    nobody caught are log lines as well: whoever collects the lines must not meet a bare traceback.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(service) if form == "json" else Lines("" if form == "brief" else service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.captureWarnings(form == "json")
    if form == "json":
        sys.excepthook = _uncaught
        threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("citybrain").critical("ends by an error that nobody caught", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    name = args.thread.name if args.thread else "?"
    found = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.getLogger("citybrain").critical("thread %s ends by an error that nobody caught", name, exc_info=found)
