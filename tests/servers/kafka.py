"""A real Apache Kafka in KRaft mode, one node or three: started, killed, restarted with its disk, cut from one client."""

from __future__ import annotations

import base64
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from citybrain.kernel.errors import UnavailableError
from tests.servers import cache
from tests.servers.kafka_jars import POM, jars, java, release
from tests.servers.kafka_settings import LOG, settings
from tests.servers.process import Held, ServerProcess, answers, free_port
from tests.servers.proxy import Proxy

_JAVA = ("-XX:+UseSerialGC", "-XX:-UsePerfData")


def classes() -> Path:
    """An archive of Kafka's classes as Java has them in memory: it takes 2 of the 3.5 CPU seconds off each start."""

    def dump(folder: Path) -> None:
        quiet = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")
        with KafkaCluster(java=(f"-XX:ArchiveClassesAtExit={folder / 'classes.jsa'}", *quiet)) as cluster:
            cluster.stop(wait_s=120)

    return cache.fetched("kafka-classes", [POM, release()], dump) / "classes.jsa"


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


class KafkaCluster(Held):
    """`nodes` combined brokers and controllers on this machine; node ids are 1, 2, …, in a folder of their own.

    `routes` are names of further ways in, each a Route. `properties` are laid over the servers' settings. `java` are
    options of the Java machine, in place of those that make it start quickly.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        routes: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        java: Sequence[str] | None = None,
    ) -> None:
        # by the lesser of Java's two compilers: its code runs half as fast and is there at once
        self._options = tuple(java) if java is not None else (f"-XX:SharedArchiveFile={classes()}", "-XX:TieredStopAtLevel=1")
        self.folder = Path(tempfile.mkdtemp(prefix="citybrain-kafka-"))
        (self.folder / "log4j2.properties").write_text(LOG)
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
        # a node that counts itself may not yet count one that came after it
        for node, process in self._nodes.items():
            with self.admin(f"127.0.0.1:{self.ports[node]}") as admin:
                process.wait_until(lambda admin=admin: all(_counted(admin, one) for one in self._nodes), wait_s)
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

    def stop(self, wait_s: float = 3) -> None:
        """End all nodes; the data stays, start() goes on with it. A quorum that goes down together cannot do so in order:
        what is still there after `wait_s` is killed."""
        for process in self._nodes.values():
            process.signal(signal.SIGTERM)
        for process in self._nodes.values():
            process.stop(wait_s)

    def remove(self) -> None:
        """End everything and delete the data."""
        for process in self._nodes.values():
            process.kill()
        for route in self.routes.values():
            for proxy in route.proxies:
                proxy.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def admin(self, *bootstrap: str) -> Iterator[KafkaAdminClient]:
        """A client for topics and groups, closed at the end."""
        client = KafkaAdminClient(bootstrap_servers=list(bootstrap) or self.bootstrap, client_id="tests")
        try:
            yield client
        finally:
            client.close()

    def _node(self, node: int) -> ServerProcess:
        """Write the node's settings; its process, not started."""
        listeners = {"PLAINTEXT": self.ports[node], "CONTROLLER": self._controllers[node]}
        advertised = {"PLAINTEXT": self.ports[node]}
        for name, route in self.routes.items():
            listeners[name.upper()] = self._behind[name][node]
            advertised[name.upper()] = route.proxies[node - 1].port
        given = settings(node, self.folder / f"data-{node}", self._controllers, listeners, advertised)
        lines = (f"{name}={value}\n" for name, value in {**given, **self._properties}.items())
        self._config(node).write_text("".join(lines))
        words = self._words("kafka.Kafka", *self._options, "-Xms64m", f"-Xmx{self._heap_mb}m")
        return ServerProcess(f"Kafka node {node}", [*words, self._config(node)], self.folder / f"node-{node}.log")

    def _words(self, program: str, *options: str) -> list[str | Path]:
        log = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return [java(), *_JAVA, *options, log, "-cp", f"{jars()}/*", program]

    def _config(self, node: int) -> Path:
        return self.folder / f"node-{node}.properties"

    def _format(self) -> None:
        """Give each node's disk the cluster's id, as Kafka's own tool does; all at once, each takes a Java machine."""
        tool = self._words("kafka.tools.StorageTool", *(one for one in self._options if "AtExit" not in one))
        tools = []
        for node in self._nodes:
            words = [*tool, "format", "-t", self._cluster_id, "-c", self._config(node)]
            tools.append(ServerProcess("Kafka's storage tool", words, self.folder / f"format-{node}.log"))
            tools[-1].start()
        for one in tools:
            if one.wait():
                raise UnavailableError(f"Kafka's disk cannot be formatted:\n{one.tail()}")
        self._made = True


def _url(ports: Iterable[int]) -> str:
    return "kafka://" + ",".join(f"127.0.0.1:{port}" for port in ports)


def _counted(admin: KafkaAdminClient, node: int) -> bool:
    try:
        brokers = admin.describe_cluster()["brokers"]
    except KafkaError:
        return False
    return any(one["broker_id"] == node and not one.get("is_fenced") for one in brokers)
