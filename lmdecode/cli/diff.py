"""`lmdecode diff`: what is not the same in two memories, or at two times."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

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
    from lmdecode.analysis.changes import Change, Differences
    from lmdecode.cli.histories import Told
    from lmdecode.codec.v1.memory import Memory


class DiffFormat(StrEnum):
    """How differences are written."""

    TABLE = "table"
    JSONL = "jsonl"


@reports_errors
def diff(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="A [B]",
            help="Captures or memory images, in any mix; one capture alone: its beginning and its end.",
            show_default=False,
        ),
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: PortOption = 1774,
    machine: MachineOption = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="A as it was before this time: 02:55, 2026-11-21T02:55:57Z, +12.5s. [default: A's end; with one "
            "capture its beginning]",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="B as it was after this time. [default: its end]", show_default=False),
    ] = None,
    range_: Annotated[
        str | None,
        typer.Option(
            "--range", metavar="RANGE", help="Only these bytes: 0x4000-0x40FF or 0x4000+0x20.", show_default=False
        ),
    ] = None,
    format: Annotated[
        DiffFormat | None,
        typer.Option("--format", "-f", help="Default: table on a terminal, jsonl otherwise.", show_default=False),
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if there is a difference.")] = False,
    output: OutputOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Show which bytes of the machine's memory differ, by register, from what to what, and what went on before.

    Examples:

        lmdecode diff monday.pcap tuesday.pcap

        lmdecode diff before.json after.json --exit-code

        lmdecode diff morning.pcap --from 02:55:57 --to 02:56

    Two captures are compared as they ended, unless --from and --to say otherwise. In one capture, what was first seen
    after --from counts as what it was then. Bytes that only one side knows are listed apart. A time is UTC unless it
    has an offset, and stands for the whole minute or second that it names, so that --from 02:56 --to 02:56 is what
    changed in that minute. What went on before a change need not be why it came about.
    """
    from lmdecode.app.decode import Settings
    from lmdecode.app.files import text_output
    from lmdecode.cli.histories import Sources
    from lmdecode.codec.v1.message import ADDRESS_SPACE
    from lmdecode.codec.v1.ranges import AddressRangeError, address_range

    try:
        addresses = range(ADDRESS_SPACE) if range_ is None else address_range(range_)
    except AddressRangeError as error:
        raise typer.BadParameter(str(error), param_hint="--range") from None
    if len(sources) > 2:
        raise typer.BadParameter(f"two are compared, not {len(sources)}", param_hint="A [B]")
    reader = Sources(Settings(tuple(key or ()), config, show_secrets, port), machine, output)
    told = [reader.one(path) for path in sources]
    sides = _two(told[0], told[1], from_, to) if len(told) == 2 else _within(told[0], from_, to)
    sides = replace(sides, old=sides.old.part(addresses), new=sides.new.part(addresses))
    found = _found(sides)
    chosen = format or (DiffFormat.TABLE if output is None and sys.stdout.isatty() else DiffFormat.JSONL)
    with text_output(output, private=show_secrets) as file:
        _write(found, sides, chosen, file, show_secrets=show_secrets)
    typer.echo(_summary(found, sides), err=True)
    if reader.failed or (exit_code and found):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is compared."""

    old: Memory
    new: Memory
    old_title: str
    new_title: str
    changes: tuple[Change, ...] = ()
    """Those that may have led from the one to the other."""
    later: frozenset[int] = frozenset()
    """The addresses of bytes of the old side that were first seen after the time that was asked for."""


def _two(one: Told, other: Told, from_: str | None, to: str | None) -> _Sides:
    start = None if from_ is None else one.moment(from_, "--from").start - 1
    end = None if to is None else other.moment(to, "--to").end - 1
    changes = other.history.changes if other.history is not None else []
    return _Sides(
        one.image.memory if one.history is None else one.history.at(start),
        other.image.memory if other.history is None else other.history.at(end),
        _title(one, start) if start is None else _title(one, start + 1, "before"),
        _title(other, end),
        tuple(change for change in changes if end is None or change.time_ns <= end),
    )


def _within(told: Told, from_: str | None, to: str | None) -> _Sides:
    history = told.history
    if history is None or history.first_ns is None:
        raise CommandError(f"{told.path} is a memory image, which knows one moment only: name two files to compare")
    start = history.first_ns - 1 if from_ is None else told.moment(from_, "--from").start - 1
    end = history.last_ns if to is None else told.moment(to, "--to").end - 1
    if end <= start:
        raise CommandError(f"--to {to} is before --from {from_}")
    old, later = history.since(start, end)
    changes = tuple(change for change in history.changes if start < change.time_ns <= end)
    return _Sides(
        old,
        history.at(end),
        _title(told, start + 1, "before"),
        _title(told, end),
        changes,
        frozenset(later if from_ else ()),
    )


def _found(sides: _Sides) -> Differences:
    """The differences, each with how it came about."""
    from lmdecode.analysis.changes import differences, with_changes

    return with_changes(differences(sides.old, sides.new), sides.changes)


def _write(found: Differences, sides: _Sides, chosen: DiffFormat, file: IO[str], *, show_secrets: bool) -> None:
    from rich.text import Text

    from lmdecode.render.differences import difference_lines, print_differences, print_one_sided, print_regions
    from lmdecode.render.sentence import printable
    from lmdecode.render.terminal import TerminalConsole

    old_regions = [region for region in found.old_regions if region not in found.new_regions]
    new_regions = [region for region in found.new_regions if region not in found.old_regions]
    if chosen is DiffFormat.JSONL:
        one_sided = (("only_old", found.only_old), ("only_new", found.only_new))
        regions = (("region_only_old", old_regions), ("region_only_new", new_regions))
        for line in difference_lines(found.changed, one_sided, regions, show_secrets=show_secrets):
            file.write(line)
        return
    console = TerminalConsole(file)
    for side, title in (("A", printable(sides.old_title)), ("B", printable(sides.new_title))):
        console.print_paragraph(Text.assemble((f"{side} ", "bold"), title))
    print_differences(found.changed, console, show_secrets=show_secrets)
    print_one_sided("only in A", found.only_old, console, show_secrets=show_secrets)
    print_one_sided("only in B", found.only_new, console, show_secrets=show_secrets)
    print_regions("only in A", old_regions, console)
    print_regions("only in B", new_regions, console)


def _title(told: Told, time_ns: int | None, word: str = "as of") -> str:
    from lmdecode.analysis.times import clock_text, local_time
    from lmdecode.cli.histories import about

    who = about(told)
    if told.history is None:
        when = told.image.made or ""
    else:
        moment_ns = told.history.last_ns if time_ns is None else time_ns
        local = local_time(moment_ns)
        when = f"{word} {local:%Y-%m-%d} {clock_text(moment_ns)} {local.tzname()}"
    return ", ".join(filter(None, (str(told.path), who, when)))


def _summary(found: Differences, sides: _Sides) -> str:
    """The last line, on stderr."""
    changed = len(found.changed)
    both = sum(sides.new.knows(address) for run, data in sides.old.runs() for address in range(run, run + len(data)))
    parts = [f"{changed:,} difference{'' if changed == 1 else 's'} in {both:,} bytes that both know"]
    for runs, side in ((found.only_old, "A"), (found.only_new, "B")):
        count = sum(len(data) for _, data in runs)
        if count:
            parts.append(f"{count:,} only in {side}")
    later = sum(map(sides.old.knows, sides.later))
    if later:
        parts.append(f"{later:,} first seen after --from, and taken to have been so before")
    return ", ".join(parts)
