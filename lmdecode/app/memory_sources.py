"""Reads the machines' memory from captures and memory images."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lmdecode.analysis.machines import is_named
from lmdecode.analysis.memory_history import History
from lmdecode.analysis.times import clock_text, iso_text, local_time, zone_name
from lmdecode.analysis.typed_times import Span, TimeError, moment
from lmdecode.app.asked import Asked
from lmdecode.app.captures import Captures
from lmdecode.app.decode import Progress, no_progress
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.files import expanded, load_image, looks_like_image, refuse_to_overwrite
from lmdecode.codec.record import Record
from lmdecode.codec.v1.image import MemoryImage
from lmdecode.codec.v1.memory import Memory, NamedMemory, model_of


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
    is_asked: Callable[[int], bool] | None = None
    """Returns whether a time was asked for, in nanoseconds since 1970; None if all are."""

    @property
    def firmware(self) -> str | None:
        """The version of the machine's firmware; None if its memory does not say."""
        firmware = NamedMemory(self.image.memory).get("firmware_ver")
        return firmware if isinstance(firmware, str) else None

    @property
    def begins(self) -> int:
        """When the first record was captured: nanoseconds since 1970; 0 for an image."""
        return 0 if self.history is None else self.history.first_ns or 0

    @property
    def who(self) -> str:
        """The machine in words, as far as its memory says: "GS3 AV, firmware 1.40"."""
        parts = [self.machine, self.image.model, None if self.firmware is None else f"firmware {self.firmware}"]
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

    def one(self, paths: Sequence[Path]) -> MachineHistory:
        """Returns the memory of one machine over some captures, or that of an image.

        Where the captures have several machines and none is asked for, it is the one that the configuration names as
        the default.

        Raises:
            LmdecodeError: A file cannot be used, or has nothing of a memory; or there are several machines.
        """
        paths = expanded(paths)
        refuse_to_overwrite(self.output, paths)
        if len(paths) == 1 and looks_like_image(paths[0]):
            return MachineHistory(str(paths[0]), image=load_image(paths[0]))
        for path in filter(looks_like_image, paths):
            raise UsageError(f"{path} is a memory image, which is shown alone: lmdecode diff compares two")
        found = self._machines(paths, one=True)
        if not found:
            raise NothingChosenError("")  # a note has said it
        if len(found) > 1:
            names = ", ".join(str(each.machine) for each in found)
            there = f"{found[0].path} {_verb(paths, 'has', 'have')} {len(found)} machines"
            raise UsageError(f"{there}: choose one with --machine: {names}")
        return found[0]

    def one_capture(self, paths: Sequence[Path]) -> MachineHistory:
        """Returns the memory of one machine over some captures; raises as `one`, and for an image.

        If no message is what was asked for, it is a memory without any history.
        """
        _refuse_images(paths)
        try:
            return self.one(paths)
        except NothingChosenError:
            return MachineHistory(", ".join(map(str, paths)), history=History())

    def captures(self, paths: Sequence[Path]) -> list[MachineHistory]:
        """Returns the memory of each machine in each capture, or in all pieces of one; raises as `one_capture`.

        Only what was said in the time that was asked for counts.
        """
        _refuse_images(paths)
        paths = expanded(paths)
        each_alone = [paths] if self.asked.join else [[path] for path in paths]
        return [found for some in each_alone for found in self._machines(some, one=False)]

    def _machines(self, paths: Sequence[Path], *, one: bool) -> list[MachineHistory]:
        gc.set_threshold(100_000)  # records and changes make no cycles: to look for some takes a fifth of the time
        captures = Captures.with_keys(paths, self.asked, output=self.output, progress=self.progress)
        title = ", ".join(map(str, captures.paths)) if len(captures.paths) < 4 else f"{len(captures.paths)} captures"
        histories: dict[str, History] = {}
        last: dict[str, Record] = {}  # of those that were asked for
        last_ns: dict[str, int] = {}
        names = captures.opened.names()
        begin = end = 0
        for record in captures.by_time(every_time=one):
            name = names.one_of(record, self.asked.machine)
            begin, end = begin or record.time_ns, max(end, record.time_ns)
            history = histories.get(name)
            if history is None:
                history = histories[name] = History()
            history.add(record)
            if captures.is_asked(record.time_ns):
                last[name], last_ns[name] = record, history.last_ns
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
        found = [
            _at_the_end(title, name, history, last[name], last_ns[name])
            for name, history in histories.items()
            if name in last
        ]
        found = [each for each in found if each.history is not None and not each.history.empty]
        if not found:
            if captures.chose_nothing:
                return []  # a note says it
            raise CommandError(
                f"{title} {_verb(paths, 'says', 'say')} nothing about a machine's memory: "
                f"{_verb(paths, 'it has', 'they have')} no answer, no report and no accepted write"
            )
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


def _verb(paths: Sequence[Path], of_one: str, of_several: str) -> str:
    return of_one if len(paths) == 1 else of_several


def _refuse_images(paths: Iterable[Path]) -> None:
    for path in filter(looks_like_image, paths):
        raise UsageError(f"{path} is a memory image, in which nothing changes: lmdecode diff compares two")


def _at_the_end(title: str, name: str, history: History, last: Record, last_ns: int) -> MachineHistory:
    memory = history.at()
    return MachineHistory(title, name, history, MemoryImage(memory, model_of(memory), source=title), last, last_ns)
