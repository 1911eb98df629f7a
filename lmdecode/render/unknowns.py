"""The unknown bytes of a machine, as rows for people and as JSON Lines for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson
from rich.console import Console
from rich.text import Text

from lmdecode.analysis.correlation import ValueRun
from lmdecode.analysis.times import beside_text, between_text
from lmdecode.analysis.unknowns import Hint, UnknownByte, Unknowns
from lmdecode.codec.printable import encodable, printable
from lmdecode.codec.record import iso_time
from lmdecode.render.changes import place_text
from lmdecode.render.counts import count_text
from lmdecode.render.terminal import TerminalConsole

_VALUES_SHOWN: Final = 12
_RUNS_SHOWN: Final = 8
_HINTS_SHOWN: Final = 5
_BYTES_A_LINE: Final = 16
_CAUTION: Final = (
    "“Perhaps” is a hint and no more: things that happen while the machine is used change together though none makes "
    "the other. Change one thing at a time on the machine, capture again, and see whether it holds."
)


@dataclass(frozen=True, slots=True)
class UnknownsOfMachine:
    """The unknown bytes of one machine with one firmware."""

    machine: str
    model: str | None
    firmware: str | None
    captures: tuple[str, ...]
    """Their names, those of the pieces of one capture too."""
    unknowns: Unknowns
    within: float
    """Seconds within which changes count as together."""
    fewest: int
    """Changes that a byte must have for a hint."""


def print_found(found: UnknownsOfMachine, console: TerminalConsole) -> None:
    """Prints the bytes that changed in detail, those that never did in short, and how much was compared."""
    who = ", ".join(filter(None, (found.machine, found.model, found.firmware and f"firmware {found.firmware}")))
    console.print(Text(printable(f"{who}: {', '.join(map(str, found.captures))}"), "bold"), soft_wrap=True)
    changing = [each for each in found.unknowns.bytes if _moves(each)]
    runs = [run for each in changing for run in each.runs]
    first_ns = min((run.first_ns for run in runs), default=0)
    if runs:
        console.print(Text(between_text(first_ns, max(run.last_ns for run in runs))))
    for each in changing:
        console.print()
        for line in _detail(each, found, first_ns):
            for piece in _hanging(line, console):
                console.print(piece, soft_wrap=True)
    constant = [each for each in found.unknowns.bytes if not _moves(each)]
    if constant:
        console.print(Text("\nnever changed", "bold"))
        for line in _constant(constant):
            console.print(line, soft_wrap=True)
    console.print()
    console.print_paragraph(Text(_compared(found, changing)))


def json_lines(found: UnknownsOfMachine) -> Iterator[str]:
    """Yields a line of JSON for each unknown byte."""
    for each in found.unknowns.bytes:
        line = {
            "machine": found.machine,
            "model": found.model,
            "firmware": found.firmware,
            "captures": [encodable(str(path)) for path in found.captures],
            "address": each.address,
            "mask": each.mask,
            "name": each.place.name,
            "changes": each.changes,
            "seen": each.looks,
            "values": [
                {"value": value, "seen": count, "first": iso_time(first), "last": iso_time(last)}
                for value, (count, first, last) in each.values().items()
            ],
            "runs": [[_run_dict(run) for run in runs] for runs in each.captures],
            "hints": [_hint_dict(hint, found) for hint in each.hints],
            "pairs": found.unknowns.pairs,
        }
        yield f"{orjson.dumps(line).decode()}\n"


def _moves(each: UnknownByte) -> bool:
    return len(each.values()) > 1


def _detail(each: UnknownByte, found: UnknownsOfMachine, first_ns: int) -> Iterator[Text]:
    times = "never within a capture" if not each.changes else count_text(each.changes, "change")
    yield Text.assemble((_title(each), "bold cyan"), f"  {times}, seen {_times(each.looks)}")
    values = [f"{value:02X} × {count:,}" for value, (count, _, _) in each.values().items()]
    more = [f"and {len(values) - _VALUES_SHOWN:,} more"] if len(values) > _VALUES_SHOWN else []
    yield Text.assemble(("  values   ", "dim"), ", ".join([*values[:_VALUES_SHOWN], *more]))
    yield Text.assemble(("  in turn  ", "dim"), _runs_text(each.captures, first_ns))
    for hint in each.hints[:_HINTS_SHOWN]:
        yield Text.assemble(("  perhaps  ", "yellow"), (_hint_name(hint), "bold"), f": {_hint_text(hint, found)}")
    if len(each.hints) > _HINTS_SHOWN:
        yield Text(f"           and {len(each.hints) - _HINTS_SHOWN} more (--json has them)", "dim")
    if not each.hints:
        few = each.changes < found.fewest
        why = f"fewer than {found.fewest} changes: too few to compare" if few else "no register stands out"
        yield Text.assemble(("  perhaps  ", "dim"), (why, "dim"))


def _title(each: UnknownByte) -> str:
    name = place_text(each.place).removesuffix(f" 0x{each.address:04X}").removeprefix("unknown")
    bits = "" if each.mask == 0xFF else f"bits {each.mask:02X} of "
    return f"0x{each.address:04X} {bits}{name}".rstrip()


def _runs_text(captures: Iterable[tuple[ValueRun, ...]], before_ns: int) -> str:
    """Returns the first few values of each capture, each with the time from which it was seen.

    Args:
        captures: The values.
        before_ns: The time that was shown before these.
    """
    parts = []
    for runs in captures:
        if not runs:
            continue
        shown = []
        for run in runs[:_RUNS_SHOWN]:
            shown.append(f"{int(run.value or 0):02X} {beside_text(run.first_ns, before_ns)}")
            before_ns = run.first_ns
        if len(runs) > _RUNS_SHOWN:
            shown.append(f"… {len(runs) - _RUNS_SHOWN:,} more until {beside_text(runs[-1].last_ns, before_ns)}")
        parts.append(", ".join(shown))
    return " | ".join(parts)


def _hint_name(hint: Hint) -> str:
    name = place_text(hint.place)
    return hint.name if hint.place.name != hint.name else name


def _hint_text(hint: Hint, found: UnknownsOfMachine) -> str:
    when = (
        f"changed within {found.within:g} s of {hint.together:,} of its {count_text(hint.changes, 'change')} "
        f"({hint.expected:.1f} by chance), and {_times(hint.other_changes)} in all"
    )
    if hint.rho is None:
        return when
    return f"{when}; rank correlation {hint.rho:+.2f} (n = {hint.n:,})".replace("-", "−")


def _constant(found: list[UnknownByte]) -> Iterator[Text]:
    """Yields lines of bytes that never changed, neighbours side by side."""
    lines: list[list[UnknownByte]] = []
    for each in found:
        last = lines[-1] if lines else []
        if last and len(last) < _BYTES_A_LINE and _side_by_side(last[-1], each):
            last.append(each)
        else:
            lines.append([each])
    for line in lines:
        digits = " ".join(f"{next(iter(each.values())):02X}" for each in line)
        name = _title(line[0]).partition(" ")[2]
        yield Text.assemble((f"0x{line[0].address:04X}  ", "dim"), digits, (f"  {name}" if name else "", "dim"))


def _side_by_side(one: UnknownByte, other: UnknownByte) -> bool:
    bare = one.mask == other.mask == 0xFF and not one.place.name and not other.place.name
    return bare and other.address == one.address + 1


def _compared(found: UnknownsOfMachine, changing: list[UnknownByte]) -> str:
    pairs = found.unknowns.pairs
    if not pairs:
        enough = f"no unknown byte changed {found.fewest} times" if changing else "no unknown byte changed"
        return f"Nothing was compared: {enough}, so capture for longer, or while more happens."
    hints = sum(len(each.hints) for each in changing)
    return (
        f"{count_text(pairs, 'pair')} of an unknown byte and a register {'was' if pairs == 1 else 'were'} compared, "
        f"{count_text(hints, 'hint')} given; with so many pairs chance gives any hint at all in at most 1 of 20 "
        "captures. " + _CAUTION
    )


def _run_dict(run: ValueRun) -> dict[str, object]:
    return {
        "value": int(run.value or 0),
        "first": iso_time(run.first_ns),
        "last": iso_time(run.last_ns),
        "seen": run.looks,
    }


def _hint_dict(hint: Hint, found: UnknownsOfMachine) -> dict[str, object]:
    return {
        "name": hint.name,
        "address": hint.place.address,
        "together": hint.together,
        "changes": hint.changes,
        "within": found.within,
        "expected": hint.expected,
        "other_changes": hint.other_changes,
        "rho": hint.rho,
        "n": hint.n,
        "p": hint.p,
    }


def _hanging(line: Text, console: Console) -> list[Text]:
    """Returns a line, folded to the width of the console and indented from the second line on."""
    if line.cell_len <= console.width:
        return [line]
    indent = " " * 11
    first, *rest = line.wrap(console, console.width - len(indent))
    for piece in (first, *rest):
        piece.rstrip()
    return [first, *(Text(indent).append_text(piece) for piece in rest)]


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"
