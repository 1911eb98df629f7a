"""`lmdecode unknowns`: the bytes that no register explains, and the names that make no field."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.errors import reports_errors, saying
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption, RangeOption, number

_FORMATS = Formats(("table", "jsonl"), piped="jsonl")


@reports_errors
@over_captures()
def unknowns(
    given: CaptureOptions,
    addresses: RangeOption = None,
    within: Annotated[
        float,
        typer.Option(
            min=0,
            max=3600,
            callback=number,
            metavar="SECONDS",
            help="Two changes at most this far apart count as happening together.",
        ),
    ] = 5.0,
    min_changes: Annotated[
        int,
        typer.Option(
            min=2, metavar="N", help="Do not look for related registers of bytes that changed less often than this."
        ),
    ] = 5,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """List the bytes that no register explains: their values over time, and registers that they may be related to.

    Examples:

        lmdecode unknowns morning.pcap

        lmdecode unknowns monday.pcap tuesday.pcap --range 0x4000-0x40FF

        lmdecode unknowns *.pcap --json | jq 'select(.hints != []) | {address, hints}'

    The list includes bytes that the memory map lists as unknown, and bits that a register does not use. Captures of the
    same machine with the same firmware are combined. A register is named if it changed together with the byte more
    often than expected by chance at that time, or if both values rise and fall together (rank correlation). For each of
    the two tests, the probability that an unrelated register is named is at most 1 in 20, however many were compared. A
    named register is a hint where to look, not a proof.

    Gateway v3, the cloud and Bluetooth speak of names and not of bytes. Of them the list has the names that lmdecode
    does not know yet, with the first values of each.

    With --from and --to only what was said in that time counts, as if the captures had nothing else; so it is with
    --where.
    """
    from lmdecode.app.files import text_output
    from lmdecode.app.memory import names_of_machines, unknowns_of
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.terminal import TerminalConsole
    from lmdecode.render.unknowns import json_lines, print_found
    from lmdecode.render.unnamed import name_lines, print_names

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    sources = MemorySources(given.asked(), output, file_progress)
    with saying(sources):
        memories = sources.captures(given.captures)
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
        for index, names in enumerate([] if addresses is not None else names_of_machines(memories), len(found)):
            if chosen == "jsonl":
                file.writelines(name_lines(names))
                continue
            if index:
                console.print()
            print_names(names, console)
    if sources.complaints:
        raise typer.Exit(1)
