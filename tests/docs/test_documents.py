"""What the documents name exists: files, make targets, commands with their options; and their snippets work."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from citybrain.cli.mount import mount
from citybrain.register.mapspec import check as check_map
from citybrain.yamlfile import parse
from dispatch.channel_rules import read_channel_rules
from dispatch.channels.webhook.signature import sign
from dispatch.people.file import read_people
from dispatch.stormrules import read_storm
from forecast.book import read_book
from forecast.book import shipped as shipped_forecast
from ingest.registry import parse_profile
from rules.load import from_files, shipped
from tests.docs.markdown import ROOT, blocks, name, ours

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"(?:^|[`\s])(?:\.venv/bin/)?citybrain ([a-z][^`\n]*)")
DOCUMENTS = [pytest.param(path, id=name(path)) for path in ours()]


def commands_in(text: str) -> list[list[str]]:
    """The words of every `citybrain …` that stands in a shell block or in inline code."""
    shell = "\n".join(block for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.S))
    inline = re.findall(r"`((?:\.venv/bin/)?citybrain [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    shell = shell.replace("\\\n", " ")
    lines = [line.split("#")[0].rstrip("&| ") for line in [*shell.splitlines(), *inline]]
    return [words[1:] for line in lines if (words := shlex.split(line)) and Path(words[0]).name == "citybrain"]


@pytest.fixture(scope="module")
def root() -> Any:
    """The tree of commands."""
    app = typer.Typer()
    mount(app)
    return typer.main.get_command(app)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_somewhere(path: Path) -> None:
    targets = [target for target in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.M)) <= targets


@pytest.mark.parametrize("path", DOCUMENTS)
def test_commands_exist_with_their_options(path: Path, root: Any) -> None:
    for words in commands_in(path.read_text(encoding="utf-8")):
        command = root
        while words and (child := getattr(command, "commands", {}).get(words[0])) is not None:
            command, words = child, words[1:]
        assert not hasattr(command, "commands") or not words or words[0].isupper() or words[0][0] in "-|(…", words
        options = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= options | {"--help", "--version"}, (command.name, used - options)


def test_every_command_has_an_example(root: Any) -> None:
    def walk(command: Any, path: str) -> list[str]:
        if hasattr(command, "commands"):
            return [line for key, child in command.commands.items() for line in walk(child, f"{path} {key}")]
        return [] if f"Example: {path}" in (command.help or "") else [path]

    assert walk(root, "citybrain") == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_snippets_work(path: Path) -> None:
    for block in blocks(path):
        if block.check:
            kind, _, argument = block.check.partition(" ")
            CHECKS[kind](block.text, argument)


def _rulebook(text: str, _: str) -> None:
    assert from_files([*shipped(), parse(text, "snippet")])[1] == []


def _map(text: str, _: str) -> None:
    assert check_map(parse(text, "snippet"))[1] == []


def _profile(text: str, stem: str) -> None:
    assert parse_profile(parse(text, "snippet"), stem)[1] == []


def _storm(text: str, _: str) -> None:
    assert read_storm(parse(text, "snippet"))[1] == []


def _forecast(text: str, _: str) -> None:
    assert read_book([shipped_forecast(), parse(text, "snippet")])[1] == []


def _people(text: str, _: str) -> None:
    assert read_people(parse(text, "snippet"))[1] == []


def _signature(text: str, _: str) -> None:
    space: dict[str, Any] = {}
    exec(text, space)
    stamp = str(int(space["time"].time()))
    headers = {"Citybrain-Timestamp": stamp, "Citybrain-Signature": sign("secret", stamp, b"{}")}
    assert space["genuine"]("secret", headers, b"{}")
    assert not space["genuine"]("other", headers, b"{}")
    assert not space["genuine"]("secret", headers | {"Citybrain-Timestamp": "1"}, b"{}")


def _channels(text: str, _: str) -> None:
    assert read_channel_rules(parse(text, "snippet"))[1] == []


CHECKS = {
    "channels": _channels,
    "people": _people,
    "storm": _storm,
    "forecast": _forecast,
    "rulebook": _rulebook,
    "map": _map,
    "profile": _profile,
    "signature": _signature,
}


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.split(r"[\[<>=]", line)[0] for line in project["project"]["dependencies"]}
    text = (ROOT / "docs" / "adr" / "dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| ([a-z][a-z-]*) \| [^ ]", text, re.M)) - {"package"} == wanted


def test_decision_records_are_numbered_and_whole() -> None:
    records = sorted(path for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(len(records)))
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}. ")
        assert re.findall(r"^## (.*)$", text, re.M) == ["Why a decision was needed", "Decision", "What follows"]
