"""`lmdecode memory`: what a capture says about the machine's memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lmdecode.app.errors import UsageError
from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.errors import reports_errors, saying
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption, RangeOption, ShowSecretsOption

_FORMATS = Formats(("table", "json", "bin"), piped="table")


def _byte(text: str | int) -> int:
    try:
        number = int(str(text), 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFF:
        raise typer.BadParameter(f"{str(text)[:40]!r} is not a byte: give 0x00 to 0xFF")
    return number


_CAPTURES = Annotated[
    list[Path],
    typer.Argument(
        metavar="CAPTURE…|IMAGE",
        help="One or more captures, of any kind that `lmdecode decode` reads; or a memory image.",
        show_default=False,
    ),
]


@reports_errors
@over_captures(captures=_CAPTURES, without={"handles": "It is about the memory of v1, which Bluetooth does not show."})
def memory(
    given: CaptureOptions,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="The memory at this time: 02:55, 2026-11-21T02:55:57, 02:55Z, 03:55+01:00, or +12.5s after the "
            "first message.",
            show_default=False,
        ),
    ] = None,
    addresses: RangeOption = None,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    fill: Annotated[
        int,
        typer.Option(
            parser=_byte,
            metavar="BYTE",
            help="The value of unknown bytes in the bin format. [default: 0x00]",
            show_default=False,
        ),
    ] = 0,
    output: OutputOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Show the machine's memory of 64 KiB, as far as the answers, reports and writes in captures reveal it.

    Examples:

        lmdecode memory morning.pcap

        lmdecode memory morning.pcap --at +30s --range 0x4000-0x40FF

        lmdecode memory morning.pcap --json --output morning.json

        lmdecode simulate --image morning.json

    Known registers are coloured and named beside their row, with their certainty and the time of their last change.
    Bytes that changed are bold; bytes that were never seen are `··`. A time means the whole minute or second that it
    names; the memory is shown as it was at the end of it. Times in the table, and times without a zone that you give,
    are local, or UTC with --utc.

    Several captures are read as one story, in the order of time. --to shows the memory as it was at the end of that
    time; with --from, only what changed since then counts as changed. What was seen earlier is known in any case. With
    --where, only the messages that meet the condition count.
    """
    from lmdecode.app.files import text_output, whole_file
    from lmdecode.app.memory import view
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.memory_dump import print_memory
    from lmdecode.render.terminal import TerminalConsole

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    if chosen == "bin" and output is None and sys.stdout.isatty():
        raise UsageError("bin cannot be shown in a terminal: name a file, --output memory.bin")
    if at is not None and given.to is not None:
        raise UsageError("--at is the end of what is shown, as --to is: give one of them")
    sources = MemorySources(given.asked(show_secrets=show_secrets), output, file_progress)
    with saying(sources):
        found = sources.one(given.captures)
    shown = view(found, at=at, addresses=addresses)
    if chosen == "bin":
        content = shown.as_bytes(fill=fill, show_secrets=show_secrets)
        if output is None:
            sys.stdout.buffer.write(content)
        else:
            with whole_file(output, binary=True, private=show_secrets) as binary:
                binary.write(content)
    else:
        with text_output(output, private=show_secrets) as file:
            if chosen == "json":
                file.write(shown.as_image(show_secrets=show_secrets))
            else:
                dump, over_time = shown.dump(show_secrets=show_secrets), shown.time_ns is not None
                print_memory(shown.title, dump, TerminalConsole(file), over_time=over_time)
    if sources.complaints:
        raise typer.Exit(1)
