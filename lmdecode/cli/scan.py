"""`lmdecode scan`: reads a machine's memory into an image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import INTERRUPTED, complain, reports_errors
from lmdecode.cli._common.live import run_live
from lmdecode.cli._common.options import (
    ConfigOption,
    HostOption,
    JsonOption,
    KeyOption,
    LiveMachineOption,
    LivePortOption,
    TimeoutOption,
    number,
)
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.ranges import FORMS, address_ranges
from lmdecode.codec.v1.redaction import ACCOUNT
from lmdecode.config.targets import find_target
from lmdecode.device.errors import joined
from lmdecode.device.timing import ANSWER_TIMEOUT
from lmdecode.device.v1.scan import PACE
from lmdecode.device.v1.scan_plan import LARGEST_TRIED


@reports_errors
def scan(
    ranges: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RANGE…",
            help=f"The bytes to read: {FORMS}. [default: all registers of the memory map]",
            show_default=False,
        ),
    ] = None,
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: LiveMachineOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The image file. An existing one is resumed. [default: named after serial number, date and time]",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Resume this image: read only the bytes that it lacks.", show_default=False),
    ] = None,
    pace: Annotated[
        float, typer.Option(min=0, max=60, callback=number, help="Seconds between an answer and the next read.")
    ] = PACE,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
    largest: Annotated[
        int, typer.Option(min=1, max=ADDRESS_SPACE - 1, metavar="BYTES", help="The largest read to try.")
    ] = LARGEST_TRIED,
    finest: Annotated[
        int,
        typer.Option(
            min=1,
            max=ADDRESS_SPACE - 1,
            metavar="BYTES",
            help="Do not split a silent range below this size; 16 gives a rough scan that takes much less time.",
        ),
    ] = 1,
    secrets: Annotated[
        bool,
        typer.Option(
            "--secrets",
            help=f"Read {ACCOUNT} too, into a file that only you can read.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read the machine's memory into a file (a memory image). Nothing is written to the machine.

    Examples:

        lmdecode scan

        lmdecode scan 0x0000-0x01FF 0x4000+35 --output morning.json

        lmdecode scan 0x0000-0xFFFF --finest 16

    The scan finds out how much the machine answers at once, and which bytes cannot be read: there the machine is
    silent, or echoes the request. Waiting for silence takes up to a second per byte; with --finest 16 it takes a tenth
    of that. Ctrl-C keeps what was read, and --resume FILE continues the scan. `lmdecode simulate --image FILE` then
    runs a machine with that memory.
    """
    from lmdecode.app.scan import Scan, ScanOptions
    from lmdecode.app.targets import memory_target
    from lmdecode.cli._common.progress import counting_bar
    from lmdecode.device.v1.scan_plan import Piece, known_ranges
    from lmdecode.render.machine import scan_entry, scan_lines

    pieces = [Piece(each.start, len(each)) for each in address_ranges(ranges or [])] or known_ranges()
    if finest > largest:
        raise UsageError(f"--finest {finest} is more than --largest {largest}")
    found = find_target(host=host, port=port, key=key, config=config, machine=machine)
    target = memory_target(found, "scan reads a machine's memory")
    run = Scan(
        target,
        ScanOptions(
            ranges=pieces,
            words=tuple(ranges or []),
            output=output,
            resume=resume,
            pace=pace,
            timeout=timeout,
            largest=largest,
            finest=finest,
            secrets=secrets,
        ),
        on_note=lambda line: echo(line, err=True),
        on_trouble=complain,
        bar=lambda total: counting_bar("scan", total, "bytes"),
    )
    try:
        result = run_live(run.run(), waiting_for=joined(target.host, target.port), while_=lambda: not run.begun)
    except KeyboardInterrupt:
        if not run.begun:
            raise
        complain(f"interrupted: {run.how_to_resume()}")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        echo_json(scan_entry(result.path, result.model, result.serial, result.summary))
    else:
        echo(*scan_lines(result.path, result.summary))
    if left := result.summary.left:
        raise CommandError(
            f"{left:,} bytes were not read, because reads of them gave damaged answers or ended the connection; "
            f"{run.how_to_resume()}"
        )
