"""A TCP proxy that can be cut: what a network does to a client and a server that both stay alive."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Literal, TypeVar

from tests.servers.process import free_port

T = TypeVar("T")
_CHUNK = 1 << 16


class Proxy:
    """Listens on `port` of this machine and passes everything on to `target`, until it is cut.

    cut("blackhole") is a cable that is pulled: connections stand, nothing passes, nobody is told; what was under way
    arrives after heal(), as TCP would send it again. cut("refuse") is a host that went away: connections are reset
    and new ones refused.
    """

    def __init__(self, target: int, port: int | None = None) -> None:
        self.target, self.port = target, port or free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)
        self._server: asyncio.Server | None = None
        self._passing: asyncio.Event = asyncio.Event()
        self._pairs: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}
        self.passed = 0
        """bytes passed on, in both directions"""

    def start(self) -> Proxy:
        """Begin to listen."""
        self._thread.start()
        self._call(self._heal())
        return self

    def cut(self, how: Literal["blackhole", "refuse"] = "blackhole") -> None:
        """Nothing passes from now on."""
        self._call(self._cut(how))

    def heal(self) -> None:
        """Everything passes again."""
        self._call(self._heal())

    @property
    def connections(self) -> int:
        """How many connections stand now."""
        return len(self._pairs)

    def stop(self) -> None:
        """End all connections and stop listening; the proxy cannot be started again."""
        if self._thread.is_alive():
            self._call(self._cut("refuse"))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()

    def __enter__(self) -> Proxy:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _heal(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=_CHUNK)
        self._passing.set()

    async def _cut(self, how: str) -> None:
        self._passing.clear()
        if how == "refuse":
            if self._server is not None:
                self._server.close()
                self._server = None
            tasks = list(self._pairs)
            for task, writers in list(self._pairs.items()):
                for writer in writers:
                    _reset(writer)
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs[task] = (writer,)
        try:
            await self._passing.wait()
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=_CHUNK)
            self._pairs[task] = (writer, to_writer)
            there = asyncio.create_task(self._pass_on(reader, to_writer))
            back = asyncio.create_task(self._pass_on(to_reader, writer))
            try:
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in (there, back):
                    one.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
        except (OSError, asyncio.CancelledError):  # nobody listens behind us, or we were cut
            pass
        finally:
            for one in self._pairs.pop(task):
                _reset(one)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until one side closes. A half-closed connection is closed as a whole: Kafka and MQTT know no halves."""
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._passing.wait()
                writer.write(data)
                self.passed += len(data)
                await writer.drain()
        await self._passing.wait()  # an end is news too, which a cut cable does not carry


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close it with RST, as a kernel does for a process that was killed: the other side learns at once."""
    peer = writer.get_extra_info("socket")
    if peer is not None and peer.fileno() >= 0:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
