"""`lmdecode unknowns`: the bytes that no register explains, and what they may have to do with."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.cli._common.errors import reports_errors, saying
from lmdecode.cli._common.options import (
    CapturesArgument,
    ConfigOption,
    Formats,
    KeysOption,
    MachineOption,
    OutputOption,
    PortOption,
    RangeOption,
    number,
)

_FORMATS = Formats(("table", "jsonl"), piped="jsonl")


@reports_errors
def unknowns(
    captures: CapturesArgument,
    key: KeysOption = None,
    config: ConfigOption = None,
    port: PortOption = None,
    machine: MachineOption = None,
    addresses: RangeOption = None,
    within: Annotated[
        float,
        typer.Option(
            min=0, max=3600, callback=number, metavar="SECONDS", help="Changes this close together count as together."
        ),
    ] = 5.0,
    min_changes: Annotated[
        int, typer.Option(min=2, metavar="N", help="Say nothing about bytes that changed less often than this.")
    ] = 5,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """List the bytes that no register explains: their values over time, and which known register they may go with.

    Examples:

        lmdecode unknowns morning.pcap

        lmdecode unknowns monday.pcap tuesday.pcap --range 0x4000-0x40FF

        lmdecode unknowns *.pcap --format jsonl | jq 'select(.hints != []) | {address, hints}'

    Bytes that the memory map lists as unknown are among them, and the bits that a register does not use. Captures of
    one machine with one firmware are put together. A register is named if it changed together with the byte more
    often than usual in those minutes, or if their values go up and down together by rank. For both, the chance that
    any register is named where there is no connection is at most 1 in 20, however many were compared. That is a hint
    where to look.
    """
    from lmdecode.app.decode import Settings
    from lmdecode.app.files import expanded, text_output
    from lmdecode.app.memory import unknowns_of
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.terminal import TerminalConsole
    from lmdecode.render.unknowns import json_lines, print_found

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    settings = Settings(tuple(key or ()), config, port=port)
    sources = MemorySources(settings, machine, output, file_progress)
    with saying(sources):
        memories = [each for path in expanded(captures) for each in sources.captures(path)]
    found = unknowns_of(memories, addresses=addresses, within=within, fewest=min_changes)
    with text_output(output) as file:
        console = TerminalConsole(file)
        for index, each in enumerate(found):
            if chosen == "jsonl":
                file.writelines(json_lines(each))
                continue
            if index:
                console.print()
            print_found(each, console)
    if sources.complaints:
        raise typer.Exit(1)
