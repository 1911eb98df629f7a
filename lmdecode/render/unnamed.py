"""The names without a field, as rows for people and as JSON Lines for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import orjson
from rich.text import Text

from lmdecode.analysis.unnamed import Unnamed, UnnamedValues, by_generation
from lmdecode.codec.printable import encodable, printable
from lmdecode.codec.record import iso_time
from lmdecode.render.counts import count_text
from lmdecode.render.terminal import TerminalConsole

SPOKEN: Final = {
    "v3": "gateway v3",
    "bluetooth": "Bluetooth",
    "cloud1": "the older cloud",
    "lion": "the cloud",
}
"""By protocol: its name in a sentence."""
_EXAMPLES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class NamesOfMachine:
    """What one machine, and the cloud about it, said under names that make no field."""

    machine: str
    model: str | None
    firmware: str | None
    captures: tuple[str, ...]
    unnamed: UnnamedValues


def print_names(found: NamesOfMachine, console: TerminalConsole) -> None:
    """Prints the names by protocol, each with its first values; then the known lists in one line."""
    who = ", ".join(filter(None, (found.machine, found.model, found.firmware and f"firmware {found.firmware}")))
    console.print(Text(printable(f"{who}: {', '.join(found.captures)}"), "bold"), soft_wrap=True)
    if not len(found.unnamed):
        console.print_paragraph(Text("every name that was said makes a field"))
        return
    for generation, names in by_generation(found.unnamed).items():
        new = [each for each in names if not each.is_list]
        console.print(
            Text(f"\n{SPOKEN.get(generation, generation)}: {count_text(len(new), 'name')} without a meaning", "bold")
        )
        for each in new:
            _print_name(each, console)
        if len(new) < len(names):
            lists = ", ".join(printable(each.path) for each in names if each.is_list)
            console.print_paragraph(Text(f"known lists, which no field could hold: {lists}", "dim"))


def _print_name(each: Unnamed, console: TerminalConsole) -> None:
    times = f"seen {count_text(each.count, 'time')}"
    changed = f", changed {count_text(each.changes, 'time')}" if each.changes else ""
    head = Text.assemble((printable(each.path), "bold"), (f"  {times}{changed}", "dim"))
    console.print(head, soft_wrap=True)
    for example in each.examples[:_EXAMPLES_SHOWN]:
        room = max(console.width - 4, 20)
        text = printable(example)
        console.print(Text(f"    {text if len(text) <= room else f'{text[: room - 1]}…'}"), soft_wrap=True)
    if len(each.examples) > _EXAMPLES_SHOWN:
        console.print(Text("    …", "dim"))


def name_lines(found: NamesOfMachine) -> Iterator[str]:
    """Yields a line of JSON for each name."""
    for each in found.unnamed:
        line = {
            "machine": found.machine,
            "model": found.model,
            "firmware": found.firmware,
            "captures": [encodable(name) for name in found.captures],
            "generation": each.generation,
            "name": each.path,
            "known_list": each.is_list,
            "seen": each.count,
            "changes": each.changes,
            "first": iso_time(each.first_ns),
            "last": iso_time(each.last_ns),
            "values": each.examples,
            "subjects": each.subjects,
        }
        yield f"{orjson.dumps(line).decode()}\n"
