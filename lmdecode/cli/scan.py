"""`lmdecode scan`: some of a machine's memory into an image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmdecode.app.errors import UsageError
from lmdecode.app.live import target_for
from lmdecode.cli._common.errors import reports_errors
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
from lmdecode.device.client import ANSWER_TIMEOUT
from lmdecode.device.scan import PACE
from lmdecode.device.scan_plan import LARGEST_TRIED


@reports_errors
def scan(
    ranges: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RANGE…",
            help=f"The bytes to read: {FORMS}. [default: what the memory map knows]",
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
            help="The image. One that is there already is gone on with. "
            "[default: a name of serial number, date and time]",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Go on with this image: only what it does not know is read.", show_default=False
        ),
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
            help="Do not halve what is silent below this: 16 is a rough scan, which silence keeps much less.",
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
    """Read the machine's memory into a file, a memory image. Nothing is written to the machine.

    Examples:

        lmdecode scan

        lmdecode scan 0x0000-0x01FF 0x4000+35 -o morning.json

        lmdecode scan 0x0000-0xFFFF --finest 16

    It finds out how much the machine answers at once, and which bytes give nothing: those that are silent, and those
    where it echoes the request. Silence takes time, up to a second a byte; --finest 16 takes a tenth of it. Ctrl-C
    keeps what was read, and the same command with --resume FILE goes on. `lmdecode simulate --image FILE` is then a
    machine with that memory.
    """
    from lmdecode.cli.scan_session import ScanSession
    from lmdecode.device.scan_plan import Piece, known_ranges

    pieces = [Piece(each.start, len(each)) for each in address_ranges(ranges or [])] or known_ranges()
    if finest > largest:
        raise UsageError(f"--finest {finest} is more than --largest {largest}")
    session = ScanSession(
        target=target_for(host=host, port=port, key=key, config=config, machine=machine),
        ranges=pieces,
        words=tuple(ranges or []),
        output=output,
        resume=resume,
        pace=pace,
        timeout=timeout,
        largest=largest,
        finest=finest,
        secrets=secrets,
        as_json=as_json,
    )
    session.run()
