"""`lmdecode keys check`: which key fits which connection."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.options import ConfigOption, KeysOption

if TYPE_CHECKING:
    from lmdecode.codec.dialect import MachineKey
    from lmdecode.codec.record import Record

app = typer.Typer(
    help="Find out which of your keys fits.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class CheckFormat(StrEnum):
    """How the result is written."""

    TABLE = "table"
    JSON = "json"


@dataclass(slots=True)
class _Connection:
    """What was tried with one connection."""

    capture: Path
    stream: int
    app: str
    machine: str
    frames: int = 0
    decrypted: Counter[str] = field(default_factory=Counter)
    """Frames that give a message with a right check byte, by the name of the key."""

    def fitting(self) -> tuple[str | None, int]:
        """The key that decrypts most of it, if any does, and how many frames."""
        best = self.decrypted.most_common(1)
        return best[0] if best else (None, 0)


@app.callback()
def _keys() -> None:
    """Stand for the group, which would otherwise be its only command."""


@app.command("check")
@reports_errors
def check(
    captures: Annotated[
        list[Path], typer.Argument(metavar="CAPTURE", help="Any that `lmdecode decode` reads.", show_default=False)
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port.")] = 1774,
    format: Annotated[CheckFormat, typer.Option("--format", "-f", help="How to write it.")] = CheckFormat.TABLE,
) -> None:
    """Tell for each connection of a capture which key fits, and how many of its frames it decrypts.

    Examples:

        lmdecode keys check morning.pcap

        lmdecode keys check morning.pcap --config config.json --format json

        lmdecode keys check morning.pcap --key OLD_KEY --key NEW_KEY

    A frame counts as decrypted if it gives a message with a right check byte. The exit code is 1 if a connection has
    frames and no key fits them. The keys themselves are never shown, only the names that config.json has for their
    machines.
    """
    from lmdecode.app.decode import Outcome, read
    from lmdecode.app.files import expanded
    from lmdecode.codec.v1 import speakers_with
    from lmdecode.codec.v1.decoder import KeylessDecoder
    from lmdecode.config.keys import find_keys

    machines, origin = find_keys(key or [], config)
    found: list[_Connection] = []
    complaints: list[str] = []
    for path in expanded(captures):
        outcome = Outcome(path)
        found += _tried(path, read(outcome, speakers_with(KeylessDecoder(), port)), machines)
        complaints += outcome.complaints
    if format is CheckFormat.JSON:
        sys.stdout.write(json.dumps([_as_dict(each) for each in found], indent=2) + "\n")
    elif found:
        _print(found)
    for complaint in complaints:
        complain(complaint)
    unfit = [each for each in found if each.frames and each.fitting()[0] is None]
    if unfit:
        tried = "the key does not fit" if len(machines) == 1 else f"none of the {len(machines)} keys fits"
        numbers = ", ".join(str(each.stream) for each in unfit)
        raise CommandError(f"{tried} connection {numbers} (from {origin}): another machine's, or an old one")
    if complaints:
        raise typer.Exit(1)


def _tried(path: Path, records: Iterable[Record], machines: list[MachineKey]) -> list[_Connection]:
    """All connections of a capture, each of their frames tried with each key."""
    from lmdecode.codec.v1.decoder import FrameDecoder

    decoders = [(machine.name, FrameDecoder(machine.key)) for machine in machines]
    found: dict[int, _Connection] = {}
    for record in records:
        ends = record.source, record.destination
        app_end, machine_end = ends if record.sender == "app" else ends[::-1]
        connection = found.setdefault(record.stream, _Connection(path, record.stream, app_end, machine_end))
        raw = record.raw
        if raw is None or raw[:1] != b"@" or raw[-1:] != b"%":
            continue  # bytes between frames, or a gap
        connection.frames += 1
        for name, decoder in decoders:
            if decoder.decode(raw[1:-1]).valid:
                connection.decrypted[name] += 1
    return list(found.values())


def _as_dict(connection: _Connection) -> dict[str, object]:
    name, decrypted = connection.fitting()
    return {
        "capture": str(connection.capture),
        "stream": connection.stream,
        "app": connection.app,
        "machine": connection.machine,
        "frames": connection.frames,
        "key": name,
        "decrypted": decrypted,
    }


def _print(connections: list[_Connection]) -> None:
    capture = None
    several = len({each.capture for each in connections}) > 1
    for each in connections:
        if several and each.capture != capture:
            capture = each.capture
            typer.echo(capture)
        typer.echo(f"connection {each.stream}: app {each.app} ↔ machine {each.machine}")
        name, decrypted = each.fitting()
        if name is not None:
            typer.echo(f"  {name} decrypts {decrypted:,} of {each.frames:,} frames")
        else:
            typer.echo(f"  no key decrypts any of its {each.frames:,} frames" if each.frames else "  no whole frame")
