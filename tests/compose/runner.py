"""Starts the services of compose.yaml as processes: the same commands, environments, configuration files, health checks, order.

What a container engine does, and what differs here, stands in these tables and nowhere else:

    addresses    each container has all ports for itself; here each of them has another port of 127.0.0.1 (PORTS)
    paths        a mount is a folder of the test; a mounted file of the repository is a copy with addresses and paths replaced
    host names   each container has its own; here it is the name that a service makes of it (CITYBRAIN_SERVICE_ID)
    programs     what an image brings is the same program of this machine (PROGRAMS, ENTRYPOINTS)
    servers      Kafka's jars and the embedded PostgreSQL in the place of two images
    left out     Grafana: there is no such server at hand (LEFT_OUT)
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.process import child_environment
from tests.compose.database import Database
from tests.compose.project import ROOT, Mount, Project, Service
from tests.compose.units import Kafka, Postgres, Process, Unit
from tests.compose.words import Address, Words, with_targets
from tests.servers import debian
from tests.servers.process import free_port

LEFT_OUT = frozenset({"grafana"})
PORTS: Mapping[str, tuple[int, ...]] = {
    "mosquitto": (1883, 1884),
    "kafka": (9092,),
    "timescaledb": (5432,),
    "prometheus": (9090,),
}
"""ports in the containers of servers; our image has 8080"""
OURS = 8080
PROGRAMS: Mapping[str, Callable[[], list[str]]] = {
    "citybrain": lambda: [sys.executable, "-m", "citybrain.cli"],
    "python": lambda: [sys.executable],
    "mosquitto": lambda: [str(debian.require("mosquitto")[0])],
    "mosquitto_sub": lambda: [str(debian.require("mosquitto_sub")[0])],
    "prometheus": lambda: [str(debian.require("prometheus")[0])],
    "wget": lambda: [str(debian.require("wget")[0])],
    "pg_isready": lambda: [str(Database.tool("pg_isready"))],
    "bash": lambda: ["bash"],
}
ENTRYPOINTS: Mapping[str, str] = {"citybrain": "citybrain", "prom/prometheus": "prometheus"}
"""image -> the program that its command is for"""
NODE = re.compile(r"process\.roles|node\.id|controller\..*|(advertised\.)?listeners|listener\..*|inter\.broker\..*|log\.dirs")
"""Kafka's settings that say who and where it is; the tests' Kafka has its own"""
AGAIN_S = 1.0
"""pause before a container that ended is started again"""


@dataclass(slots=True)
class Container:
    """A container with how it stands."""

    service: Service
    unit: Unit
    health: Sequence[str] | None
    state: Literal["created", "started", "healthy", "completed"] = "created"
    restarts: int = 0
    said: str = ""
    """what its health check said last"""
    next_at: float = field(default=0.0)

    def satisfies(self, condition: str) -> bool:
        """Whether it is what somebody who needs it waits for."""
        return self.state == ("healthy" if condition == "service_healthy" else "completed")


class Cluster:
    """All containers of a project. `up` it, `down` it; its folder is deleted by `remove`."""

    def __init__(self, project: Project) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="citybrain-compose-"))
        self.folder.chmod(0o755)  # as root, the database is another user
        self._services = {name: one for name, one in project.services.items() if name not in LEFT_OUT}
        self._names = {name: self._replicas(one) for name, one in self._services.items()}
        kafka = Kafka(self._kafka_settings())
        self.addresses: dict[Address, int] = {("kafka", 9092): kafka.cluster.ports[1]}
        self._give_ports()
        self.containers: dict[str, Container] = {}
        for name, service in self._services.items():
            for replica in self._names[name]:
                unit: Unit = kafka if name == "kafka" else self._unit(replica, service)
                self.containers[replica] = Container(service, unit, self._health(replica, service))

    # --- tables ---------------------------------------------------------------------------------------------------------

    def _replicas(self, service: Service) -> list[str]:
        if service.replicas == 1:
            return [service.name]
        return [f"{service.name}-{number}" for number in range(1, service.replicas + 1)]

    def _kafka_settings(self) -> dict[str, str]:
        lines = (ROOT / "ops/kafka/server.properties").read_text("utf-8").splitlines()
        found = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        return {key: value for key, value in found.items() if not NODE.fullmatch(key)}

    def _give_ports(self) -> None:
        for name, replicas in self._names.items():
            for replica in replicas:
                for port in PORTS.get(name, (OURS,)):
                    self.addresses.setdefault((replica, port), free_port())
            for alias in self._services[name].aliases if name not in PORTS else ():
                # a name of several containers: whoever connects gets one of them
                self.addresses.setdefault((alias, OURS), self.addresses[replicas[0], OURS])

    def address(self, name: str, port: int = OURS) -> str:
        """Where a port of a container is."""
        return f"127.0.0.1:{self.addresses[name, port]}"

    def path(self, mount: Mount, name: str) -> Path:
        """Where a mount is: a volume is one folder for all, a path of the repository is a copy of each container's own."""
        if mount.is_bind:
            return self.folder / "binds" / name / mount.target.strip("/")
        found = self.folder / "volumes" / mount.source
        found.mkdir(parents=True, exist_ok=True)
        return found

    def words(self, name: str, service: Service) -> Words:
        """How the words of a container read here."""
        own = {port: self.addresses[name, port] for port in PORTS.get(service.name, (OURS,))}
        return Words(self.addresses, own, self._paths(name, service))

    def _paths(self, name: str, service: Service) -> dict[str, Path]:
        """Path in the container -> path here: every mount, and a folder of mounts that the command names."""
        found = {mount.target: self.path(mount, name) for mount in service.mounts}
        for word in service.command:
            if any(mount.target.startswith(f"{word}/") for mount in service.mounts):
                found[word] = self.folder / "roots" / name / word.strip("/")
                for mount in service.mounts:
                    here = found[word] / mount.target.removeprefix(f"{word}/")
                    here.parent.mkdir(parents=True, exist_ok=True)
                    if not here.is_symlink():
                        here.symlink_to(self.path(mount, name), target_is_directory=True)
        return found

    # --- containers -----------------------------------------------------------------------------------------------------

    def _unit(self, name: str, service: Service) -> Unit:
        words = self.words(name, service)
        for mount in service.mounts:
            if mount.is_bind and not self.path(mount, name).exists():
                words.copy(ROOT / mount.source, self.path(mount, name))
        if service.name == "timescaledb":
            return self._database(name, service)
        environment = {key: words(value) for key, value in service.environment.items()}
        if service.image.startswith("citybrain:"):
            environment.setdefault("CITYBRAIN_SERVICE_ID", name)
        return Process(name, self._command(name, service, words), environment, self.folder)

    def _command(self, name: str, service: Service, words: Words) -> list[str]:
        entrypoint = ENTRYPOINTS.get(service.image.rpartition(":")[0])
        plain = [*([entrypoint] if entrypoint else []), *service.command]
        command = [*PROGRAMS[plain[0]](), *(words(word) for word in plain[1:])]
        if service.name == "prometheus":
            config = self.path(service.mounts[0], name) / "prometheus.yml"
            source = with_targets((ROOT / service.mounts[0].source / "prometheus.yml").read_text("utf-8"), self._targets())
            config.write_text(words(source), "utf-8")
            command.append(f"--web.listen-address={self.address('prometheus', 9090)}")
        if service.name == "mosquitto":
            config = self.path(service.mounts[0], name) / "mosquitto.conf"
            # started by root it would become a user who cannot write here
            config.write_text(f"user root\n{config.read_text('utf-8')}", "utf-8")
        return command

    def _targets(self) -> dict[str, list[str]]:
        """Name -> the addresses of all containers that have it."""
        found: dict[str, list[str]] = {}
        for name, service in self._services.items():
            for alias in service.aliases:
                found.setdefault(alias, []).extend(
                    self.address(one) for one in self._names[name] if (one, OURS) in self.addresses
                )
        return found

    def _database(self, name: str, service: Service) -> Unit:
        data = next(self.path(one, name) for one in service.mounts if one.target == "/var/lib/postgresql/data")
        files = [self.path(one, name) for one in service.mounts if one.target.startswith("/docker-entrypoint-initdb.d/")]
        assert service.command[0] == "postgres"
        database = Database(
            data, self.addresses[name, 5432], service.environment["POSTGRES_DB"], service.command[1:], sorted(files)
        )
        return Postgres(database)

    def _health(self, name: str, service: Service) -> Sequence[str] | None:
        check = service.health
        if check is None:
            return None
        words = self.words(name, service)
        if check[0] == "CMD-SHELL":
            for program in set(re.findall(r"\w+", check[1])) & set(PROGRAMS):
                PROGRAMS[program]()  # it must be there
            return ["sh", "-c", words(check[1])]
        return [*PROGRAMS[check[1]](), *(words(word) for word in check[2:])]

    # --- up and down ----------------------------------------------------------------------------------------------------

    def up(self, wait_s: float, only: Sequence[str] = ()) -> None:
        """Start all services but the simulator, or `only` some, each as soon as what it needs is there, and wait until all is
        well, as `up --wait` does.

        Raises UnavailableError with what the first says that is not well.
        """
        deadline = time.monotonic() + wait_s
        wanted = set(only) or self._services.keys() - {"simulator"}
        waiting = [one for one in self.containers.values() if one.service.name in wanted]
        while waiting := [one for one in waiting if not self._well(one)]:
            self.turn()
            for one in waiting:
                if one.state == "created" and self._can_start(one):
                    one.unit.start()
                    one.state = "started"
            if time.monotonic() > deadline:
                told = "\n".join(f"--- {one.unit.name} is {one.state}: {one.said}\n{one.unit.tail()}" for one in waiting)
                raise UnavailableError(f"not all is well after {wait_s:g} s:\n{told}")
            time.sleep(0.1)

    def turn(self) -> None:
        """Look after everything that was started once: restart what ended, ask for health what is not healthy yet."""
        for one in self.containers.values():
            if one.state in {"created", "completed"} or time.monotonic() < one.next_at:
                continue
            code = one.unit.ended()
            if code is not None:
                self._ended(one, code)
            elif one.health is not None and one.state != "healthy":
                one.next_at = time.monotonic() + _seconds(one.service.raw["healthcheck"]["start_interval"])
                if self.check(one):
                    one.state = "healthy"

    def check(self, one: Container) -> bool:
        """Ask a container's health check."""
        assert one.health is not None
        environment = one.unit.environment if isinstance(one.unit, Process) else {}
        limit_s = _seconds(one.service.raw["healthcheck"]["timeout"])
        try:
            done = subprocess.run(
                one.health, env=child_environment(**environment), capture_output=True, text=True, timeout=limit_s
            )
        except subprocess.TimeoutExpired:
            one.said = f"no answer within {limit_s:g} s"
            return False
        one.said = (done.stdout + done.stderr).strip()
        return done.returncode == 0

    def _ended(self, one: Container, code: int) -> None:
        if one.service.once or one.service.name == "simulator":
            if code:
                raise UnavailableError(f"{one.unit.name} ended with {code}:\n{one.unit.tail()}")
            one.state = "completed"
            return
        one.restarts += 1
        one.state, one.next_at = "started", time.monotonic() + AGAIN_S
        one.unit.start()

    def _can_start(self, one: Container) -> bool:
        return all(
            self.containers[replica].satisfies(condition)
            for name, condition in one.service.needs.items()
            for replica in self._names[name]
        )

    def _well(self, one: Container) -> bool:
        if one.service.once:
            return one.state == "completed"
        return one.state in ({"healthy"} if one.health is not None else {"started", "completed"})

    def start(self, name: str, *words: str) -> Container:
        """Start a container with further words, as `docker compose run` does."""
        one = self.containers[name]
        assert isinstance(one.unit, Process)
        one.unit = Process(f"{name}-run", [*one.unit.words, *words], one.unit.environment, self.folder)
        one.unit.start()
        one.state = "started"
        return one

    def down(self) -> dict[str, int]:
        """End everything, first who needs others; exit codes by name."""
        codes: dict[str, int] = {}
        left = {name: one for name, one in self.containers.items() if one.state not in {"created", "completed"}}
        while left:
            needed = {needs for one in left.values() for needs in self._needs(one.service)}
            wave = [one for one in left.values() if one.service.name not in needed]
            for one in wave:
                one.unit.ask()
            for one in wave:
                codes[one.unit.name] = one.unit.end(_seconds(str(one.service.raw.get("stop_grace_period", "10s"))))
                one.state = "completed"
            left = {name: one for name, one in left.items() if one.state != "completed"}
        return codes

    def _needs(self, service: Service) -> set[str]:
        """All that a service needs, directly or by way of others: who did its work and ended still stood for the server."""
        found = set(service.needs)
        for name in service.needs:
            found |= self._needs(self._services[name])
        return found

    def remove(self) -> None:
        """End what still runs, and delete everything."""
        for one in self.containers.values():
            if one.state != "created" and isinstance(one.unit, Process):
                one.unit.kill()
        for one in self.containers.values():
            if isinstance(one.unit, Postgres):
                one.unit.end(10)
            elif isinstance(one.unit, Kafka):
                one.unit.cluster.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tell(self) -> str:
        """How everything stands, for a test that failed."""
        return "\n".join(
            f"--- {name} {one.state}, {one.restarts} restarts\n{one.unit.tail()}" for name, one in self.containers.items()
        )


def _seconds(text: str) -> float:
    """A duration of Compose: 30s, 2m, 500ms."""
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|m)", text).groups()
    return float(number) * {"ms": 0.001, "s": 1.0, "m": 60.0}[unit]
