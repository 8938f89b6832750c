"""A paho client whose socket reads and writes in large pieces.

paho reads a packet by several calls of `recv` for one or a few bytes and writes each acknowledgement by a call of its own:
about 100 us a message. With the buffers here it is about 12 us (measured: 42,000 QoS 1 messages a second on one core).
The socket is made by overriding `Client._create_socket`, which is private; `tests/live/test_bridge.py` holds it.
"""

from __future__ import annotations

import selectors
import socket
import ssl
from time import monotonic
from typing import Any

import paho.mqtt.client as mqtt

_READ = 256 * 1024


class Wire:
    """A socket with a read buffer and a write buffer. Not thread-safe: one loop owns it."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._in = b""
        self._at = 0
        self._out = bytearray()

    def recv(self, size: int) -> bytes:
        """Bytes from the buffer; reads the socket when it is empty. Raises BlockingIOError (or SSLWantReadError)."""
        at = self._at
        if at >= len(self._in):
            self._in = self._sock.recv(_READ)
            at = 0
        data = self._in[at : at + size]
        self._at = at + len(data)
        return data

    def pending(self) -> int:
        """Bytes that can be read although the socket may look idle."""
        own = len(self._in) - self._at
        if own:
            return own
        return self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0

    def send(self, data: bytes) -> int:
        """Take bytes to write; `flush` writes them."""
        self._out += data
        return len(data)

    def unsent(self) -> int:
        """Bytes taken and not yet written."""
        return len(self._out)

    def flush(self) -> None:
        """Write what the socket takes now. Raises OSError when the connection is gone."""
        out = self._out
        while out:
            try:
                sent = self._sock.send(out)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del out[:sent]

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return int(self._sock.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class WireClient(mqtt.Client):
    """A paho client on a `Wire`."""

    wire: Wire | None = None

    def _create_socket(self) -> Any:
        sock: Any = self._create_socket_connection()
        if self._ssl_context is not None:
            # paho's own handshake leaves the socket open when the certificate is refused
            sock = self._ssl_context.wrap_socket(sock, server_hostname=self._host, do_handshake_on_connect=False)
            try:
                sock.settimeout(self.connect_timeout)
                sock.do_handshake()
            except BaseException:
                sock.close()
                raise
        self.wire = Wire(sock)
        return self.wire

    def keep_alive_unheard(self, keepalive_s: float) -> None:
        """While nothing is read, answers to pings are not seen: ping in time, and do not wait for them.

        paho counts by private attributes: a ping whose answer is still unread would end the connection.
        """
        now = monotonic()
        if now - self._last_msg_out >= keepalive_s / 2:
            self._send_pingreq()
            self._last_msg_out = now
        self._ping_t = 0.0
        self._last_bytes_received = now


class Waiter:
    """Waits for the socket or for a wake-up from another thread."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._woken = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._read, selectors.EVENT_READ)
        self._watched: tuple[int, int] | None = None

    def wake(self) -> None:
        """End the present or the next wait (any thread)."""
        if not self._woken:
            self._woken = True
            try:
                self._write.send(b"\x00")
            except (BlockingIOError, OSError):
                return  # the pipe is full of wake-ups, or closed at the end

    def wait(self, wire: Wire | None, *, read: bool, seconds: float) -> None:
        """Until the wire can be read (when `read`) or written (when it has unsent bytes), somebody wakes, or time is over."""
        events = 0
        if wire is not None:
            events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if wire.unsent() else 0)
        wanted = (wire.fileno(), events) if wire is not None and events else None
        if wanted != self._watched:
            if self._watched is not None:
                self._forget(self._watched[0])
            if wanted is not None:
                self._selector.register(wanted[0], wanted[1])
            self._watched = wanted
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._read:
                self._woken = False
                try:
                    self._read.recv(4096)
                except BlockingIOError:
                    continue

    def forget(self) -> None:
        """Stop to watch the wire, before it is closed."""
        if self._watched is not None:
            self._forget(self._watched[0])
            self._watched = None

    def _forget(self, descriptor: int) -> None:
        try:
            self._selector.unregister(descriptor)
        except (KeyError, ValueError, OSError):
            return  # its descriptor is closed already

    def close(self) -> None:
        """Release the descriptors."""
        self._selector.close()
        self._read.close()
        self._write.close()
