"""`citybrain secrets`: the secrets of a cluster, and the logins of its devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from citybrain.cli.common import Output, OutputOption, emit, get_settings
from citybrain.runtime.cluster.credentials import Credentials, Where
from citybrain.text import text

app = typer.Typer(
    help="The secrets of a cluster: random passwords for its servers, logins for devices.\n\n"
    "Example: citybrain secrets device /secrets MH-1",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Folder = Annotated[Path, typer.Argument(help="The folder with the secrets.", file_okay=False)]
Names = Annotated[list[str], typer.Argument(help="Ids of the devices as they stand in their topics.", metavar="NAME...")]


@app.command()
def make(
    folder: Folder,
    database_url: Annotated[
        str, typer.Option(help="Where services find the database, without a password.")
    ] = "postgresql://citybrain@timescaledb:5432/citybrain",
    mqtt_url: Annotated[str, typer.Option(help="Where services find the broker, without a login.")] = "mqtt://mosquitto:1883",
) -> None:
    """Make the secrets that are missing, and the settings files of the services. What is there stays; safe to repeat.

    The clock of the setting `clock` is fixed here for all services: a scaled one begins now, and goes on after a restart.

    Example: citybrain secrets make ./secrets
    """
    settings = get_settings()
    found = Credentials(folder)
    found.make(Where(database_url, mqtt_url, settings.clock))
    if found.written:
        names = ", ".join(found.written)
        typer.echo(text("secrets.made", settings.language, number=len(found.written), folder=folder, names=names))
    else:
        typer.echo(text("secrets.there", settings.language, folder=folder))


@app.command()
def device(folder: Folder, names: Names, output: OutputOption = Output.TABLE) -> None:
    """Give devices a login at the broker and print their passwords, which are kept nowhere; who has one gets a new one.

    The broker reads them again on SIGHUP.

    Example: citybrain secrets device /secrets MH-1 MH-2 -o json
    """
    made = Credentials(folder).add_devices(names)
    rows = [{"device": name, "password": password} for name, password in made.items()]
    emit(rows, output, columns=("device", "password"), language=get_settings().language)


@app.command()
def revoke(folder: Folder, names: Names) -> None:
    """Take the logins of devices away. The broker drops them on SIGHUP.

    Example: citybrain secrets revoke /secrets MH-1
    """
    gone = Credentials(folder).revoke(names)
    typer.echo(text("secrets.revoked", get_settings().language, names=", ".join(gone) or "–"))
