"""compose.yaml, the Dockerfile and what they mount say what they should; what they do is for tests/live/test_compose.py."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from citybrain.cli.mount import mount
from citybrain.config import Settings
from citybrain.topics.spec import MAX_RECORD_BYTES
from ingest.session import EXPIRY_S
from tests.compose.project import ROOT, Project, dotenv, load, variables

PROJECT = load()
NAMES = sorted(PROJECT.services)
OURS = sorted(name for name, one in PROJECT.services.items() if one.image.startswith("citybrain:"))
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL")


def properties(name: str) -> dict[str, str]:
    """A file of lines key=value."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("name", NAMES)
def test_every_service_is_pinned_limited_and_watched(name: str) -> None:
    one = PROJECT.services[name]
    assert re.fullmatch(r"[a-z0-9/._-]+:v?\d+\.\d+\.\d+[a-z0-9.-]*", one.image), "an image without its exact version"
    limits = one.raw["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert one.raw["logging"]["options"]["max-size"], "logs that fill the disk"
    assert one.raw["restart"] == ("no" if one.once else "unless-stopped")
    check = one.raw["healthcheck"]
    if one.once or name == "simulator":
        assert check == {"disable": True}
    else:
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "timescaledb"])
def test_nothing_runs_as_root_or_may_become_it(name: str) -> None:
    one = PROJECT.services[name].raw
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["init"] is True
    # the image of Kafka has a user of its own, and writes its configuration at the start
    assert one["read_only"] is (name != "kafka")
    assert name == "kafka" or re.fullmatch(r"[1-9]\d*:\d+", one["user"])


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_what_is_there(name: str) -> None:
    for other, condition in PROJECT.services[name].needs.items():
        needed = PROJECT.services[other]
        if condition == "service_completed_successfully":
            assert needed.once, f"{other} never ends"
        else:
            assert condition == "service_healthy"
            assert needed.health is not None, f"nobody knows whether {other} is healthy"


@pytest.mark.parametrize("name", NAMES)
def test_mounts_exist_and_only_data_is_written(name: str) -> None:
    mounts = PROJECT.services[name].mounts
    assert len({one.target for one in mounts}) == len(mounts)
    for one in mounts:
        if one.is_bind:
            assert (ROOT / one.source).exists(), one.source
            assert one.read_only
        else:
            assert one.source in PROJECT.volumes
            assert one.read_only is not (name == "setup" or one.source == f"{name}-data")


def test_each_container_sees_its_own_secrets_only() -> None:
    readers: dict[str, set[str]] = {}
    for name, one in PROJECT.services.items():
        for line in one.mounts:
            readers.setdefault(line.source, set()).add(name)
    assert {source for source in readers if not source.startswith(".")} == PROJECT.volumes, "a volume that nobody uses"
    secrets = {source: names - {"setup"} for source, names in readers.items() if source.startswith("secrets-")}
    assert secrets.pop("secrets-services") == set(OURS) - {"setup"}
    assert secrets == {
        "secrets-mosquitto": {"mosquitto"},
        "secrets-database": {"timescaledb"},
        "secrets-grafana": {"grafana"},
        "secrets-prometheus": {"prometheus"},
    }


def test_there_are_no_secrets_in_the_repository() -> None:
    for one in PROJECT.services.values():
        for key, value in one.environment.items():
            if SECRET.search(key):
                assert key.endswith("_FILE"), f"{one.name} has {key} in the open"
                assert value.startswith("/run/secrets/")
            assert not re.search(r"://[^/@\s]*:[^/@\s]+@", value), f"{one.name}: a login in {key}"
    assert [key for key in dotenv() if SECRET.search(key)] == []


@pytest.mark.parametrize("name", OURS)
def test_settings_are_known(name: str) -> None:
    given = {key for key in PROJECT.services[name].raw.get("environment", {}) if key.startswith("CITYBRAIN_")}
    assert {key.removeprefix("CITYBRAIN_").lower() for key in given - {"CITYBRAIN_CONFIG"}} <= set(Settings.model_fields)


@pytest.mark.parametrize("name", OURS)
def test_commands_are_known_with_their_options(name: str) -> None:
    root = typer.Typer()
    root.callback()(lambda: None)
    mount(root)
    command: Any = typer.main.get_command(root)
    words = PROJECT.services[name].command
    while words and hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= options


def test_ports_are_published_once_and_for_this_machine_only() -> None:
    ports = [port for one in PROJECT.services.values() for port in one.ports]
    assert ports
    assert Counter(port.rpartition(":")[0] for port in ports).most_common(1)[0][1] == 1
    assert all(port.startswith("127.0.0.1:") for port in ports)
    everywhere = load(PUBLISH="0.0.0.0").services["console"].ports
    assert everywhere == ["0.0.0.0:8080:8080"]


@pytest.mark.parametrize("file", ["compose.yaml", "compose.tls.yaml"])
def test_every_variable_has_a_default_and_is_explained(file: str) -> None:
    used = variables(ROOT / file)
    assert None not in used.values()
    unexplained = set(used) - set(dotenv()) - {"MQTTS_PORT", "MQTT_CERTS"}
    assert unexplained == set()
    if file == "compose.yaml":
        assert set(dotenv()) - set(used) == {"COMPOSE_PROFILES"}, "a variable that does nothing"
        assert {key: default for key, default in used.items() if dotenv()[key]} == {
            key: value for key, value in dotenv().items() if value and key in used
        }, ".env and the defaults differ"


def test_only_the_demo_has_a_simulator() -> None:
    assert dotenv()["COMPOSE_PROFILES"] == "demo"
    assert set(PROJECT.services) - set(PROJECT.profile().services) == {"simulator"}


def test_bridges_keep_their_names() -> None:
    bridges = [one for one in PROJECT.services.values() if one.command == ["ingest"]]
    assert len(bridges) == 2
    for one in bridges:
        assert one.environment["CITYBRAIN_SERVICE_ID"] == one.name
        assert one.replicas == 1, "a replica gets another name each time"
        assert one.aliases == {one.name, "ingest"}
    nets = [one.environment.get("CITYBRAIN_MQTT_NET") for one in bridges]
    assert sorted(nets, key=str) == [None, "true"], "mosquitto forgets shared subscriptions at a restart: one bridge has a net"
    named = [one.name for one in PROJECT.services.values() if "CITYBRAIN_SERVICE_ID" in one.environment]
    assert named == [one.name for one in bridges], "replicas would share a name"


def test_tls_takes_the_place_of_the_open_port() -> None:
    mosquitto = load(("compose.yaml", "compose.tls.yaml")).services["mosquitto"]
    assert mosquitto.ports == ["127.0.0.1:8883:8883"]
    sources = {one.target: one.source for one in mosquitto.mounts}
    assert sources["/mosquitto/config/devices"] == "./ops/mosquitto/tls"
    assert (ROOT / "ops/mosquitto/devices").is_dir(), "nothing can be mounted there otherwise"


def test_the_broker_is_sized_for_the_bridges() -> None:
    lines = (line.split() for line in (ROOT / "ops/mosquitto/mosquitto.conf").read_text("utf-8").splitlines())
    found = {words[0]: words[1] for words in lines if words and not words[0].startswith("#")}
    assert found["allow_anonymous"] == "false"
    assert found["persistence"] == "true"
    assert found["max_inflight_messages"] == "0"
    days = int(found["persistent_client_expiration"].removesuffix("d"))
    assert days * 86_400 == EXPIRY_S


def test_kafka_is_the_one_of_the_tests_and_takes_our_records() -> None:
    settings = properties("ops/kafka/server.properties")
    assert settings["message.max.bytes"] == settings["replica.fetch.max.bytes"] == str(MAX_RECORD_BYTES)
    assert settings["auto.create.topics.enable"] == "false"
    kafka = PROJECT.services["kafka"]
    assert settings["log.dirs"] in {one.target for one in kafka.mounts}
    pom = ElementTree.parse(ROOT / "tests/servers/pom.xml").getroot()
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    versions = {
        one.findtext("m:artifactId", "", space): one.findtext("m:version", "", space)
        for one in pom.iterfind(".//m:dependency", space)
    }
    assert kafka.image == f"apache/kafka:{versions['kafka_2.13']}"


# --- the image ------------------------------------------------------------------------------------------------------------


def dockerfile() -> Iterator[list[str]]:
    """The instructions, each as its words."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split()


def test_the_image_holds_the_packages_and_nothing_else_of_the_repository() -> None:
    copied = [word for words in dockerfile() if words[0] == "COPY" and "--from" not in words[1] for word in words[1:-1]]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(copied) == sorted([*packages, "pyproject.toml", "uv.lock", project["project"]["readme"], "LICENSE"])
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignore
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == set(copied)


def test_the_image_is_pinned_and_does_not_run_as_root() -> None:
    instructions = list(dockerfile())
    assert {words[1] for words in instructions if words[0] == "FROM"} == {"python:3.11-slim-bookworm"}
    users = [words[1] for words in instructions if words[0] == "USER"]
    assert users == [PROJECT.services["console"].raw["user"]]
    assert [words for words in instructions if words[0] == "HEALTHCHECK"]
    assert any(re.search(r"\buv==\d+\.\d+\.\d+", " ".join(words)) for words in instructions), "uv without its version"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert PROJECT.services["console"].image == f"citybrain:{version}"


def test_folders_of_secrets_belong_to_the_one_who_writes_them() -> None:
    made = next(" ".join(words) for words in dockerfile() if words[:2] == ["RUN", "groupadd"])
    for one in PROJECT.services["setup"].mounts:
        assert f" {one.target}" in made, f"a new volume at {one.target} would belong to root"


def test_make_up_and_down_use_the_file() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^up: .*\n\tdocker compose up --detach --build --wait", text, re.MULTILINE)
    assert re.search(r"^down: .*\n\tdocker compose .*down", text, re.MULTILINE)


def test_prometheus_finds_every_service() -> None:
    config = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text("utf-8"))
    names = {
        (name, one["port"])
        for job in config["scrape_configs"]
        for one in job.get("dns_sd_configs", [])
        for name in one["names"]
    }
    serving = {one.name: one for one in PROJECT.services.values() if one.health and one.name in OURS}
    found = {name: {alias for one in serving.values() for alias in one.aliases & {name}} for name, _ in names}
    assert all(found.values()), found
    assert {one.name for one in serving.values() if not one.aliases & {name for name, _ in names}} == set()
    assert {port for _, port in names} == {int(one.environment["CITYBRAIN_HTTP_PORT"]) for one in serving.values()}


def test_the_ignore_file_leaves_out_what_python_makes() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert any(fnmatch("citybrain/__pycache__", line.replace("**/", "*/")) for line in ignore)
    assert Path(ROOT / ".env").is_file()


def test_a_variable_of_the_shell_wins_over_the_file() -> None:
    project: Project = load(CITYBRAIN_CLOCK="speed=60,origin=2026-03-02T15:00:00+00:00", DEMO_ASSETS="400")
    assert project.services["setup"].environment["CITYBRAIN_CLOCK"].startswith("speed=60")
    assert "--assets=400" in project.services["simulator"].command
    assert '"$(cat ' in (project.services["mosquitto"].health or [])[1]


def test_grafana_finds_its_servers_its_password_and_its_dashboards() -> None:
    provisioning = ROOT / "ops/grafana/provisioning"
    (sources,) = (yaml.safe_load(one.read_text("utf-8"))["datasources"] for one in provisioning.glob("datasources/*.yml"))
    hosts = {re.sub(r"^http://", "", one["url"]) for one in sources}
    assert hosts == {"prometheus:9090", "timescaledb:5432"}
    (database,) = (one for one in sources if "postgresql" in one["type"])
    assert f"CREATE ROLE {database['user']} " in (ROOT / "ops/timescaledb/100_roles.sql").read_text("utf-8")
    assert database["jsonData"]["database"] == PROJECT.services["timescaledb"].environment["POSTGRES_DB"]
    assert database["secureJsonData"]["password"] == "$__file{/run/secrets/database}"  # made by `citybrain secrets make`
    grafana = PROJECT.services["grafana"]
    folder = next(one for one in grafana.mounts if one.source.endswith("/json"))
    (providers,) = (yaml.safe_load(one.read_text("utf-8"))["providers"] for one in provisioning.glob("dashboards/*.yml"))
    for one in providers:
        path = Path(one["options"]["path"])
        assert list((ROOT / folder.source / path.relative_to(folder.target)).glob("*.json")), f"no dashboards in {path}"
    assert grafana.environment["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/admin"
