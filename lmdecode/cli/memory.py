"""`lmdecode memory`: what a capture tells of the machine's memory."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import (
    ConfigOption,
    KeysOption,
    MachineOption,
    OutputOption,
    PortOption,
    ShowSecretsOption,
)

if TYPE_CHECKING:
    from lmdecode.cli.histories import Told
    from lmdecode.codec.v1.memory import Memory


class MemoryFormat(StrEnum):
    """How the memory is written."""

    TABLE = "table"
    JSON = "json"
    BIN = "bin"


@reports_errors
def memory(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CAPTURE|IMAGE",
            help="Any capture that `lmdecode decode` reads, or a memory image.",
            show_default=False,
        ),
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: PortOption = 1774,
    machine: MachineOption = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="As it was then: 02:55, 2026-11-21T02:55:57Z, 03:55+01:00, or +12.5s after the first message.",
            show_default=False,
        ),
    ] = None,
    range_: Annotated[
        str | None,
        typer.Option(
            "--range", metavar="RANGE", help="Only these bytes: 0x4000-0x40FF or 0x4000+0x20.", show_default=False
        ),
    ] = None,
    format: Annotated[MemoryFormat, typer.Option("--format", "-f", help="How to write it.")] = MemoryFormat.TABLE,
    fill: Annotated[str, typer.Option(metavar="BYTE", help="In bin, what stands for an unknown byte.")] = "0x00",
    output: OutputOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Lay all that a capture tells of the machine's memory onto its 64 KiB: every answer, report and write.

    Examples:

        lmdecode memory morning.pcap

        lmdecode memory morning.pcap --at +30s --range 0x4000-0x40FF

        lmdecode memory morning.pcap --format json --output morning.json

        lmdecode simulate --image morning.json

    Known registers are in colour and named beside their row, with how sure that is, and when they last changed. Bytes
    that changed are bold; bytes that were never seen are `··`. A time is the whole minute or second that it names, UTC
    unless it has an offset; what is shown is the end of it. Times in the table are local.
    """
    from lmdecode.app.decode import Settings
    from lmdecode.cli.histories import Sources
    from lmdecode.codec.v1.message import ADDRESS_SPACE
    from lmdecode.codec.v1.ranges import AddressRangeError, address_range

    try:
        addresses = range(ADDRESS_SPACE) if range_ is None else address_range(range_)
    except AddressRangeError as error:
        raise typer.BadParameter(str(error), param_hint="--range") from None
    filling = _byte(fill)
    if format is MemoryFormat.BIN and output is None and sys.stdout.isatty():
        raise CommandError("bin is not for terminals: name a file, --output memory.bin")
    sources = Sources(Settings(tuple(key or ()), config, show_secrets, port), machine, output)
    told = sources.one(source)
    view = _View.of(told, at, addresses)
    if format is MemoryFormat.TABLE:
        _write_table(view, output, show_secrets=show_secrets)
    elif format is MemoryFormat.JSON:
        _write_json(view, output, show_secrets=show_secrets)
    else:
        _write_bin(view, output, filling, show_secrets=show_secrets)
    if sources.failed:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _View:
    """The part of what a file tells that is to be shown."""

    told: Told
    whole: Memory
    addresses: range
    time_ns: int | None
    """The moment; None for an image."""

    @classmethod
    def of(cls, told: Told, at: str | None, addresses: range) -> _View:
        history, time_ns = told.history, None
        if at is not None:
            time_ns = told.moment(at, "--at").end - 1
        elif history is not None:
            time_ns = history.last_ns
        whole = told.image.memory if history is None else history.at(time_ns)
        return cls(told, whole, addresses, time_ns)

    @property
    def memory(self) -> Memory:
        """What is known of the addresses."""
        return self.whole.part(self.addresses)

    @property
    def changed(self) -> dict[int, int]:
        """By address, when a byte last changed."""
        if self.told.history is None:
            return {}
        changed = self.told.history.last_changes(self.time_ns)
        return {address: time_ns for address, time_ns in changed.items() if address in self.addresses}


def _write_table(view: _View, output: Path | None, *, show_secrets: bool) -> None:
    from rich.text import Text

    from lmdecode.analysis.times import local_time
    from lmdecode.app.files import text_output
    from lmdecode.cli.histories import about
    from lmdecode.render.memory_dump import Dump, print_dump
    from lmdecode.render.sentence import printable
    from lmdecode.render.terminal import TerminalConsole

    history, told = view.told.history, view.told
    dump = Dump(
        memory=view.whole,
        addresses=view.addresses,
        masked=frozenset() if history is None else history.masked(view.time_ns),
        changed=view.changed,
        show_secrets=show_secrets,
    )
    with text_output(output, private=show_secrets) as file:
        console = TerminalConsole(file)
        if view.time_ns is None:
            console.print(
                Text(
                    printable(
                        ", ".join(filter(None, (str(told.path), about(told), told.image.made, told.image.source)))
                    ),
                    "bold",
                )
            )
        else:
            when = local_time(view.time_ns)
            console.print(Text(f"{about(told)}, as of {when:%Y-%m-%d %H:%M:%S} {when.tzname()}", "bold"))
        print_dump(dump, console)
        seen = sum(map(dump.seen, view.addresses))
        changed = f", {len(dump.changed):,} of them changed" if history is not None else ""
        console.print(Text(f"{seen:,} of {len(view.addresses):,} bytes were seen{changed}"))


def _write_json(view: _View, output: Path | None, *, show_secrets: bool) -> None:
    from lmdecode.app.files import text_output
    from lmdecode.codec.record import iso_time
    from lmdecode.codec.v1.image import MemoryImage, image_text
    from lmdecode.codec.v1.window import place_of

    told = view.told
    image = MemoryImage(view.memory, told.image.model, told.image.made, told.image.source)
    also = {}
    if view.time_ns is not None:
        image.made = iso_time(view.time_ns)
        image.source = ", ".join(filter(None, (told.image.source, told.machine)))
        also["changed"] = [
            {"address": f"0x{address:04X}", "time": iso_time(time_ns)}
            for address, time_ns in sorted(view.changed.items())
            if show_secrets or not place_of(address).secret
        ]
    with text_output(output, private=show_secrets) as file:
        file.write(image_text(image, show_secrets=show_secrets, also=also))


def _write_bin(view: _View, output: Path | None, filling: int, *, show_secrets: bool) -> None:
    from lmdecode.app.files import whole_file
    from lmdecode.codec.v1.window import place_of

    content = bytearray([filling]) * len(view.addresses)
    for start, data in view.memory.runs():
        for address, byte in enumerate(data, start):
            if show_secrets or not place_of(address).secret:
                content[address - view.addresses.start] = byte
    if output is None:
        sys.stdout.buffer.write(content)
        return
    with whole_file(output, binary=True, private=show_secrets) as file:
        file.write(content)


def _byte(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFF:
        raise typer.BadParameter(f"{text!r} is no byte: give 0x00 to 0xFF", param_hint="--fill")
    return number
