"""What is asked of captures: with which keys, on which ports, of which machine, in which time, on which conditions.

Every command that reads captures takes the same options for it and hands them on as one `Asked`. What they mean is here
alone, so that they mean the same everywhere, and the next command has all of them by taking an `Asked`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from lmdecode.app.errors import UsageError
from lmdecode.codec.dialect import MachineKey, OwnerAccess
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers
from lmdecode.config.keys import NoKeyError, find_keys

if TYPE_CHECKING:
    from lmdecode.analysis.machines import MachineNames
    from lmdecode.app.decode import Outcome
    from lmdecode.config.known import KnownMachines


_LONGEST_MAP: Final = 1 << 20  # bytes; a device has some hundred handles


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for, as plain texts and numbers, so that a worker process can be given it."""

    keys: tuple[str, ...] = field(default=(), repr=False)
    config: Path | None = None
    show_secrets: bool = False
    port: int | None = None
    """The only TCP port to look at; None for those of all known protocols and those in the configuration."""
    where: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    machine: str | None = None
    """A name, a serial number or an address of a machine; `*` is a wildcard. None for all machines."""
    start: str | None = None
    """The time from which on, as the user wrote it."""
    end: str | None = None
    """The time up to which, as the user wrote it."""
    join: bool = False
    """Whether the captures are pieces of one."""
    handles: str | None = None
    """The Bluetooth handles that the user knows: pairs as `0a0b=0x29`, or the name of a file of them."""
    machine_option: str = "--machine"
    """The option that named the machine, for messages."""

    @property
    def chooses(self) -> bool:
        """Whether it is about some of the messages only."""
        return bool(self.where or self.fields or self.machine is not None or self.timed)

    @property
    def timed(self) -> bool:
        """Whether it is about some time only."""
        return self.start is not None or self.end is not None

    def as_options(self) -> str:
        """Returns what chooses messages as the user wrote it: "--machine kitchen --where kind=write"."""
        named = [(self.machine_option, self.machine), *(("--where", each) for each in self.where)]
        named += [("--fields", ",".join(self.fields) or None), ("--from", self.start), ("--to", self.end)]
        return " ".join(f"{option} {text}" for option, text in named if text is not None)

    def check_times(self) -> None:
        """Checks that the times are a range.

        Raises:
            UsageError: A time cannot be understood, or the range ends before it begins.
        """
        _times(self)

    def refuse_what_needs_a_key(self) -> None:
        """Checks that no condition is about what only a key shows.

        Raises:
            UsageError: One is.
        """
        if not self.where:
            return
        from lmdecode.analysis.filters import needs_a_key

        for text in self.where:
            if word := needs_a_key(text):
                raise UsageError(
                    f"--where {text[:60]}: without the key nobody knows the {word} of a message; what is known is "
                    "sender, stream, source, destination, machine, capture, time and problems"
                )

    def opened(self) -> Opened:
        """Returns the dialects with the user's keys in them. Without a key, v1 raises `NoKeyError` when it needs one.

        Raises:
            MissingKeyError, ConfigError: A key that the user gave cannot be used.
            UsageError: The handles cannot be understood, or their file cannot be read.
        """
        missing = None
        keys: list[MachineKey] = []
        origin = ""
        try:
            keys, origin = find_keys(self.keys, self.config)
        except NoKeyError as error:
            missing = error
        opened = Opened(keys, origin, self.config)
        access = OwnerAccess(keys, self.show_secrets, origin, missing, known_handles(self.handles))
        return opened.reading(Speakers.open(access, self.port, () if self.port else opened.known.ports))

    def opened_without_keys(self, origin: str = "") -> Opened:
        """Returns the dialects for frames that are not to be decrypted.

        Args:
            origin: Where keys are from that the user has.

        Raises:
            ConfigError: The configuration that the user named cannot be used.
        """
        opened = Opened((), origin, self.config)
        access = OwnerAccess((), self.show_secrets, origin, handles=known_handles(self.handles))
        return opened.reading(Speakers.open(access, self.port, () if self.port else opened.known.ports))


def known_handles(given: str | None) -> dict[int, str]:
    """Returns the Bluetooth handles that a user gave: none, pairs, or a file of pairs.

    Raises:
        UsageError: They cannot be understood, or the file cannot be read.
    """
    if given is None:
        return {}
    from lmdecode.codec.bluetooth.handles import HandlesError, parse_handles

    text, where = given, "--handles"
    if "=" not in given and ":" not in given:
        where = f"--handles {given}"
        try:
            text = Path(given).read_bytes()[:_LONGEST_MAP].decode("utf-8", "replace")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(
                f"{where} cannot be read ({reason}): give pairs, 0a0b=0x29,0b0b=0x2b, or a file of them"
            ) from None
    try:
        return parse_handles(text)
    except HandlesError as error:
        raise UsageError(f"{where}: {error}") from None


class Opened:
    """What captures are read with: the dialects with the user's keys in them, and the machines that are known.

    Args:
        keys: The machines' keys.
        origin: Where the keys are from.
        config: The configuration that the user named.
    """

    speakers: Speakers

    def __init__(self, keys: Sequence[MachineKey] = (), origin: str = "", config: Path | None = None) -> None:
        self.keys = keys
        self.origin = origin
        self._config = config

    def reading(self, speakers: Speakers) -> Self:
        """Returns itself, with its dialects."""
        self.speakers = speakers
        return self

    @cached_property
    def known(self) -> KnownMachines:
        """What the configuration says of the machines. It is read when it is first asked for.

        Raises:
            ConfigError: The configuration that the user named cannot be used.
        """
        from lmdecode.config.known import known_machines

        return known_machines(self._config)

    def names(self) -> MachineNames:
        """Returns what tells the names of the machines of one reading."""
        from lmdecode.analysis.machines import MachineNames

        return MachineNames(self.keys, self.known)


class Choice:
    """Chooses records of one reading, and counts them in its outcome.

    Args:
        asked: What is asked for.
        opened: What the captures are read with.
        outcome: Takes the counts, the machines and the times.
        every_time: Whether to let records of all times pass. Then `is_asked` says which times were asked for: of a
            state one must know what came before.
    """

    def __init__(self, asked: Asked, opened: Opened, outcome: Outcome, *, every_time: bool = False) -> None:
        self._asked = asked
        self._outcome = outcome
        self._opened = opened
        self._every_time = every_time
        self._is_asked = _times(asked)

    def is_asked(self, time_ns: int) -> bool:
        """Returns whether a time was asked for."""
        return self._is_asked is None or self._is_asked(time_ns)

    def of(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yields those of the records that were asked for."""
        if not self._asked.chooses:
            yield from records
            return
        names = self._opened.names()
        chosen = self._counted(records, names)
        if self._asked.where:
            from lmdecode.analysis.filters import parse_all

            chosen = filter(parse_all(self._asked.where, machines=names.of), chosen)
        if self._asked.fields:
            from lmdecode.analysis.columns import Selection

            chosen = filter(None, map(Selection(self._asked.fields).apply, chosen))
        for record in chosen:
            self._outcome.shown += not self._every_time or self.is_asked(record.time_ns)
            yield record

    def _counted(self, records: Iterable[Record], machines: MachineNames) -> Iterator[Record]:
        """Yields the records of the machine and the time, and notes what there is at all."""
        from lmdecode.analysis.machines import is_named

        outcome, machine = self._outcome, self._asked.machine
        passes: dict[tuple[str, ...], bool] = {}
        for record in records:
            time_ns = record.time_ns
            outcome.first_ns = time_ns if outcome.first_ns is None else min(outcome.first_ns, time_ns)
            outcome.last_ns = max(outcome.last_ns, time_ns)
            is_in_time = self._is_asked is None or self._is_asked(time_ns)  # the first is to be seen in any case
            names = machines.of(record)
            said = None if record.generation == "v1" else record.machine  # a cloud's connection has many machines
            outcome.machines[record.connection, said] = names
            if machine is not None:
                passing = passes.get(names)
                if passing is None:
                    passing = passes[names] = is_named(names, machine)
                if not passing:
                    continue
            if is_in_time or self._every_time:
                yield record


def _times(asked: Asked) -> Callable[[int], bool] | None:
    if not asked.timed:
        return None
    from lmdecode.analysis.typed_times import TimeError, time_range

    try:
        return time_range(asked.start, asked.end)
    except TimeError as error:
        raise UsageError(str(error)) from None


def no_such_machine(asked: Asked, outcomes: Iterable[Outcome]) -> UsageError | None:
    """Returns the error of a machine that was named and is not in what was read; None if there is none.

    Args:
        asked: What was asked for.
        outcomes: What came of the captures.
    """
    outcomes = list(outcomes)
    found = [names for outcome in outcomes for names in outcome.machines.values()]
    return fits_no_machine(asked, found, [outcome.name for outcome in outcomes]) if found else None


def fits_no_machine(asked: Asked, found: Sequence[Sequence[str]], captures: Sequence[str]) -> UsageError | None:
    """Returns the error of a machine that was named and is none of some; None if each that was named is.

    Args:
        asked: What was asked for.
        found: All names of each machine.
        captures: The names of what was read.
    """
    from lmdecode.analysis.filters import machines_named
    from lmdecode.analysis.machines import is_named, label_of

    wanted = [(f"{asked.machine_option} ", [asked.machine])] if asked.machine is not None else []
    wanted += [("--where machine=", named) for each in asked.where if (named := machines_named(each))]
    for option, patterns in wanted:
        if not any(is_named(names, pattern) for names in found for pattern in patterns):
            there = ", ".join(sorted({label_of(names) for names in found}))
            what = ("{} has", "{} have", "the captures have")[min(len(captures), 3) - 1].format(" and ".join(captures))
            return UsageError(f"{option}{','.join(patterns)[:60]}: {what} {there}")
    return None


def none_chosen(asked: Asked, outcomes: Sequence[Outcome]) -> str:
    """Returns that no message was what was asked for; "" if one was, or if there is none anyway.

    Args:
        asked: What was asked for.
        outcomes: What came of the captures.
    """
    if not asked.chooses or any(outcome.shown for outcome in outcomes):
        return ""
    from lmdecode.app.decode import counted
    from lmdecode.render.counts import count_text

    tally = counted(outcomes)
    if not tally.frames:
        return ""
    what = count_text(tally.messages, "message") if tally.messages else count_text(tally.frames, "frame")

    when = ""
    firsts = [outcome.first_ns for outcome in outcomes if outcome.first_ns is not None]
    if firsts and (clocks := _clocks(asked)):
        from lmdecode.analysis.times import between_text

        when = f"; they are from {between_text(min(firsts), max(outcome.last_ns for outcome in outcomes), clocks[0])}"
    return f"none of {what} fits {asked.as_options()}{when}"


def _clocks(asked: Asked) -> list[tzinfo | None]:
    """Returns the zones of the times that were asked for."""
    if not (asked.timed or asked.where):
        return []
    from lmdecode.analysis.filters import clocks_of
    from lmdecode.analysis.typed_times import clock_of

    clocks = [clock_of(each) for each in (asked.start, asked.end) if each is not None]
    return clocks + [clock for each in asked.where for clock in clocks_of(each)]
