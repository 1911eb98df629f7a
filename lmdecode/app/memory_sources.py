"""Reads the machines' memory from captures and memory images."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from lmdecode.analysis.memory_history import History
from lmdecode.analysis.times import clock_text, iso_text, local_time, zone_name
from lmdecode.analysis.typed_times import Span, TimeError, moment
from lmdecode.app.captures import Captures, Progress, no_progress
from lmdecode.app.decode import Settings
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.files import load_image, looks_like_image, refuse_to_overwrite
from lmdecode.codec.record import Record
from lmdecode.codec.v1.image import MemoryImage
from lmdecode.codec.v1.memory import Memory, NamedMemory, model_of


@dataclass(slots=True)
class MachineHistory:
    """One machine's memory, as a capture or a memory image has it."""

    path: Path
    machine: str | None = None
    """The machine's name or its address; None for an image."""
    history: History | None = None
    """None for an image."""
    image: MemoryImage = field(default_factory=MemoryImage)
    """The image; of a capture, the memory at its end."""

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
            return moment(text, self.history.first_ns, self.history.last_ns)
        except TimeError as error:
            why = str(error).replace(" in it: it is ", f" in {self.path}, which is ")
            raise UsageError(f"{option} {why}") from None


@dataclass(slots=True)
class MemorySources:
    """Reads captures and images, and collects what there is to say about them. Keys are needed for captures only.

    Args:
        settings: The keys and the port.
        machine: The machine to choose where there are several: its name or address, `*` is a wildcard.
        output: The file that will be written; it must not be one of those that are read.
        progress: Opens a progress bar.
    """

    settings: Settings
    machine: str | None = None
    output: Path | None = None
    progress: Progress = no_progress
    notes: list[str] = field(default_factory=list)
    """What is good to know, one line each."""
    complaints: list[str] = field(default_factory=list)
    """What is wrong with a capture, one line each."""

    def one(self, path: Path) -> MachineHistory:
        """Returns the memory of the one machine in a capture, or of an image.

        Raises:
            LmdecodeError: The file cannot be used, or has nothing of a memory, or has several machines.
        """
        refuse_to_overwrite(self.output, [path])
        if looks_like_image(path):
            return MachineHistory(path, image=load_image(path))
        found = self._machines(path)
        if len(found) > 1:
            names = ", ".join(str(each.machine) for each in found)
            raise UsageError(f"{path} has {len(found)} machines: choose one with --machine: {names}")
        return found[0]

    def one_capture(self, path: Path) -> MachineHistory:
        """Returns the memory of the one machine in a capture; raises as `one`, and for an image."""
        _refuse_image(path)
        return self.one(path)

    def captures(self, path: Path) -> list[MachineHistory]:
        """Returns the memory of each machine in a capture that was asked for; raises as `one_capture`."""
        _refuse_image(path)
        return self._machines(path)

    def _machines(self, path: Path) -> list[MachineHistory]:
        gc.set_threshold(100_000)  # records and changes make no cycles: to look for some takes a fifth of the time
        captures = Captures.with_keys([path], self.settings, output=self.output, progress=self.progress)
        histories: dict[str, History] = {}
        for record in captures.by_time():
            name = record.machine or host_of(record)
            history = histories.get(name)
            if history is None:
                history = histories[name] = History()
            history.add(record)
        verdict = captures.verdict()
        self.notes += verdict.notes
        self.complaints += verdict.complaints
        if captures.incomplete:
            self.notes.append(f"{path} is incomplete: {verdict.summary}; the messages in the gaps are unknown")
        if verdict.error is not None:
            raise verdict.error
        found = {name: history for name, history in histories.items() if not history.empty}
        if not found:
            raise CommandError(
                f"{path} says nothing about a machine's memory: it has no answer, no report and no accepted write"
            )
        asked = self.machine
        chosen = {
            name: each for name, each in found.items() if asked is None or name == asked or fnmatchcase(name, asked)
        }
        if not chosen:
            raise UsageError(f"--machine {asked}: {path} has {', '.join(found)}")
        return [_at_the_end(path, name, history) for name, history in chosen.items()]


def host_of(record: Record) -> str:
    """Returns the address of the machine of a record, without the port."""
    end = record.source if record.sender == "machine" else record.destination
    return end.rpartition(":")[0] or end


def _refuse_image(path: Path) -> None:
    if looks_like_image(path):
        raise UsageError(f"{path} is a memory image, in which nothing changes: lmdecode diff compares two")


def _at_the_end(path: Path, name: str, history: History) -> MachineHistory:
    memory = history.at()
    return MachineHistory(path, name, history, MemoryImage(memory, model_of(memory), source=str(path)))
