"""Reads the machines' memory from captures and memory images."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lmdecode.analysis.machines import is_named
from lmdecode.analysis.memory_history import History
from lmdecode.analysis.name_changes import NameHistory, model_in
from lmdecode.analysis.serials import SerialNumbers, is_account
from lmdecode.analysis.times import clock_text, iso_text, local_time, zone_name
from lmdecode.analysis.typed_times import Span, TimeError, moment
from lmdecode.analysis.unnamed import UnnamedValues
from lmdecode.app.asked import Asked
from lmdecode.app.captures import Captures
from lmdecode.app.decode import Progress, no_progress
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.files import expanded, load_image, looks_like_image, refuse_to_overwrite
from lmdecode.codec.record import Record
from lmdecode.codec.v1.image import MemoryImage
from lmdecode.codec.v1.memory import Memory, NamedMemory, model_of
from lmdecode.render.unnamed import SPOKEN


class NothingChosenError(CommandError):
    """No message is what was asked for. Its text is empty, as a note says it."""


@dataclass(slots=True)
class MachineHistory:
    """One machine's memory, as a capture or a memory image has it."""

    path: str
    """The name of the file, or of several."""
    machine: str | None = None
    """The machine's name or its address; None for an image."""
    history: History | None = None
    """None for an image."""
    image: MemoryImage = field(default_factory=MemoryImage)
    """The image; of a capture, the memory at its end."""
    last: Record | None = None
    """The last record that was asked for; None for an image."""
    last_ns: int = 0
    """Its time; of one that is late, that of the one before it. Nanoseconds since 1970; 0 for an image."""
    files: tuple[str, ...] = ()
    """The names of the captures that it was read from."""
    span: tuple[int, int] = (0, 0)
    """When the captures begin and end, whichever machine speaks; nanoseconds since 1970; zeros for an image."""
    names: NameHistory = field(default_factory=NameHistory)
    """The values of messages that have names and no addresses."""
    unnamed: UnnamedValues = field(default_factory=UnnamedValues)
    """What is in such messages under names that nobody knows."""
    is_asked: Callable[[int], bool] | None = None
    """Returns whether a time was asked for, in nanoseconds since 1970; None if all are."""

    @property
    def firmware(self) -> str | None:
        """The version of the machine's firmware; None if its memory does not say."""
        firmware = NamedMemory(self.image.memory).get("firmware_ver") or self.names.values.get("firmware_ver")
        return firmware if isinstance(firmware, str) else None

    @property
    def begins(self) -> int:
        """When the first record was captured: nanoseconds since 1970; 0 for an image."""
        first = [] if self.history is None else [self.history.first_ns, self.names.first_ns]
        return min((time_ns for time_ns in first if time_ns is not None), default=0)

    @property
    def who(self) -> str:
        """The machine in words, as far as its memory says: "GS3 AV, firmware 1.40"."""
        parts = [
            self.machine,
            self.image.model or model_in(self.names.values),
            None if self.firmware is None else f"firmware {self.firmware}",
        ]
        return ", ".join(part for part in parts if part)

    def title(self, time_ns: int | None, word: str = "as of") -> str:
        """Returns the file, the machine and a time in one line.

        Args:
            time_ns: The time, which an image does not have; None for the end of the capture.
            word: Stands before the time.
        """
        if self.history is None:
            when = iso_text(self.image.made or "")
        else:
            moment_ns = self.history.last_ns if time_ns is None else time_ns
            local = local_time(moment_ns)
            when = f"{word} {local:%Y-%m-%d} {clock_text(moment_ns)} {zone_name(local)}"
        return ", ".join(filter(None, (str(self.path), self.who, when)))

    def at(self, time_ns: int | None) -> Memory:
        """Returns the memory at a time of the capture, at its end for None; the memory of an image."""
        return self.image.memory if self.history is None else self.history.at(time_ns)

    def moment(self, text: str, option: str) -> Span:
        """Returns a time in the capture, as the user wrote it.

        Args:
            text: The time.
            option: The option that it was given with, for messages.

        Raises:
            UsageError: It is not a time, or not in the capture, or this is an image.
        """
        if self.history is None or self.history.first_ns is None:
            raise UsageError(f"{option}: {self.path} is a memory image, which has one moment only: leave it out")
        try:
            return moment(text, *self.span)
        except TimeError as error:
            why = str(error).replace(" in it: it is ", f" in {self.path}, which is ")
            raise UsageError(f"{option} {why}") from None


@dataclass(slots=True)
class MemorySources:
    """Reads captures and images, and collects what there is to say about them. Keys are needed for captures only.

    Args:
        asked: What is asked of the captures.
        output: The file that will be written; it must not be one of those that are read.
        progress: Opens a progress bar.
    """

    asked: Asked
    output: Path | None = None
    progress: Progress = no_progress
    notes: list[str] = field(default_factory=list)
    """What is good to know, one line each."""
    complaints: list[str] = field(default_factory=list)
    """What is wrong with a capture, one line each."""

    def one(self, paths: Sequence[Path], *, with_names: bool = False) -> MachineHistory:
        """Returns the memory of one machine over some captures, or that of an image.

        Where the captures have several machines and none is asked for, it is the one that the configuration names as
        the default.

        Args:
            paths: The captures.
            with_names: Whether a machine counts of which there are only messages without addresses.

        Raises:
            LmdecodeError: A file cannot be used, or has nothing of a memory; or there are several machines.
        """
        paths = expanded(paths)
        refuse_to_overwrite(self.output, paths)
        if len(paths) == 1 and looks_like_image(paths[0]):
            return MachineHistory(str(paths[0]), image=load_image(paths[0]))
        for path in filter(looks_like_image, paths):
            raise UsageError(f"{path} is a memory image, which is shown alone: lmdecode diff compares two")
        found = self._machines(paths, one=True, with_names=with_names)
        if not found:
            raise NothingChosenError("")  # a note has said it
        if len(found) > 1:
            names = ", ".join(str(each.machine) for each in found)
            there = f"{found[0].path} {_verb(paths, 'has', 'have')} {len(found)} machines"
            raise UsageError(f"{there}: choose one with --machine: {names}")
        return found[0]

    def one_capture(self, paths: Sequence[Path]) -> MachineHistory:
        """Returns the memory and the named values of one machine over some captures; raises as `one`, and for an image.

        If no message is what was asked for, it is a memory without any history.
        """
        _refuse_images(paths)
        try:
            return self.one(paths, with_names=True)
        except NothingChosenError:
            return MachineHistory(", ".join(map(str, paths)), history=History())

    def captures(self, paths: Sequence[Path]) -> list[MachineHistory]:
        """Returns the memory of each machine in each capture, or in all pieces of one; raises as `one_capture`.

        Only what was said in the time that was asked for counts.
        """
        _refuse_images(paths)
        paths = expanded(paths)
        each_alone = [paths] if self.asked.join else [[path] for path in paths]
        return [found for some in each_alone for found in self._machines(some, one=False, with_names=True)]

    def _machines(self, paths: Sequence[Path], *, one: bool, with_names: bool) -> list[MachineHistory]:
        gc.set_threshold(100_000)  # records and changes make no cycles: to look for some takes a fifth of the time
        captures = Captures.with_keys(paths, self.asked, output=self.output, progress=self.progress)
        title = ", ".join(map(str, captures.paths)) if len(captures.paths) < 4 else f"{len(captures.paths)} captures"
        machines, newer = _Machines(), NewerMachines()
        names = captures.opened.names()
        begin = end = 0
        for record in captures.by_time(every_time=one):
            begin, end = begin or record.time_ns, max(end, record.time_ns)
            add = machines.add if record.generation == "v1" else newer.add
            add(record, names.one_of(record, self.asked.machine), asked=captures.is_asked(record.time_ns))
        verdict = captures.verdict()
        self.notes += verdict.notes
        self.complaints += verdict.complaints
        if captures.incomplete:
            self.notes.append(
                f"{title} {_verb(paths, 'is', 'are')} incomplete: {verdict.summary}; the messages in the gaps "
                "are unknown"
            )
        if verdict.error is not None:
            raise verdict.error
        found = machines.found(title)
        if with_names:
            found = newer.joined(found, title)
        if not found:
            if captures.chose_nothing:
                return []  # a note says it
            raise _no_memory(title, newer, paths, with_names=with_names)
        for each in found:
            each.span = captures.span or (begin, end)
            each.files = tuple(map(str, captures.paths))
            each.is_asked = captures.is_asked if self.asked.timed else None
        return self._default_of(found, captures) if one and len(found) > 1 else found

    def _default_of(self, found: Sequence[MachineHistory], captures: Captures) -> list[MachineHistory]:
        """Returns the machine that is the default in the configuration, or all if none is or it is not there."""
        default = captures.opened.known.default
        if default is None or self.asked.machine is not None:
            return [*found]
        names = captures.opened.names()
        chosen = [each for each in found if each.last is not None and is_named(names.of(each.last), default)]
        if len(chosen) != 1:
            return [*found]
        others = ", ".join(each.machine or "" for each in found if each not in chosen)
        self.notes.append(f"this is {chosen[0].machine}, the default machine of the config; --machine chooses {others}")
        return chosen


@dataclass(slots=True)
class _Machines:
    """The memories of machines that speak v1, by name."""

    histories: dict[str, History] = field(default_factory=dict)
    last: dict[str, tuple[Record, int]] = field(default_factory=dict)
    """The last record of each that was asked for, and its time."""

    def add(self, record: Record, name: str, *, asked: bool) -> None:
        """Takes a record of a machine; `asked` if its time was asked for."""
        history = self.histories.get(name)
        if history is None:
            history = self.histories[name] = History()
        history.add(record)
        if asked:
            self.last[name] = record, history.last_ns

    def found(self, title: str) -> list[MachineHistory]:
        """Returns those of which anything of the memory is known."""
        return [
            _at_the_end(title, name, history, *self.last[name])
            for name, history in self.histories.items()
            if name in self.last and not history.empty
        ]


@dataclass(slots=True)
class NewerMachines:
    """What the messages without addresses say of each machine: those of all generations but v1."""

    generations: dict[str, None] = field(default_factory=dict)
    """The protocols in which anything was said, in their order."""
    _found: dict[str, MachineHistory] = field(default_factory=dict)
    _serials: SerialNumbers = field(default_factory=SerialNumbers)

    def add(self, record: Record, name: str, *, asked: bool) -> None:
        """Takes a record.

        Args:
            record: The record.
            name: The name of its machine; on the LAN the address, which v1 has too.
            asked: Whether its time was asked for.
        """
        self.generations.setdefault(record.generation)
        if is_account(record):
            return
        serial = self._serials.of(record)
        name = name if record.generation == "v3" and record.machine is None else serial
        renamed = self._serials.renamed
        if renamed is not None and renamed.before in self._found and name not in self._found:
            self._found[name] = self._found.pop(renamed.before)
            self._found[name].machine = name
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = MachineHistory("", name, History())
        found.names.add(record)
        if asked:
            found.unnamed.add(record)
            found.last, found.last_ns = record, found.names.last_ns

    def joined(self, known: Sequence[MachineHistory], title: str) -> list[MachineHistory]:
        """Returns machines whose memory is known, with what is known of their names, and all others."""
        by_name = {each.machine: each for each in known}
        for name, found in self._found.items():
            if found.last is None or (found.names.empty and not len(found.unnamed)):
                continue
            other = by_name.get(name)
            if other is None:
                found.path = title
                by_name[name] = found
            else:
                other.names, other.unnamed = found.names, found.unnamed
                other.last_ns = max(other.last_ns, found.last_ns)
        return list(by_name.values())


def _no_memory(title: str, newer: NewerMachines, paths: Sequence[Path], *, with_names: bool) -> CommandError:
    """Returns why there is nothing to show, and what to use instead."""
    if newer.generations and not with_names:
        spoken = " and ".join(SPOKEN.get(each, each) for each in newer.generations)
        return CommandError(
            f"{title} {_verb(paths, 'has', 'have')} no memory to show, for {spoken} names values instead of addresses: "
            "use lmdecode changes, or lmdecode report"
        )
    return CommandError(
        f"{title} {_verb(paths, 'says', 'say')} nothing about a machine's memory: "
        f"{_verb(paths, 'it has', 'they have')} no answer, no report and no accepted write"
    )


def _verb(paths: Sequence[Path], of_one: str, of_several: str) -> str:
    return of_one if len(paths) == 1 else of_several


def _refuse_images(paths: Iterable[Path]) -> None:
    for path in filter(looks_like_image, paths):
        raise UsageError(f"{path} is a memory image, in which nothing changes: lmdecode diff compares two")


def _at_the_end(title: str, name: str, history: History, last: Record, last_ns: int) -> MachineHistory:
    memory = history.at()
    return MachineHistory(title, name, history, MemoryImage(memory, model_of(memory), source=title), last, last_ns)
