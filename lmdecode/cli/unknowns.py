"""`lmdecode unknowns`: the bytes that no register explains, and what they may have to do with."""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption, KeysOption, MachineOption, OutputOption, PortOption, number

if TYPE_CHECKING:
    from lmdecode.cli.histories import Told
    from lmdecode.render.unknowns import Found


class UnknownsFormat(StrEnum):
    """How unknown bytes are listed."""

    TABLE = "table"
    JSONL = "jsonl"


@reports_errors
def unknowns(
    captures: Annotated[
        list[Path], typer.Argument(metavar="CAPTURE", help="Any that `lmdecode decode` reads.", show_default=False)
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: PortOption = 1774,
    machine: MachineOption = None,
    range_: Annotated[
        str | None,
        typer.Option(
            "--range", metavar="RANGE", help="Only these bytes: 0x4000-0x40FF or 0x4000+0x20.", show_default=False
        ),
    ] = None,
    within: Annotated[
        float,
        typer.Option(
            min=0, max=3600, callback=number, metavar="SECONDS", help="Changes this close together count as together."
        ),
    ] = 5.0,
    min_changes: Annotated[
        int, typer.Option(min=2, metavar="N", help="Say nothing about bytes that changed less often than this.")
    ] = 5,
    format: Annotated[
        UnknownsFormat | None,
        typer.Option("--format", "-f", help="Default: table on a terminal, jsonl otherwise.", show_default=False),
    ] = None,
    output: OutputOption = None,
) -> None:
    """List the bytes that no register explains: their values over time, and what known register they may go with.

    Examples:

        lmdecode unknowns morning.pcap

        lmdecode unknowns monday.pcap tuesday.pcap --range 0x4000-0x40FF

        lmdecode unknowns *.pcap --format jsonl | jq 'select(.hints != []) | {address, hints}'

    Bytes of rows that the memory map calls unknown are among them, and the bits that a register leaves over. Captures
    of one machine with one firmware are put together. A register is named if it changed together with the byte more
    often than usual in those minutes, or if their values go up and down together by rank; both with a chance of at
    most 1 in 20 that any is named where there is nothing, however many were compared. That is a hint where to look.
    """
    from lmdecode.app.decode import Settings
    from lmdecode.app.files import expanded, text_output
    from lmdecode.cli.histories import Sources
    from lmdecode.codec.v1.message import ADDRESS_SPACE
    from lmdecode.codec.v1.ranges import AddressRangeError, address_range
    from lmdecode.render.terminal import TerminalConsole
    from lmdecode.render.unknowns import json_lines, print_found

    try:
        addresses = range(ADDRESS_SPACE) if range_ is None else address_range(range_)
    except AddressRangeError as error:
        raise typer.BadParameter(str(error), param_hint="--range") from None
    sources = Sources(Settings(tuple(key or ()), config, port=port), machine, output)
    told = [each for path in expanded(captures) for each in sources.captures(path)]
    found = [_found(group, addresses, within, min_changes) for group in _grouped(told)]
    chosen = format or (UnknownsFormat.TABLE if output is None and sys.stdout.isatty() else UnknownsFormat.JSONL)
    with text_output(output) as file:
        console = TerminalConsole(file)
        for index, each in enumerate(found):
            if chosen is UnknownsFormat.JSONL:
                file.writelines(json_lines(each))
                continue
            if index:
                console.print()
            print_found(each, console)
    if sources.failed:
        raise typer.Exit(1)


def _grouped(told: list[Told]) -> list[list[Told]]:
    """The captures of one machine with one firmware together, in the order of time."""
    groups: dict[tuple[object, ...], list[Told]] = {}
    for each in told:
        groups.setdefault((each.machine, each.image.model, each.firmware), []).append(each)
    for group in groups.values():
        group.sort(key=lambda each: each.begins)
        for one, other in pairwise(group):
            if one.history is not None and other.begins <= one.history.last_ns:
                raise CommandError(
                    f"{one.path} and {other.path} are of the same machine and time: what both have would count twice, "
                    "so give one of them"
                )
    return list(groups.values())


def _found(group: list[Told], addresses: range, within: float, fewest: int) -> Found:
    from lmdecode.analysis.unknowns import find_unknowns
    from lmdecode.render.unknowns import Found

    histories = [each.history for each in group if each.history is not None]
    first = group[0]
    return Found(
        first.machine or "",
        first.image.model,
        first.firmware,
        tuple(each.path for each in group),
        find_unknowns(histories, within=within, fewest=fewest, addresses=addresses),
        within,
        fewest,
    )
