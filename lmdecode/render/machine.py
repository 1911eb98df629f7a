"""A live machine, for people and for programs: what was found, read, set, scanned and replayed.

Lines are plain text; tables load rich, which takes longer than most of these commands, so only what prints one imports
it. What a machine says of itself is text of strangers: it is made printable here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lmdecode.analysis.times import clock_text
from lmdecode.codec.printable import printable
from lmdecode.codec.record import MASK, Record, Value, iso_time
from lmdecode.codec.v1.memory import Answer
from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.redaction import touches_secret
from lmdecode.device.changing import Change, ChangeResult, Outcome, State
from lmdecode.device.errors import joined
from lmdecode.device.v1.settings import RawOutcome
from lmdecode.render.sentence import PARTS_OF, REPEATED, summary, value_text, verb_and_object

if TYPE_CHECKING:
    from lmdecode.analysis.replay import Comparison, Step, Verdict
    from lmdecode.device.discovery import Found
    from lmdecode.device.v1.scan import ScanSummary

S = TypeVar("S")

_LONGEST: Final = 200  # characters of a text of strangers
_NOT_KNOWN: Final = "not known"
_WORST_FIRST: Final = (State.UNKNOWN, State.NOT_TAKEN, State.NOT_SENT, State.DONE, State.UNCHANGED)
_WHAT_WIDTH: Final = 26


def print_found(machines: Sequence[tuple[Found, str | None]]) -> None:
    """Prints a table of the machines that were found.

    Args:
        machines: Each machine with its name in the configuration; None if it is not there.
    """
    from rich.table import Table
    from rich.text import Text

    from lmdecode.render.terminal import TerminalConsole

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for title in ("name", "generation", "address", "signal", "config"):
        table.add_column(title, overflow="fold", no_wrap=title in {"generation", "signal"})
    for each, known in machines:
        signal = "" if each.rssi is None else f"{each.rssi} dBm"
        cells = (
            _shortened(each.name) or "no name",
            each.generation or "?",
            _places(each),
            signal,
            _shortened(known or ""),
        )
        table.add_row(*map(Text, cells))
    TerminalConsole().print(table)


def _places(machine: Found) -> str:
    """Returns where a machine is, a line each: host and port, or a Bluetooth address."""
    if machine.bluetooth:
        return _shortened(machine.bluetooth)
    return "\n".join(_shortened(joined(each, machine.port)) for each in machine.addresses) or "did not tell"


def found_entry(machine: Found, known: str | None) -> dict[str, object]:
    """Returns a machine that was found, for JSON."""
    entry: dict[str, object] = {"name": machine.name, "generation": machine.generation or None}
    if machine.bluetooth:
        entry |= {"bluetooth": machine.bluetooth, "rssi": machine.rssi}
    else:
        entry |= {
            "host": machine.host,
            "addresses": list(machine.addresses),
            "port": machine.port,
            "properties": dict(machine.properties),
        }
    return entry | {"in_config": known is not None}


def _shortened(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def preview_lines(changes: Sequence[Change[S]], before: S) -> list[str]:
    """Returns a line for each change, with the old and the new value."""
    return [_preview_line(each, before) for each in changes]


def _preview_line(each: Change[S], before: S) -> str:
    if not each.is_shown:
        return f"{each.label}: {each.value}"
    if each.is_made(before):
        return f"{each.label}: already {_shown(each, each.expected)}"
    return f"{each.label}: {_shown(each, each.value_in(before))} → {_shown(each, each.expected)}"


def outcome_lines(outcome: Outcome) -> list[str]:
    """Returns a line for each change, with its result."""
    return [_result_line(result) for result in outcome.results]


def _result_line(result: ChangeResult) -> str:
    each = result.change
    name, new = each.label, _shown(each, each.expected)
    match result.state:
        case State.UNCHANGED:
            return f"{name}: already {new}; nothing was sent"
        case State.DONE if not each.is_shown:
            return f"{name} {each.value}: the machine said OK; there is nothing to be read back"
        case State.DONE:
            return f"{name}: {_shown(each, result.old)} → {_shown(each, result.found)}"
        case State.NOT_TAKEN:
            kept = f", the machine has {_shown(each, result.found)}" if each.is_shown else ""
            return f"{name}: {new} was not taken{kept}"
        case State.NOT_SENT:
            return f"{name}: {new} was not sent"
    had = "" if result.found is None else f"; read back, it had {_shown(each, result.found)}"
    return f"{name}: {new} was sent; whether the machine took it is not known{had}"


def _shown(each: Change[Any], value: Value | None) -> str:
    if value is None:
        return _NOT_KNOWN
    if isinstance(value, bool):
        return "on" if value else "off"
    return value_text(each.name, value)


def outcome_entry(outcome: Outcome) -> dict[str, object]:
    """Returns the outcome of a change of settings, for JSON."""
    states = [result.state for result in outcome.results]
    worst = next((state for state in _WORST_FIRST if state in states), State.DONE)
    entry: dict[str, object] = {
        "state": worst.value,
        "changes": [
            {
                "name": result.change.label,
                "old": result.old,
                "new": result.change.expected,
                "read_back": result.found,
                "unit": UNITS.get(result.change.name),
                "state": result.state.value,
            }
            for result in outcome.results
        ],
        "sent": list(outcome.texts),
    }
    return entry | ({"complaint": outcome.complaint} if outcome.complaint else {})


def bytes_line(address: int, old: bytes | None, new: bytes | None) -> str:
    """Returns a line for bytes that a raw write changes; None if they are not known."""
    before, after = (_NOT_KNOWN if data is None else data.hex(" ") for data in (old, new))
    return f"0x{address:04X}: {before} → {after}"


def raw_entry(outcome: RawOutcome, old: bytes | None) -> dict[str, object]:
    """Returns the outcome of a raw write, for JSON.

    Args:
        outcome: The outcome.
        old: The bytes before; None if they are not known.
    """
    request = outcome.request
    entry: dict[str, object] = {
        "address": request.address,
        "old": None if old is None else old.hex(),
        "new": None if request.data is None else request.data.hex(),
        "read_back": None if outcome.found is None else outcome.found.hex(),
        "state": outcome.state.value,
    }
    return entry | ({"complaint": outcome.complaint} if outcome.complaint else {})


_SHOWN_REGIONS: Final = 12
_REGION: Final = {Answer.SILENT: "silent", Answer.ECHO: "echo of the request"}


def scan_lines(path: Path, summary: ScanSummary) -> list[str]:
    """Returns the result of a scan: the regions that give no bytes, then a line of numbers."""
    regions = summary.regions
    lines = [
        f"0x{region.address:04X} to 0x{region.end - 1:04X}: {_REGION[region.answer]}"
        for region in regions[:_SHOWN_REGIONS]
    ]
    if len(regions) > _SHOWN_REGIONS:
        lines.append(f"and {len(regions) - _SHOWN_REGIONS} more regions that give nothing")
    lines.append(
        f"{path}: {summary.read:,} bytes read, {summary.silent:,} silent, {summary.echo:,} echoing; "
        f"largest piece {summary.largest_piece} bytes; {summary.requests:,} requests, {summary.seconds:.1f} s"
    )
    return lines


def scan_entry(path: Path, model: str | None, serial: str | None, summary: ScanSummary) -> dict[str, object]:
    """Returns the result of a scan, for JSON."""
    return {
        "file": str(path),
        "model": model,
        "serial": serial,
        "read": summary.read,
        "silent": summary.silent,
        "echo": summary.echo,
        "left": summary.left,
        "largest_piece": summary.largest_piece,
        "requests": summary.requests,
        "connections": summary.connections,
        "seconds": round(summary.seconds, 3),
    }


def heading(time_ns: int, request: Message, verdict: str) -> str:
    """Returns the line of a replayed request: when it was recorded, what it asks for, and the verdict.

    >>> from lmdecode.codec.v1.message import Kind
    >>> heading(0, Message(Kind.READ, 0x401C, 4), "same")[13:]
    'read temperatures          same'
    """
    verb, what = verb_and_object(Record(0, 0, "app", "", "", request.kind, "request", request.address, request.length))
    return f"{clock_text(time_ns)} {f'{verb} {what}':<{_WHAT_WIDTH}} {verdict}"


def write_line(request: Message, fields: Mapping[str, Value], warnings: Iterable[str]) -> str:
    """Returns the line of a write that is about to be sent: its values, and its warnings set off by `!`."""
    values = ", ".join(f"{name} {text}" for name, text in summary(fields)) or (request.data or b"").hex(" ")
    return "  ".join([f"0x{request.address:04X} {values}", *(f"! {warning}" for warning in warnings)])


def replay_lines(step: Step, found: Comparison, ignored: Container[str]) -> list[str]:
    """Returns the result of a replayed request: its heading, then a line for each change.

    Args:
        step: The request.
        found: How its answer compares with the recorded one.
        ignored: The names of the values that may differ; those share one line.
    """
    note = f" ({found.note})" if found.note else ""
    lines = [heading(step.time_ns, step.request, f"{found.verdict.value}{note}")]
    shown = set(_telling(change.name for change in found.changes))
    lines += [
        f"    {value_change_text(change.name, change.old, change.new)}"
        for change in found.changes
        if change.name in shown and change.name not in ignored
    ]
    lines += [f"    {byte_text(piece.address, piece.old, piece.new)}" for piece in found.unexplained]
    volatile = [change.name for change in found.changes if change.name in shown and change.name in ignored]
    return [*lines, f"    may differ: {', '.join(volatile)}"] if volatile else lines


def replay_summary(counts: Counter[Verdict], total: int) -> str:
    """Returns the line that sums a replay up; "" if no request was sent yet.

    Args:
        counts: The number of requests with each verdict.
        total: The number of requests in the capture.
    """
    if not counts:
        return ""
    from lmdecode.analysis.replay import Verdict

    texts = {verdict: verdict.value for verdict in Verdict} | {Verdict.VOLATILE: "different only in what may differ"}
    parts = [f"{counts[verdict]} {text}" for verdict, text in texts.items() if counts[verdict]]
    rest = total - counts.total()
    return f"{total} requests: {', '.join([*parts, *([f'{rest} not reached'] if rest else [])])}"


def replay_entry(step: Step, found: Comparison) -> dict[str, object]:
    """Returns the result of a replayed request, for JSON."""
    request = step.request
    entry: dict[str, object] = {
        "time": iso_time(step.time_ns),
        "kind": request.kind.value,
        "address": request.address,
        "length": request.length,
        "verdict": found.verdict.value,
        "changes": [
            {"name": change.name, "old": change.old, "new": change.new, "unit": UNITS.get(change.name)}
            for change in found.changes
        ],
        "unexplained": [
            {
                "address": piece.address,
                "old": _digits(piece.address, piece.old),
                "new": _digits(piece.address, piece.new),
            }
            for piece in found.unexplained
        ],
    }
    return entry | ({"note": found.note} if found.note else {})


def _telling(names: Iterable[str]) -> list[str]:
    """Returns the names that say it all: a time of day, without its hour and minute."""
    names = list(names)
    hidden = frozenset(REPEATED).union(*(PARTS_OF.get(name, ()) for name in names))
    return [name for name in names if name not in hidden] or names


def value_change_text(name: str, old: Value | None, new: Value | None) -> str:
    """Returns a line for a changed value.

    >>> value_change_text("coffee_temp", 95.6, 97)
    'coffee_temp 95.6 °C → 97 °C'
    >>> value_change_text("heating_state", ["pump_on", "heating_on"], ["heating_on", "coffee_heater_on"])
    'heating_state −pump_on +coffee_heater_on'
    """
    if isinstance(old, list) and isinstance(new, list):
        gone, come = ([each for each in one if each not in other] for one, other in ((old, new), (new, old)))
        return " ".join([name, *(f"−{each}" for each in gone), *(f"+{each}" for each in come)])
    before, after = ("no value" if value is None else value_text(name, value) for value in (old, new))
    return f"{name} {before} → {after}"


def byte_text(address: int, old: bytes, new: bytes) -> str:
    """Returns a line for changed bytes that have no name.

    >>> byte_text(0x4020, bytes(1), bytes([2]))
    '0x4020 00 → 02'
    """
    return f"0x{address:04X} {_digits(address, old, ' ')} → {_digits(address, new, ' ')}"


def _digits(address: int, data: bytes, between: str = "") -> str:
    pairs = (MASK if touches_secret(address + index, 1) else f"{byte:02x}" for index, byte in enumerate(data))
    return between.join(pairs)
