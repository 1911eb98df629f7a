"""`lmdecode decode`: captures in, messages out."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from lmdecode.cli.failures import CommandError, complain, reports_errors
from lmdecode.cli.options import ConfigOption, KeyOption, OutputOption, ShowSecretsOption

if TYPE_CHECKING:
    from lmdecode.codec.conversation import Tally
    from lmdecode.codec.record import Record

__all__ = ["Format", "decode"]


class Format(StrEnum):
    """How records are written."""

    TABLE = "table"
    JSONL = "jsonl"


@reports_errors
def decode(
    captures: Annotated[
        list[Path],
        typer.Argument(
            metavar="CAPTURE", help="pcap or pcapng files, or tshark's -T json exports.", show_default=False
        ),
    ],
    key: KeyOption = None,
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port.")] = 1774,
    format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="Default: table on a terminal, jsonl otherwise.", show_default=False),
    ] = None,
    output: OutputOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Show what app and machine said in a capture, in names and units.

    Examples:

        lmdecode decode morning.pcap --config config.json

        lmdecode decode morning.pcap | jq 'select(.fields.coffee_temp) | .fields'

        lmdecode decode *.pcapng --format jsonl --output morning.jsonl

    Make a capture with `tcpdump -i any -w morning.pcap tcp port 1774` on a router or computer that the traffic
    passes. Times in the table are local, in JSON UTC. A damaged frame is shown with what is wrong with it. The last
    line, on stderr, sums up.
    """
    from lmdecode.capture import CaptureError, CaptureStatistics, decode_capture
    from lmdecode.cli.files import whole_file
    from lmdecode.cli.keys import find_key
    from lmdecode.codec.conversation import Tally
    from lmdecode.codec.decoding import FrameDecoder

    found_key, origin = find_key(key, config)
    decoder = FrameDecoder(found_key, show_secrets=show_secrets)
    chosen = format or (Format.TABLE if output is None and sys.stdout.isatty() else Format.JSONL)
    tally = Tally()
    packets = connections = 0
    complaints: list[str] = []
    with contextlib.nullcontext(sys.stdout) if output is None else whole_file(output) as file:
        write = _writer(chosen, file)
        for path in captures:
            statistics = CaptureStatistics(connections=connections)
            if chosen is Format.TABLE and len(captures) > 1:
                file.write(f"{path}\n")
            try:
                with _progress(path, file) as progress:
                    for record in decode_capture(
                        path, decoder, port=port, tally=tally, statistics=statistics, progress=progress
                    ):
                        write(record)
                if not statistics.port_packets:
                    complaints.append(_nothing_on(port, path))
            except CaptureError as error:
                complaints.append(str(error))
            complaints += [f"{path}: {warning}" for warning in statistics.warnings]
            packets += statistics.packets
            connections = statistics.connections
        file.flush()
    for complaint in complaints:
        complain(complaint)
    if connections or not complaints:
        typer.echo(_summary(packets, connections, tally), err=True)
    if tally.frames and not tally.valid_frames:
        raise CommandError(f"0 of {tally.frames} frames have a valid check byte: wrong key? (it is from {origin})")
    if complaints:
        raise typer.Exit(1)


def _writer(chosen: Format, file: IO[str]) -> Callable[[Record], object]:
    if chosen is Format.JSONL:
        from lmdecode.output.jsonl import json_line

        def write_line(record: Record) -> None:
            file.write(json_line(record))

        return write_line
    from rich.console import Console

    from lmdecode.output.table import TableWriter

    return TableWriter(Console(file=file, highlight=False, emoji=False, markup=False)).write


@contextlib.contextmanager
def _progress(path: Path, file: IO[str]) -> Iterator[Callable[[int], None] | None]:
    """A progress bar on stderr, if that is a terminal that the records do not go to as well."""
    if not sys.stderr.isatty() or file.isatty() or not path.is_file():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(path.name, total=path.stat().st_size)

    def show(position: int) -> None:
        bar.start()  # not before there is progress to show, so short files have none
        bar.update(task, completed=position)

    try:
        yield show
    finally:
        bar.stop()


def _nothing_on(port: int, path: Path) -> str:
    from lmdecode.capture import busiest_ports

    ports = busiest_ports(path)
    if not ports:
        return f"{path}: no TCP traffic at all: was it captured where app and machine talk?"
    likely = [traffic.port for traffic in ports if traffic.frames]
    listed = ", ".join(f"{traffic.port} ({_count(traffic.packets, 'packet')})" for traffic in ports)
    advice = f"try --port {likely[0]}, whose data look like frames" if likely else "name another with --port"
    return f"{path}: nothing on TCP port {port}; busiest are {listed}: {advice}"


def _summary(packets: int, connections: int, tally: Tally) -> str:
    parts = [
        _count(packets, "packet"),
        _count(connections, "connection"),
        _count(tally.frames, "frame"),
        _count(tally.messages, "message"),
        _count(tally.problems, "problem"),
        f"{_count(tally.bytes_skipped, 'byte')} skipped",
    ]
    if tally.bytes_missing:
        parts.append(f"{_count(tally.bytes_missing, 'byte')} missing")
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
