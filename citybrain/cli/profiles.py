"""`citybrain profiles`: the device profiles, and what one makes of a message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from citybrain import clock
from citybrain.cli.common import Output, OutputOption, emit, fail, get_settings
from citybrain.cli.quarantine import meaning
from citybrain.kernel.errors import ConfigError, PayloadError
from citybrain.kernel.measures import MEASURES
from citybrain.kernel.model import Flag, Reading
from citybrain.kernel.register import Register
from citybrain.kernel.times import iso
from citybrain.text import text
from ingest.decode import Decoded, Decoder
from ingest.profile import Profile, replay_topic
from ingest.registry import Profiles, load_profiles, read_profile

app = typer.Typer(
    help="Device profiles: list them, check a file, try a message.\n\nExample: citybrain profiles list",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_EVER_S = 1e10

Folder = Annotated[Path | None, typer.Option("--profiles", help="Folder of further profiles.", show_default=False)]


@app.command("list")
def list_profiles(profiles: Folder = None, output: OutputOption = Output.TABLE) -> None:
    """List the profiles that are shipped and those of the settings' folder.

    Example: citybrain profiles list -o json
    """
    settings = get_settings(profiles=profiles)
    found = load_profiles(settings.profiles)
    rows = [
        {
            "name": profile.name,
            "kind": str(profile.kind),
            "title": profile.title,
            "envelopes": " ".join(profile.envelopes),
            "values": " ".join(profile.values),
        }
        for profile in found.values()
    ]
    emit(rows, output, columns=("name", "kind", "title", "envelopes"), language=settings.language)


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A profile file, or a folder of them.")]) -> None:
    """Check profile files; name file, line and key of every fault. Exits with 1 when there is any.

    Example: citybrain profiles check acme_level.yml
    """
    files = sorted(item for item in file.iterdir() if item.suffix in {".yml", ".yaml"}) if file.is_dir() else [file]
    faults: list[ConfigError] = []
    for item in files:
        faults += read_profile(item)[1]
    for fault in faults:
        typer.echo(str(fault))
    say = get_settings().language
    typer.echo(text("cli.faults", say, n=len(faults)) if faults else text("cli.profiles_fine", say, n=len(files)))
    if faults:
        raise typer.Exit(1)


@app.command("try")
def try_message(
    file: Annotated[str, typer.Argument(help="A profile file, or the name of a profile that is there.")],
    payload: Annotated[str, typer.Argument(help="A file with one message, '-' for standard input, or the JSON itself.")],
    topic: Annotated[str | None, typer.Option(help="Topic of the message; default: one that the profile reads.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the readings that a profile makes of one message, or the reason of its quarantine (then it exits with 1).

    The register is empty: levels that need the height of the sensor are not calculated. Times of any age are taken.

    Example: citybrain profiles try acme_level.yml uplink.json
    """
    profile = _profile(file)
    data = _payload(payload)
    settings = get_settings()
    decoder = Decoder(
        Profiles([profile], forced=True),
        Register(),
        city=settings.city,
        auto_register=True,
        max_future_s=_EVER_S,
        max_age_s=_EVER_S,
    )
    place = topic or _topic(profile, data)
    try:
        found = decoder.decode(place, data, received_ms=clock.parse(settings.clock).now_ms())
    except PayloadError as error:
        told = text(
            "cli.quarantined", settings.language, error=error, meaning=meaning("reason", error.reason, settings.language)
        )
        fail(told)
    _show(place, found, output, settings.language)


def _profile(name: str) -> Profile:
    path = Path(name)
    if not path.suffix and not path.exists():
        return load_profiles(get_settings().profiles)[name]
    profile, faults = read_profile(path)
    if profile is None:
        raise faults[0]
    return profile


def _payload(given: str) -> bytes:
    if given == "-":
        return sys.stdin.buffer.read()
    if given.lstrip().startswith(("{", "[")):
        return given.encode()
    try:
        return Path(given).read_bytes()
    except OSError as error:
        fail(f"{given}: {error.strerror}; give a file with one message, '-' for standard input, or the JSON itself")


def _topic(profile: Profile, data: bytes) -> str:
    """A topic that the profile reads: as in a replay, else its filter with something for the wildcards."""
    try:
        return replay_topic(profile, orjson.loads(data))
    except (PayloadError, orjson.JSONDecodeError):
        pattern = profile.topics[0] if profile.topics else _SERVER[profile.envelopes[0]]
        return pattern.replace("#", "up").replace("+", "try")


_SERVER = {"chirpstack": "application/+/device/+/event/up", "tts": "v3/+/devices/+/up"}


def _show(topic: str, found: Decoded, output: Output, say: str) -> None:
    if found.ignored:
        typer.echo(text("cli.ignored", say, code=found.ignored, meaning=meaning("ignored", found.ignored, say)))
        return
    if output is Output.JSON:
        emit([_reading(reading) for reading in found.readings], output)
        return
    typer.echo(text("cli.topic", say, topic=topic))
    for reading in found.readings:
        facts = {"asset": reading.asset, "kind": reading.kind, "device": reading.device, "at": iso(reading.observed_ms)}
        flags = [str(flag.name) for flag in Flag if flag and reading.flags & flag]
        typer.echo(", ".join([text("cli.reading", say, **facts), *flags]))
        rows = [{"measure": name, "value": value, "unit": _unit(name, say)} for name, value in reading.values.items()]
        emit(rows, output, language=say)
    for note in found.notes:
        typer.echo(text("cli.left_out", say, name=note.name, code=note.code, meaning=meaning("note", note.code, say)))


def _unit(name: str, say: str) -> str:
    measure = MEASURES.get(name)
    return text("cli.no_rule_reads_it", say) if measure is None else "" if measure.unit == "1" else measure.unit


def _reading(reading: Reading) -> dict[str, Any]:
    return {**reading._asdict(), "observed": iso(reading.observed_ms), "flags": Flag(reading.flags).name or ""}
