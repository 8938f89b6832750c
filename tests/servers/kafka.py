"""A real Apache Kafka in KRaft mode, one node or three: started, killed, restarted with its disk, cut from one client."""

from __future__ import annotations

import base64
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Literal

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from citybrain.kernel.errors import UnavailableError
from tests.servers import cache, debian
from tests.servers.process import ServerProcess, answers, free_port
from tests.servers.proxy import Proxy

_HERE = Path(__file__).parent
_LOG = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
_SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(4 << 20),
    "replica.fetch.max.bytes": str(4 << 20),
    # a killed node may come back when its old session is over; the default of 9 s only makes tests wait
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    # small: many topics of 32 partitions live and die in a test run, and their cleaner's default buffer is 128 MiB
    "log.segment.bytes": str(32 << 20),
    "log.index.size.max.bytes": str(1 << 20),
    "log.cleaner.dedupe.buffer.size": str(4 << 20),
    "log.cleaner.io.buffer.size": str(256 << 10),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    # a deleted topic's files go at once, not after a minute
    "log.segment.delete.delay.ms": "1000",
}


def jars() -> Path:
    """The folder with the server's jars, from Maven Central by the pom.xml beside this file."""

    def fetch(folder: Path) -> None:
        maven, _ = debian.require("mvn", "java")
        cache.run(
            [
                maven,
                "-q",
                "-B",
                "-Dstyle.color=never",
                "-f",
                _HERE / "pom.xml",
                "dependency:copy-dependencies",
                f"-DoutputDirectory={folder}",
            ],
            folder,
            "the jars of Apache Kafka",
            "they come from Maven Central: give Maven a way there (or a mirror, in its settings.xml) and run `make servers`",
        )

    return cache.fetched("kafka", [_HERE / "pom.xml"], fetch)


class Route:
    """A way into the cluster that can be cut while others stay: bootstrap and advertised ports all go through proxies."""

    def __init__(self, proxies: Sequence[Proxy]) -> None:
        self.proxies = tuple(proxies)

    @property
    def url(self) -> str:
        """What a client on this route connects to."""
        return _url(proxy.port for proxy in self.proxies)

    def cut(self, how: Literal["blackhole", "refuse"] = "blackhole") -> None:
        """Cut this route to all nodes (see Proxy.cut)."""
        for proxy in self.proxies:
            proxy.cut(how)

    def heal(self) -> None:
        """The route works again."""
        for proxy in self.proxies:
            proxy.heal()


class KafkaCluster:
    """`nodes` combined brokers and controllers on this machine; node ids are 1, 2, …, in a folder of their own.

    `routes` are names of further ways in, each a Route. `properties` are laid over the servers' settings.
    """

    def __init__(self, nodes: int = 1, *, routes: Sequence[str] = (), properties: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="citybrain-kafka-"))
        self._heap_mb = 512 if nodes == 1 else 256
        self._cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "a")
        self.ports = {node: free_port() for node in range(1, nodes + 1)}
        self._controllers = {node: free_port() for node in self.ports}
        self._behind = {name: {node: free_port() for node in self.ports} for name in routes}
        self.routes = {name: Route([Proxy(port) for port in ports.values()]) for name, ports in self._behind.items()}
        self._properties = dict(properties or {})
        self._nodes = {node: self._node(node) for node in self.ports}
        self._made = False

    @property
    def url(self) -> str:
        """kafka://host:port,… of all nodes."""
        return _url(self.ports.values())

    @property
    def bootstrap(self) -> list[str]:
        """The nodes as Kafka's clients want them: host:port, each a string."""
        return [f"127.0.0.1:{port}" for port in self.ports.values()]

    @property
    def pids(self) -> dict[int, int | None]:
        """Process id of each node; None for one that does not run."""
        return {node: process.pid for node, process in self._nodes.items()}

    def start(self, wait_s: float = 90) -> str:
        """Start all nodes and wait until each is in the cluster; the URL. Raises UnavailableError with a node's log."""
        if not self._made:
            for route in self.routes.values():
                for proxy in route.proxies:
                    proxy.start()
            self._format()
        for process in self._nodes.values():
            process.start()
        for node in self._nodes:
            self.wait_ready(node, wait_s)
        return self.url

    def wait_ready(self, node: int, wait_s: float = 90) -> None:
        """Wait until the node answers a metadata request in which the cluster counts it, unfenced."""
        self._nodes[node].wait_until(lambda: answers(self.ports[node]), wait_s)
        with self.admin(f"127.0.0.1:{self.ports[node]}") as admin:
            self._nodes[node].wait_until(lambda: _counted(admin, node), wait_s)

    def kill(self, node: int = 1) -> None:
        """SIGKILL: what the node did not write to its file is lost; what it gave to the system is not."""
        self._nodes[node].kill()

    def restart(self, node: int = 1, *, wait_s: float = 90) -> float:
        """Start a killed or stopped node again on its disk; seconds until it was ready."""
        began = time.monotonic()
        self._nodes[node].stop()
        self._nodes[node].start()
        self.wait_ready(node, wait_s)
        return time.monotonic() - began

    def pause(self, node: int = 1) -> None:
        """SIGSTOP: the node hangs, its connections stand."""
        self._nodes[node].signal(signal.SIGSTOP)

    def resume(self, node: int = 1) -> None:
        """SIGCONT after pause()."""
        self._nodes[node].signal(signal.SIGCONT)

    def leader(self, topic: str, partition: int = 0) -> int:
        """The node that leads a partition now; -1 while there is none."""
        with self.admin() as admin:
            found = admin.describe_topics([topic])[0]["partitions"]
        return next(int(one["leader_id"]) for one in found if one["partition_index"] == partition)

    def stop(self) -> None:
        """End all nodes; the data stays, start() goes on with it. A quorum that goes down together cannot do so in order,
        and is not waited for."""
        for process in self._nodes.values():
            process.signal(signal.SIGTERM)
        for process in self._nodes.values():
            process.stop(3)

    def remove(self) -> None:
        """End everything and delete the data."""
        for process in self._nodes.values():
            process.kill()
        for route in self.routes.values():
            for proxy in route.proxies:
                proxy.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> KafkaCluster:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @contextmanager
    def admin(self, *bootstrap: str) -> Iterator[KafkaAdminClient]:
        """A client for topics and groups, closed at the end."""
        client = KafkaAdminClient(bootstrap_servers=list(bootstrap) or self.bootstrap, client_id="tests")
        try:
            yield client
        finally:
            client.close()

    @cached_property
    def _java(self) -> list[str | Path]:
        (java,) = debian.require("java")
        return [java, "-XX:+UseSerialGC", "-XX:-UsePerfData", f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"]

    def _node(self, node: int) -> ServerProcess:
        """Write the node's settings; its process, not started."""
        listeners = {"PLAINTEXT": self.ports[node], "CONTROLLER": self._controllers[node]}
        advertised = {"PLAINTEXT": self.ports[node]}
        for name, route in self.routes.items():
            listeners[name.upper()] = self._behind[name][node]
            advertised[name.upper()] = route.proxies[node - 1].port
        copies = min(len(self.ports), 3)
        settings = {
            **_SETTINGS,
            "node.id": node,
            "controller.quorum.voters": ",".join(f"{one}@127.0.0.1:{port}" for one, port in self._controllers.items()),
            "listeners": _listeners(listeners),
            "advertised.listeners": _listeners(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
            "log.dirs": self.folder / f"data-{node}",
            "default.replication.factor": copies,
            "min.insync.replicas": max(1, copies - 1),
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": max(1, copies - 1),
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": max(1, copies - 1),
            **self._properties,
        }
        (self.folder / "log4j2.properties").write_text(_LOG)
        self._config(node).write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        heap = ["-Xms64m", f"-Xmx{self._heap_mb}m"]
        command = [*self._java, *heap, "-cp", f"{jars()}/*", "kafka.Kafka", self._config(node)]
        return ServerProcess(f"Kafka node {node}", command, self.folder / f"node-{node}.log")

    def _config(self, node: int) -> Path:
        return self.folder / f"node-{node}.properties"

    def _format(self) -> None:
        """Give each node's disk the cluster's id, as Kafka's own tool does."""
        tool = [*self._java, "-XX:TieredStopAtLevel=1", "-cp", f"{jars()}/*", "kafka.tools.StorageTool"]
        for node in self._nodes:
            words = [*tool, "format", "-t", self._cluster_id, "-c", self._config(node)]
            done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
            if done.returncode:
                raise UnavailableError(f"Kafka's disk cannot be formatted:\n{done.stdout}{done.stderr}")
        self._made = True


def _url(ports: Iterable[int]) -> str:
    return "kafka://" + ",".join(f"127.0.0.1:{port}" for port in ports)


def _listeners(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def _counted(admin: KafkaAdminClient, node: int) -> bool:
    try:
        brokers = admin.describe_cluster()["brokers"]
    except KafkaError:
        return False
    return any(one["broker_id"] == node and not one.get("is_fenced") for one in brokers)
