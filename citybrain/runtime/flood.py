"""A publisher that costs little: MQTT 3.1.1, QoS 1, straight over a socket, in a process of its own.

It is for benches and kill tests, where a client library would cost more than the pipeline that it loads. It publishes plausible
quiet readings of covers, lamps and drains, numbered by `seq`, and now and then a flipped cover on an asset not used before.
A message counts as acknowledged when its PUBACK has come; after a lost connection the unacknowledged ones are sent again.

`python -m citybrain.runtime.flood OPTIONS_JSON`; stdin: a durable count a line (closed loop); stdout: one JSON report.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import NamedTuple

from citybrain.clock import real_ms
from citybrain.kernel.model import Kind


@dataclass(frozen=True, slots=True)
class Options:
    """What to publish. `rate` in messages/s, 0 = as fast as `bound` allows: most messages sent and not yet durable.

    With `pack` > 1 a message is a pack of so many readings: `rate`, `bound` and `seq` count the readings; no faults are made.
    """

    host: str
    port: int
    city: str
    assets: int
    seconds: float
    rate: float = 0
    bound: int = 0
    window: int = 1000
    faults_per_s: float = 5
    first_seq: int = 1
    client: str = "citybrain-flood"
    pack: int = 1


@dataclass(slots=True)
class Report:
    """What was done. Times are real ms; `sampled` holds every SAMPLE-th message, `faults` the asset of each flipped cover."""

    acked: int = 0
    first_seq: int = 1
    last_seq: int = 0
    seconds: float = 0
    cpu_s: float = 0
    unacked: list[int] = field(default_factory=list)
    sampled: list[tuple[int, int]] = field(default_factory=list)
    faults: list[tuple[str, int, int]] = field(default_factory=list)


SAMPLE = 50
_QUIET = {
    Kind.MANHOLE: b'"values":{"tilt_deg":0.8,"level_mm":412,"battery_pct":93,"temperature_cel":14.5}}',
    Kind.STREETLIGHT: b'"values":{"power_w":44.8,"dim_pct":75,"voltage_v":231.2,"power_factor":0.91,"temperature_cel":31}}',
    Kind.DRAIN: b'"values":{"level_mm":120,"battery_pct":88,"temperature_cel":15.2}}',
}
_PACKED = (b'{"tilt_deg":0.8,"battery_pct":93}}', b'{"level_mm":120,"battery_pct":88}}')
"""values of a reading in a pack: of a cover, of a drain"""
_PACKED_FLIPPED = b'{"tilt_deg":131,"battery_pct":93}}'
_FLIPPED = b'"values":{"tilt_deg":131,"level_mm":412,"battery_pct":93,"temperature_cel":14.5}}'
KINDS = (Kind.MANHOLE, Kind.DRAIN)
"""kinds of flood assets in turn; lamps are left out because their rules depend on the hour at which a bench runs"""


def asset_id(number: int) -> str:
    """Id of the n-th asset of a flood."""
    return f"F{number:07d}"


class _Sent(NamedTuple):
    mid: int
    seq: int
    packet: bytes


class Flood:
    """One connection, many messages."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._prefix = [
            f"city/{options.city}/{KINDS[number % len(KINDS)]}/{asset_id(number)}/telemetry".encode()
            for number in range(options.assets)
        ]
        self._pack_topic = f"city/{options.city}/gateway/{options.client}/pack".encode()
        self._stamp_ms = 0
        self._names = [asset_id(number).encode() for number in range(options.assets)]
        self.report = Report(first_seq=options.first_seq)
        self._seq = options.first_seq
        self._mid = 0
        self._waiting: deque[_Sent] = deque()
        self._out = bytearray()
        self._in = b""
        self._durable = 0
        self._next_victim = 0
        self._sock: socket.socket | None = None
        self._stopped = False
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """SIGINT: publish no more, report what was acknowledged."""
        self._stopped = True

    def run(self) -> Report:
        """Publish for the time given, then wait for the last acknowledgements (up to 30 s)."""
        began = time.monotonic()
        end = began + self._options.seconds
        os.set_blocking(sys.stdin.fileno(), False)
        next_fault = began + 1 / self._options.faults_per_s if self._options.faults_per_s else end + 60
        while (now := time.monotonic()) < end and not self._stopped:
            self._connect()
            self._read_durable()
            while self._may_send(now - began):
                fault = now >= next_fault
                if fault:
                    next_fault += 1 / self._options.faults_per_s
                self._publish(fault)
            self._exchange(0.002)
        self.report.seconds = time.monotonic() - began
        grace = time.monotonic() + 30
        while self._waiting and time.monotonic() < grace:
            self._connect()
            self._exchange(0.05)
        self.report.unacked = [sent.seq for sent in self._waiting]
        self.report.last_seq = self._seq - 1
        self.report.cpu_s = time.process_time()
        return self.report

    def _may_send(self, elapsed: float) -> bool:
        options, sent = self._options, self._seq - self._options.first_seq
        if len(self._waiting) >= options.window or len(self._out) > 1 << 16:
            return False
        if options.bound and sent - self._durable >= options.bound:
            return False
        return not options.rate or sent < elapsed * options.rate

    def _publish(self, fault: bool) -> None:
        if self._options.pack > 1:
            self._publish_pack(fault)
            return
        now_ms, seq = real_ms(), self._seq
        self._seq += 1
        number = seq % self._options.assets
        if fault and self._next_victim < self._options.assets:
            number = self._next_victim  # even numbers are covers
            self._next_victim += 2
            self.report.faults.append((asset_id(number), seq, now_ms))
        # a flipped cover stays so
        flipped = number < self._next_victim and number % 2 == 0
        body = _FLIPPED if flipped else _QUIET[KINDS[number % len(KINDS)]]
        if seq % SAMPLE == 0:
            self.report.sampled.append((seq, now_ms))
        self._send(seq, self._prefix[number], b'{"ts":%d,"seq":%d,' % (now_ms, seq) + body)

    def _publish_pack(self, fault: bool) -> None:
        """The next assets in turn, with two values each; a fault flips a cover, which the pack begins with."""
        now_ms, first, count = real_ms(), self._seq, self._options.pack
        self._seq += count
        # two readings of an asset in the same millisecond would have no order, and one of them would be late
        around = first % self._options.assets < count
        self._stamp_ms = max(now_ms, self._stamp_ms + around)
        numbers = [seq % self._options.assets for seq in range(first, first + count)]
        if fault and self._next_victim < self._options.assets:
            numbers[0] = self._next_victim
            self._next_victim += 2
            self.report.faults.append((asset_id(numbers[0]), first, now_ms))
        if first // count % SAMPLE == 0:
            self.report.sampled.append((first, now_ms))
        names, flipped = self._names, self._next_victim
        items = [
            b'{"asset":"%s","ts":%d,"seq":%d,"values":%s'
            % (
                names[number],
                self._stamp_ms,
                seq,
                _PACKED_FLIPPED if number < flipped and number % 2 == 0 else _PACKED[number % 2],
            )
            for seq, number in enumerate(numbers, first)
        ]
        self._send(first, self._pack_topic, b'{"readings":[' + b",".join(items) + b"]}")

    def _send(self, seq: int, topic: bytes, payload: bytes) -> None:
        self._mid = self._mid % 65535 + 1
        packet = b"2" + _length(len(topic) + len(payload) + 4) + struct.pack("!H", len(topic)) + topic
        packet += struct.pack("!H", self._mid) + payload
        self._waiting.append(_Sent(self._mid, seq, packet))
        self._out += packet

    def _connect(self) -> None:
        if self._sock is not None:
            return
        try:
            sock = socket.create_connection((self._options.host, self._options.port), timeout=2)
            name = self._options.client.encode()
            head = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack("!H", len(name)) + name
            sock.sendall(b"\x10" + _length(len(head)) + head)
            answer = sock.recv(4)
            if len(answer) < 4 or answer[3] != 0:
                raise OSError(f"the broker refused the connection: {answer!r}")
        except OSError:
            time.sleep(0.1)
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        # what was not acknowledged is sent again, marked as a duplicate
        self._in, self._sock = b"", sock
        self._out = bytearray(b"".join(b":" + sent.packet[1:] for sent in self._waiting))

    def _exchange(self, wait_s: float) -> None:
        if self._sock is None:
            return
        try:
            readable, writable, _ = select.select([self._sock], [self._sock] if self._out else [], [], wait_s)
            if writable:
                del self._out[: self._sock.send(self._out)]
            if readable:
                data = self._sock.recv(1 << 16)
                if not data:
                    raise ConnectionError("closed by the broker")
                self._in += data
                whole = len(self._in) // 4 * 4
                for (mid,) in struct.iter_unpack("!2xH", self._in[:whole]):
                    self._acked(mid)
                self._in = self._in[whole:]
        except BlockingIOError:
            return
        except OSError:
            self._sock.close()
            self._sock = None

    def _acked(self, mid: int) -> None:
        if self._waiting and self._waiting[0].mid == mid:
            self._waiting.popleft()
        else:  # out of order after a reconnection
            for sent in self._waiting:
                if sent.mid == mid:
                    self._waiting.remove(sent)
                    break
            else:
                return
        self.report.acked += 1

    def _read_durable(self) -> None:
        with contextlib.suppress(BlockingIOError, ValueError, TypeError):
            if lines := os.read(sys.stdin.fileno(), 1 << 16).split():
                self._durable = int(lines[-1])


def _length(length: int) -> bytes:
    """The variable length of MQTT."""
    out = bytearray()
    while True:
        length, digit = divmod(length, 128)
        out.append(digit | 128 if length else digit)
        if not length:
            return bytes(out)


if __name__ == "__main__":
    json.dump(asdict(Flood(Options(**json.loads(sys.argv[1]))).run()), sys.stdout)
