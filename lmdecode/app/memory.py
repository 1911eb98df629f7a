"""Questions about the memory in captures and images: its contents, changes, differences and unknown bytes.

Each question takes what `MemorySources` has read and gives a result that only has to be shown. The commands `memory`,
`changes`, `diff` and `unknowns` show them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lmdecode.analysis.changes import (
    ChangeRun,
    Differences,
    ObservedChange,
    differences,
    grouped,
    names_of,
    ticks,
    with_changes,
)
from lmdecode.analysis.name_changes import NamedRun, grouped_names, model_in
from lmdecode.analysis.times import iso_text, time_text
from lmdecode.analysis.unknowns import Unknowns, find_unknowns
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.memory_sources import MachineHistory
from lmdecode.codec.record import iso_time
from lmdecode.codec.v1.image import MemoryImage, image_text
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.window import span_of, unexplained_bits
from lmdecode.render.counts import count_text
from lmdecode.render.memory_dump import Dump
from lmdecode.render.unknowns import UnknownsOfMachine
from lmdecode.render.unnamed import NamesOfMachine

EVERYTHING = range(ADDRESS_SPACE)
"""All addresses."""


# What is in a memory.


@dataclass(frozen=True, slots=True)
class MemoryView:
    """Some addresses of a memory at one moment."""

    source: MachineHistory
    whole: Memory
    """The whole memory at that moment."""
    addresses: range
    time_ns: int | None
    """The moment: nanoseconds since 1970; None for an image."""

    @property
    def memory(self) -> Memory:
        """What is known of the addresses."""
        return self.whole.part(self.addresses)

    @property
    def changed(self) -> dict[int, int]:
        """By address, when a byte last changed."""
        if self.source.history is None:
            return {}
        changed = self.source.history.last_changes(self.time_ns)
        asked = self.source.is_asked
        return {
            address: time_ns
            for address, time_ns in changed.items()
            if address in self.addresses and (asked is None or asked(time_ns))
        }

    @property
    def title(self) -> str:
        """The machine and the moment, in words."""
        source, image = self.source, self.source.image
        if self.time_ns is None:
            return ", ".join(filter(None, (str(source.path), source.who, iso_text(image.made or ""), image.source)))
        return f"{source.who}, as of {time_text(self.time_ns)}"

    def dump(self, *, show_secrets: bool) -> Dump:
        """Returns the view as what a hexdump shows."""
        history = self.source.history
        return Dump(
            memory=self.whole,
            addresses=self.addresses,
            masked=frozenset() if history is None else history.masked(self.time_ns),
            changed=self.changed,
            show_secrets=show_secrets,
        )

    def as_image(self, *, show_secrets: bool) -> str:
        """Returns the text of a memory image of the addresses. Of a capture it has the times of the last changes."""
        source = self.source
        image = MemoryImage(self.memory, source.image.model, source.image.made, source.image.source)
        also = {}
        if self.time_ns is not None:
            image.made = iso_time(self.time_ns)
            image.source = ", ".join(filter(None, (source.image.source, source.machine)))
            also["changed"] = [
                {"address": f"0x{address:04X}", "time": iso_time(time_ns)}
                for address, time_ns in sorted(self.changed.items())
                if show_secrets or not span_of(address).secret
            ]
        return image_text(image, show_secrets=show_secrets, also=also)

    def as_bytes(self, *, fill: int, show_secrets: bool) -> bytes:
        """Returns one byte for each address; `fill` for those that are not known, or secret."""
        content = bytearray([fill]) * len(self.addresses)
        for start, data in self.memory.runs():
            for address, byte in enumerate(data, start):
                if show_secrets or not span_of(address).secret:
                    content[address - self.addresses.start] = byte
        return bytes(content)


def view(source: MachineHistory, *, at: str | None, addresses: range | None) -> MemoryView:
    """Returns some of a memory at a moment.

    Args:
        source: The memory.
        at: The moment as the user wrote it; None for the last message of a capture that was asked for.
        addresses: The addresses; None for all.

    Raises:
        UsageError: The moment is not a time, or not in the capture.
    """
    time_ns = None
    if at is not None:
        time_ns = source.moment(at, "--at").end - 1
    elif source.history is not None:
        time_ns = source.last_ns
    return MemoryView(source, source.at(time_ns), EVERYTHING if addresses is None else addresses, time_ns)


# What changed in it.


@dataclass(frozen=True, slots=True)
class ChangeList:
    """The changes of a memory that were asked for."""

    source: MachineHistory
    runs: Sequence[ChangeRun | NamedRun]
    """The changes, those of a number that keeps moving together."""
    count: int
    """How many changes that are."""
    left_out: Counter[str]
    """How many changes of registers that tick were left out, by the register's name."""

    @property
    def summary(self) -> list[str]:
        """What was found and what was left out, in lines."""
        first = f"{self.source.who or self.source.path}: {count_text(self.count, 'change')}"
        if len(self.runs) != self.count:
            first += f" in {count_text(len(self.runs), 'line')} (--all: each in its own)"
        return [first] + [
            f"left out: {count_text(count, 'change')} of {name}, which ticks (--all shows them)"
            for name, count in self.left_out.items()
        ]


def list_changes(
    source: MachineHistory,
    *,
    fields: Iterable[str] = (),
    addresses: range | None = None,
    unknown: bool = False,
    everything: bool = False,
) -> ChangeList:
    """Returns the changes of a memory over a capture, in the time that was asked for.

    Args:
        source: The memory.
        fields: Only changes of these names; empty for all.
        addresses: Only changes of these bytes; None for all.
        unknown: Only changes of bytes that no register explains.
        everything: Whether each single change counts, and that of the machine's clock too.
    """
    names = frozenset(fields)
    passes = _choice(names, addresses, unknown=unknown)
    asked = source.is_asked
    found = [
        change
        for change in (source.history.changes if source.history is not None else ())
        if (asked is None or asked(change.time_ns)) and passes(change)
    ]
    left_out: Counter[str] = Counter()
    if not everything and not names:
        left_out.update(change.place.name or "" for change in found if ticks(change.place))
        found = [change for change in found if not ticks(change.place)]
    runs: list[ChangeRun | NamedRun] = [*([ChangeRun(each, each) for each in found] if everything else grouped(found))]
    named = [
        change
        for change in (() if addresses is not None else source.names.changes)
        if (asked is None or asked(change.time_ns))
        and not (unknown and change.is_field)
        and (not names or change.name in names)
    ]
    if not everything and not names:
        left_out.update(change.name for change in named if change.ticks)
        named = [change for change in named if not change.ticks]
    if named:
        runs += [NamedRun(each, each) for each in named] if everything else grouped_names(named)
        runs.sort(key=lambda run: run.first.time_ns)
    return ChangeList(source, runs, len(found) + len(named), left_out)


def _choice(names: frozenset[str], addresses: range | None, *, unknown: bool) -> Callable[[ObservedChange], bool]:
    """Returns the function that says whether a change was asked for."""

    def passes(change: ObservedChange) -> bool:
        changed = [
            (address, old ^ new)
            for address, (old, new) in enumerate(zip(change.old, change.new, strict=True), change.place.address)
            if old != new
        ]
        if addresses is not None and not any(address in addresses for address, _ in changed):
            return False
        if unknown and not any(unexplained_bits(address) & bits for address, bits in changed):
            return False
        return not names or not names.isdisjoint(names_of(change))

    return passes


# What differs between two.


@dataclass(frozen=True, slots=True)
class MemoryComparison:
    """Two memories, and what differs between them."""

    old: Memory
    new: Memory
    old_title: str
    new_title: str
    found: Differences
    """What differs, each difference with how it came about."""
    later: frozenset[int] = frozenset()
    """The addresses of bytes of the old side that were first seen after the time that was asked for."""

    @property
    def summary(self) -> str:
        """How much differs, in one line."""
        old, new = self.old, self.new
        both = sum(new.knows(address) for run, data in old.runs() for address in range(run, run + len(data)))
        parts = [f"{count_text(len(self.found.changed), 'difference')} in {both:,} bytes that both know"]
        for runs, side in ((self.found.only_old, "A"), (self.found.only_new, "B")):
            count = sum(len(data) for _, data in runs)
            if count:
                parts.append(f"{count:,} only in {side}")
        later = sum(map(old.knows, self.later))
        if later:
            parts.append(f"{later:,} first seen after --from, and taken to have been so before")
        return ", ".join(parts)


def compare(
    sources: Sequence[MachineHistory], *, from_: str | None, to: str | None, addresses: range | None
) -> MemoryComparison:
    """Returns what differs between two memories, or between two moments of one capture.

    Args:
        sources: One or two memories.
        from_: The moment before which the first counts; None for its end, or with one capture for its beginning.
        to: The moment after which the second counts; None for its end.
        addresses: The addresses; None for all.

    Raises:
        UsageError: A moment is not a time or not in the capture, or there is one image and nothing to compare it with.
    """
    chosen = EVERYTHING if addresses is None else addresses
    if len(sources) == 2:
        return _compare_two(sources[0], sources[1], from_, to, chosen)
    return _compare_moments(sources[0], from_, to, chosen)


def _compare_two(
    one: MachineHistory, other: MachineHistory, from_: str | None, to: str | None, addresses: range
) -> MemoryComparison:
    start = None if from_ is None else one.moment(from_, "--from").start - 1
    end = None if to is None else other.moment(to, "--to").end - 1
    changes = other.history.changes if other.history is not None else []
    old, new = one.at(start).part(addresses), other.at(end).part(addresses)
    return MemoryComparison(
        old,
        new,
        one.title(start) if start is None else one.title(start + 1, "before"),
        other.title(end),
        with_changes(differences(old, new), [each for each in changes if end is None or each.time_ns <= end]),
    )


def _compare_moments(source: MachineHistory, from_: str | None, to: str | None, addresses: range) -> MemoryComparison:
    history = source.history
    if history is None or history.first_ns is None:
        raise UsageError(f"{source.path} is a memory image, which has one moment only: name two files to compare")
    start = history.first_ns - 1 if from_ is None else source.moment(from_, "--from").start - 1
    end = source.span[1] if to is None else source.moment(to, "--to").end - 1
    if end <= start:
        raise UsageError(f"--to {to} is before --from {from_}")
    before, later = history.since(start, end)
    old, new = before.part(addresses), history.at(end).part(addresses)
    return MemoryComparison(
        old,
        new,
        source.title(start + 1, "before"),
        source.title(end),
        with_changes(differences(old, new), [each for each in history.changes if start < each.time_ns <= end]),
        frozenset(later if from_ else ()),
    )


# What nobody knows in them.


def unknowns_of(
    sources: Iterable[MachineHistory], *, addresses: range | None, within: float, fewest: int
) -> list[UnknownsOfMachine]:
    """Returns the bytes that no register explains, for each machine and firmware.

    Args:
        sources: Captures; those of one machine with one firmware are put together.
        addresses: The addresses; None for all.
        within: Seconds within which changes count as together.
        fewest: The changes that a byte must have for a hint.

    Raises:
        CommandError: Two captures are of the same machine and time.
    """
    return [
        UnknownsOfMachine(
            group[0].machine or "",
            group[0].image.model,
            group[0].firmware,
            tuple(name for each in group for name in each.files),
            _unknowns(group, EVERYTHING if addresses is None else addresses, within, fewest),
            within,
            fewest,
        )
        for group in _by_machine(sources)
    ]


def names_of_machines(sources: Iterable[MachineHistory]) -> list[NamesOfMachine]:
    """Returns, for each machine that speaks of names, those that make no field."""
    return [
        NamesOfMachine(
            each.machine or "", model_in(each.names.values) or each.image.model, each.firmware, each.files, each.unnamed
        )
        for each in sources
        if not each.names.empty or len(each.unnamed)
    ]


def _unknowns(group: Sequence[MachineHistory], addresses: range, within: float, fewest: int) -> Unknowns:
    histories = [each.history for each in group if each.history is not None]
    return find_unknowns(histories, within=within, fewest=fewest, addresses=addresses)


def _by_machine(sources: Iterable[MachineHistory]) -> list[list[MachineHistory]]:
    """Returns the captures of one machine with one firmware together, in the order of time."""
    groups: dict[tuple[object, ...], list[MachineHistory]] = {}
    for each in sources:
        if each.history is None or each.history.empty:
            continue  # it speaks of names, and not of bytes
        groups.setdefault((each.machine, each.image.model, each.firmware), []).append(each)
    for group in groups.values():
        group.sort(key=lambda each: each.begins)
        for one, other in pairwise(group):
            if one.history is not None and other.begins <= one.history.last_ns:
                raise _same_time(one.path, other.path)
    return list(groups.values())


def _same_time(one: str, other: str) -> CommandError:
    return CommandError(
        f"{one} and {other} cover the same machine and time, and changes in both would count twice: give one of them"
    )
