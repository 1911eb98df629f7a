"""What is not the same in two memories: a table for people, JSON Lines for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import orjson
from rich.console import Console
from rich.text import Text

from lmdecode.analysis.changes import Difference
from lmdecode.analysis.times import clock_text
from lmdecode.codec.record import MASK
from lmdecode.codec.v1.memory import Region
from lmdecode.codec.v1.window import place_of, places_of
from lmdecode.render.changes import cause_text, change_text, difference_dict, hex_text, place_text

_NAME_WIDTH = 22
_INDENT = len("0x0000 ") + _NAME_WIDTH + 1
_NAMES_SHOWN = 3

Run = tuple[int, bytes]


def print_differences(found: Iterable[Difference], console: Console, *, show_secrets: bool = False) -> None:
    """What both memories know, a row each: where, which register, from what to what, and what went on before."""
    for each in found:
        row = Text(overflow="ignore", no_wrap=True)
        row.append(f"0x{each.place.address:04X} ", "dim")
        name = place_text(each.place).removesuffix(f" 0x{each.place.address:04X}")
        row.append(f"{name:<{_NAME_WIDTH}} ", "cyan" if each.place.known else "bold")
        row.append(change_text(each.place, each.old, each.new, show_secrets=show_secrets), "bold")
        if each.change is not None:
            note = ", ".join(filter(None, (clock_text(each.change.time_ns)[:-4], cause_text(each.change))))
            if row.cell_len + 2 + len(note) <= console.width:
                row.append(f"  {note}", "dim")
            else:
                for line in Text(note).wrap(console, max(console.width - _INDENT, 24)):
                    row.append(f"\n{' ' * _INDENT}{line.plain.rstrip()}", "dim")
        console.print(row, soft_wrap=True)


def print_one_sided(title: str, runs: Iterable[Run], console: Console, *, show_secrets: bool = False) -> None:
    """The bytes that only one memory knows, a row for each run of them."""
    pieces = [piece for run in runs for piece in _apart(run, show_secrets=show_secrets)]
    if not pieces:
        return
    count = sum(length for _, length, _ in pieces)
    console.print(Text(f"\n{title}: {count:,} byte{'' if count == 1 else 's'}", "bold"))
    for address, length, data in pieces:
        where = f"0x{address:04X}" if length == 1 else f"0x{address:04X} to 0x{address + length - 1:04X}"
        row = Text.assemble((f"{where:<17} ", "dim"), MASK if data is None else hex_text(data))
        names = _names(address, length)
        row.append(f"  {names}", "cyan")
        console.print(row, soft_wrap=True)


def print_regions(title: str, regions: Iterable[Region], console: Console) -> None:
    """Where reads give no bytes in one memory, but not in the other."""
    for region in regions:
        what = "are not answered" if region.answer == "silent" else "are echoed"
        console.print(Text(f"{title}: reads of 0x{region.address:04X} to 0x{region.end - 1:04X} {what}"))


def difference_lines(
    changed: Iterable[Difference],
    one_sided: Iterable[tuple[str, Iterable[Run]]],
    regions: Iterable[tuple[str, Iterable[Region]]],
    *,
    show_secrets: bool = False,
) -> Iterator[str]:
    """Lines of JSON; `what` is changed, only_old, only_new, region_only_old or region_only_new."""
    for each in changed:
        yield _line({"what": "changed", **difference_dict(each, show_secrets=show_secrets)})
    for what, runs in one_sided:
        for run in runs:
            for address, length, data in _apart(run, show_secrets=show_secrets):
                names = [place.name for place in places_of(range(address, address + length)) if place.name]
                digits = MASK * length if data is None else data.hex()
                yield _line({"what": what, "address": address, "length": length, "data": digits, "names": names})
    for what, some in regions:
        for region in some:
            yield _line(
                {"what": what, "address": region.address, "length": region.length, "answer": region.answer.value}
            )


def _apart(run: Run, *, show_secrets: bool) -> Iterator[tuple[int, int, bytes | None]]:
    """A run in pieces, those that are secret without their bytes: address, length, bytes."""
    start, data = run
    for hidden, piece in groupby(
        range(start, start + len(data)), key=lambda address: place_of(address).secret and not show_secrets
    ):
        addresses = list(piece)
        content = data[addresses[0] - start : addresses[-1] + 1 - start]
        yield addresses[0], len(addresses), None if hidden else content


def _names(address: int, length: int) -> str:
    names = [place.name or ("secret" if place.secret else "") for place in places_of(range(address, address + length))]
    names = list(dict.fromkeys(filter(None, names)))
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _line(content: dict[str, object]) -> str:
    return f"{orjson.dumps(content).decode()}\n"
