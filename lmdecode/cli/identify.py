"""`lmdecode identify`: what can be said of a capture without the key."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.options import OutputOption

if TYPE_CHECKING:
    from lmdecode.analysis.identification import Result
    from lmdecode.app.decode import Outcome
    from lmdecode.codec.dialect import Speakers


class ResultFormat(StrEnum):
    """How the result is written."""

    TABLE = "table"
    JSON = "json"


@reports_errors
def identify(
    captures: Annotated[
        list[Path],
        typer.Argument(
            metavar="CAPTURE",
            help="pcap or pcapng files, or tshark's -T json exports; `-` is standard input.",
            show_default=False,
        ),
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port.")] = 1774,
    format: Annotated[ResultFormat, typer.Option("--format", "-f", help="How to write it.")] = ResultFormat.TABLE,
    output: OutputOption = None,
) -> None:
    """Say what a capture is likely to hold, without any key: who talks, how much, how often, and what it may be.

    Examples:

        lmdecode identify morning.pcap

        lmdecode identify morning.pcap --format json | jq '.groups[] | {seen, period, candidates}'

    Messages are encrypted, but not their size, and equal messages look alike. What is said to be likely rests on that,
    on the messages that are known, and on the order in which a known app asks; the table says which. `only fit`: no
    other known message has the size. `best fit`: others have it, but the order speaks for this one. `fits`: there is
    nothing to choose by. A message that nobody knows may hide behind each of them.
    """
    from lmdecode.analysis.identification import Identification
    from lmdecode.app.decode import outcomes_of, read
    from lmdecode.app.files import expanded, refuse_to_overwrite
    from lmdecode.cli._common.progress import progress_bar
    from lmdecode.codec.v1 import speakers_with
    from lmdecode.codec.v1.decoder import KeylessDecoder

    speakers, identification = speakers_with(KeylessDecoder(), port), Identification()
    refuse_to_overwrite(output, expanded(captures))
    outcomes = outcomes_of(expanded(captures))
    for outcome in outcomes:
        with progress_bar(Path(outcome.name), onto_terminal=False) as progress:
            for record in read(outcome, speakers, progress=progress):
                identification.add(record)
    result = identification.result()
    if result.connections:
        _write(result, format, output)
    if _report(outcomes, result, speakers):
        raise typer.Exit(1)


def _write(result: Result, chosen: ResultFormat, output: Path | None) -> None:
    from lmdecode.render.identification import as_dict, as_tables, as_text
    from lmdecode.render.terminal import TerminalConsole

    if chosen is ResultFormat.TABLE and output is None:
        console = TerminalConsole()
        if console.is_terminal:
            for part in as_tables(result):
                console.print(part)
            return
    text = as_text(result) if chosen is ResultFormat.TABLE else f"{json.dumps(as_dict(result), ensure_ascii=False)}\n"
    if output is None:
        sys.stdout.write(text)
        return
    from lmdecode.app.files import whole_file

    with whole_file(output) as file:
        file.write(text)


def _report(outcomes: list[Outcome], result: Result, speakers: Speakers) -> bool:
    """Say how it went, on stderr; whether anything was wrong with a capture.

    Raises:
        CommandError, typer.Exit: Nothing in the captures can be the protocol's.
    """
    from lmdecode.app.decode import counted, nothing_decoded

    complaints = [complaint for outcome in outcomes for complaint in outcome.complaints]
    for complaint in complaints:
        complain(complaint)
    frames = counted(outcomes).frames
    usable = frames - sum(connection.unusable.total() for connection in result.connections)
    if frames and not usable:
        raise CommandError(f"0 of {frames} frames are base64 of whole cipher blocks: this is not the protocol")
    if not usable:
        nothing = nothing_decoded(outcomes, speakers)
        if nothing:
            raise CommandError(nothing)
        if nothing is not None:
            raise typer.Exit(1)
        typer.echo("no frames: app and machine were connected, but said nothing", err=True)
    return bool(complaints)
