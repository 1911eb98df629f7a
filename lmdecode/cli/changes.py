"""`lmdecode changes`: what changed in the machine's memory, and when."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sized
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

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
    from lmdecode.analysis.changes import Change, ChangeRun
    from lmdecode.cli.histories import Told


class ListFormat(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


@reports_errors
def changes(
    capture: Annotated[
        Path, typer.Argument(metavar="CAPTURE", help="Any that `lmdecode decode` reads.", show_default=False)
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: PortOption = 1774,
    machine: MachineOption = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--fields",
            "--only",
            metavar="NAME,NAME",
            help="Only these registers and bits: `pump_on,coffee_temp`, `'dose_*'`.",
            show_default=False,
        ),
    ] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="Only bytes that no register explains.")] = False,
    range_: Annotated[
        str | None,
        typer.Option(
            "--range", metavar="RANGE", help="Only these bytes: 0x4000-0x40FF or 0x4000+0x20.", show_default=False
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Each single change, that of the machine's clock too.")] = False,
    format: Annotated[
        ListFormat | None,
        typer.Option("--format", "-f", help="Default: table on a terminal, jsonl otherwise.", show_default=False),
    ] = None,
    output: OutputOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """List what changed in the machine's memory over a capture, each change with what went on just before it.

    Examples:

        lmdecode changes morning.pcap

        lmdecode changes morning.pcap --unknown

        lmdecode changes morning.pcap --only pump_on,brew_solenoid_on --format csv

    The time is that at which the new value was first seen; `since` in jsonl is when the old one was last seen, and the
    change came about somewhere between the two. What went on before a change need not be why it came about. Numbers
    that keep moving, such as temperatures, are one line as long as they do; the machine's clock is left out. Times in
    the table are local, everywhere else UTC.
    """
    from lmdecode.analysis.changes import ChangeRun, grouped, ticks
    from lmdecode.app.decode import Settings
    from lmdecode.app.files import text_output
    from lmdecode.cli.histories import Sources, about

    passes = _choice(fields or [], range_, unknown=unknown)
    sources = Sources(Settings(tuple(key or ()), config, show_secrets, port), machine, output)
    told = sources.one_capture(capture)
    found = [change for change in told.history.changes if passes(change)] if told.history is not None else []
    left_out: Counter[str] = Counter()
    if not all_ and not fields:
        left_out.update(change.place.name or "" for change in found if ticks(change.place))
        found = [change for change in found if not ticks(change.place)]
    runs = [ChangeRun(change, change) for change in found] if all_ else grouped(found)
    chosen = format or (ListFormat.TABLE if output is None and sys.stdout.isatty() else ListFormat.JSONL)
    with text_output(output, private=show_secrets) as file:
        _write(runs, told, chosen, file, show_secrets=show_secrets)
    _sum_up(about(told), found, runs, left_out)
    if sources.failed:
        raise typer.Exit(1)


def _write(runs: list[ChangeRun], told: Told, chosen: ListFormat, file: IO[str], *, show_secrets: bool) -> None:
    from lmdecode.render.changes import ChangeTable, json_lines, write_csv
    from lmdecode.render.terminal import TerminalConsole

    machine = told.machine or ""
    if chosen is ListFormat.TABLE:
        table = ChangeTable(TerminalConsole(file), show_secrets=show_secrets)
        for run in runs:
            table.write(run)
    elif chosen is ListFormat.CSV:
        write_csv(runs, machine, file, show_secrets=show_secrets)
    else:
        for line in json_lines(runs, machine, show_secrets=show_secrets):
            file.write(line)


def _sum_up(who: str, found: Sized, runs: Sized, left_out: Counter[str]) -> None:
    """The last line, on stderr."""
    parts = [f"{who}: {_count(len(found), 'change')}"]
    if len(runs) != len(found):
        parts.append(f"in {_count(len(runs), 'line')} (--all: each in its own)")
    typer.echo(" ".join(parts), err=True)
    for name, count in left_out.items():
        typer.echo(f"left out: {_count(count, 'change')} of {name}, which ticks (--all shows them)", err=True)


def _choice(fields: list[str], range_: str | None, *, unknown: bool) -> Callable[[Change], bool]:
    """Whether a change is asked for."""
    from lmdecode.analysis.changes import names_of
    from lmdecode.analysis.columns import FieldNameError, chosen_fields
    from lmdecode.codec.v1.ranges import AddressRangeError, address_range
    from lmdecode.codec.v1.window import unexplained_bits

    try:
        names = frozenset(chosen_fields(fields)) if fields else None
    except FieldNameError as error:
        raise typer.BadParameter(str(error), param_hint="--fields") from None
    try:
        addresses = None if range_ is None else address_range(range_)
    except AddressRangeError as error:
        raise typer.BadParameter(str(error), param_hint="--range") from None

    def passes(change: Change) -> bool:
        changed = [
            (address, old ^ new)
            for address, (old, new) in enumerate(zip(change.old, change.new, strict=True), change.place.address)
            if old != new
        ]
        if addresses is not None and not any(address in addresses for address, _ in changed):
            return False
        if unknown and not any(unexplained_bits(address) & bits for address, bits in changed):
            return False
        return names is None or not names.isdisjoint(names_of(change))

    return passes


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
