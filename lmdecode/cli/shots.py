"""`lmdecode shots`: the coffees and the hot water in captures."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption, KeysOption, OutputOption

if TYPE_CHECKING:
    from lmdecode.analysis.pour import Shot


class ShotFormat(StrEnum):
    """How shots are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


@reports_errors
def shots(
    captures: Annotated[
        list[Path],
        typer.Argument(metavar="CAPTURE", help="Captures, as `lmdecode decode` reads them.", show_default=False),
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port.")] = 1774,
    format: Annotated[
        ShotFormat | None,
        typer.Option("--format", "-f", help="Default: table on a terminal, jsonl otherwise.", show_default=False),
    ] = None,
    output: OutputOption = None,
) -> None:
    """List the coffees and the hot water in captures: when, which key, how long, how much, how hot.

    Examples:

        lmdecode shots morning.pcap

        lmdecode shots *.pcap --format csv --output shots.csv

    A pulse of the flow meter is about half a millilitre. Temperatures are the coffee boiler's, at the beginning and
    at the end. Less than four seconds through the group is a flush. What began before the capture, or goes on after
    it, is listed as far as it was seen, and says so; so is what is known by the machine's status or its counters only.
    """
    from lmdecode.analysis.shots import find_shots
    from lmdecode.app.decode import Outcome, Settings
    from lmdecode.app.files import expanded, refuse_to_overwrite, whole_file
    from lmdecode.cli._common.endings import read_by_time, say_how_it_went

    settings = Settings(tuple(key or ()), config, port=port)
    speakers, origin = settings.speakers()
    paths = expanded(captures)
    refuse_to_overwrite(output, [*paths, Path(origin)])
    outcomes: list[Outcome] = []
    found = find_shots(read_by_time(paths, outcomes, speakers))
    failed = say_how_it_went(outcomes, speakers, chosen=False)
    chosen = format or (ShotFormat.TABLE if output is None and sys.stdout.isatty() else ShotFormat.JSONL)
    if output is None:
        _write(found, chosen)
    else:
        with whole_file(output) as file:
            file.write(_text(found, chosen))
    if failed:
        raise typer.Exit(1)


def _write(found: list[Shot], chosen: ShotFormat) -> None:
    if chosen is ShotFormat.TABLE and sys.stdout.isatty():
        from lmdecode.render.shots import as_tables
        from lmdecode.render.terminal import TerminalConsole

        console = TerminalConsole()
        for part in as_tables(found):
            console.print(part)
        return
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # what programs read is the same everywhere
    sys.stdout.write(_text(found, chosen))


def _text(found: list[Shot], chosen: ShotFormat) -> str:
    from lmdecode.render.shots import as_csv, as_jsonl, as_text

    return {ShotFormat.TABLE: as_text, ShotFormat.JSONL: as_jsonl, ShotFormat.CSV: as_csv}[chosen](found)
