"""Captures and memory images into what they tell of machines' memories."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import typer

from lmdecode.analysis.memory_history import History
from lmdecode.analysis.times import NamedTime, TimeError, moment
from lmdecode.app.decode import Outcome, Settings, nothing_decoded, read, summary
from lmdecode.app.errors import CommandError
from lmdecode.app.files import refuse_to_overwrite
from lmdecode.app.image_file import load_image, looks_like_image
from lmdecode.cli._common.errors import complain
from lmdecode.cli._common.progress import progress_bar
from lmdecode.codec.record import Record
from lmdecode.codec.v1.image import MemoryImage
from lmdecode.codec.v1.memory import Registers
from lmdecode.codec.v1.model import model_of


@dataclass(slots=True)
class Told:
    """What a file tells of one machine's memory."""

    path: Path
    machine: str | None = None
    """Its name or its address; None for an image."""
    history: History | None = None
    """None for an image."""
    image: MemoryImage = field(default_factory=MemoryImage)
    """The image; of a capture, the end."""

    @property
    def firmware(self) -> str | None:
        """Its firmware's version, if its memory tells."""
        firmware = Registers(self.image.memory).get("firmware_ver")
        return firmware if isinstance(firmware, str) else None

    @property
    def begins(self) -> int:
        """When its first record was captured; nanoseconds since 1970."""
        return 0 if self.history is None else self.history.first_ns or 0

    def moment(self, text: str, option: str) -> NamedTime:
        """A time in it, as the user wrote it.

        Raises:
            CommandError: It is none, or not in the capture, or this is an image.
        """
        if self.history is None or self.history.first_ns is None:
            raise CommandError(f"{option}: {self.path} is a memory image, which knows one moment only: leave it out")
        try:
            return moment(text, self.history.first_ns, self.history.last_ns)
        except TimeError as error:
            raise CommandError(
                f"{option} {str(error).replace(' in it: it is ', f' in {self.path}, which is ')}"
            ) from None


@dataclass(slots=True)
class Sources:
    """Reads files, and remembers what was wrong with them. The keys are looked for when there is a capture to read.

    Args:
        settings: What the user asked for.
        machine: Which of several machines is asked for; may be a glob.
        output: The file that will be written, so that it is none of those that are read.
    """

    settings: Settings
    machine: str | None = None
    output: Path | None = None
    failed: bool = False
    """Whether anything was wrong with a capture, which was complained about then."""

    def one(self, path: Path) -> Told:
        """What a capture or an image tells of the one machine that is asked for.

        Raises:
            LmdecodeError: It tells nothing, or of several machines.
        """
        refuse_to_overwrite(self.output, [path])
        if looks_like_image(path):
            return Told(path, image=load_image(path))
        found = self._all(path)
        if len(found) > 1:
            names = ", ".join(str(each.machine) for each in found)
            raise CommandError(f"{path} has {len(found)} machines: say which with --machine: {names}")
        return found[0]

    def one_capture(self, path: Path) -> Told:
        """What a capture tells of the one machine that is asked for; errors as of `one`, and if it is an image."""
        _refuse_image(path)
        return self.one(path)

    def captures(self, path: Path) -> list[Told]:
        """What a capture tells of each machine in it that is asked for; errors as of `one_capture`."""
        _refuse_image(path)
        return self._all(path)

    def _all(self, path: Path) -> list[Told]:
        """What a capture tells of each machine in it that is asked for, at least one.

        Raises:
            LmdecodeError: It tells nothing.
        """
        gc.set_threshold(100_000)  # records and changes are no cycles: to look for some takes a fifth of the time
        speakers, origin = self.settings.speakers()
        refuse_to_overwrite(self.output, [path, Path(origin)])
        outcome = Outcome(path)
        histories: dict[str, History] = {}
        with progress_bar(path, onto_terminal=False) as progress:
            for record in read(outcome, speakers, progress=progress):
                name = record.machine or host_of(record)
                history = histories.get(name)
                if history is None:
                    history = histories[name] = History()
                history.add(record)
        for note in outcome.notes:
            typer.echo(f"lmdecode: {note}", err=True)
        for complaint in outcome.complaints:
            complain(complaint)
            self.failed = True
        tally = outcome.tally
        if tally.bytes_skipped or tally.bytes_missing:
            typer.echo(
                f"lmdecode: {path}: not all is there: {summary([outcome], chosen=False)}; "
                "what was said meanwhile is not known",
                err=True,
            )
        nothing = nothing_decoded([outcome], speakers)
        if nothing:
            raise CommandError(nothing)
        if nothing is not None:
            raise typer.Exit(1)
        told = {name: history for name, history in histories.items() if not history.empty}
        if not told:
            raise CommandError(
                f"{path} tells nothing of a machine's memory: it has no answer, no report and no write that was taken"
            )
        asked = self.machine
        chosen = {
            name: each for name, each in told.items() if asked is None or name == asked or fnmatchcase(name, asked)
        }
        if not chosen:
            raise CommandError(f"--machine {asked}: {path} has {', '.join(told)}")
        return [_told(path, name, history) for name, history in chosen.items()]


def about(told: Told) -> str:
    """Which machine it is, as far as its memory tells: "GS3 AV, firmware 1.40"."""
    parts = [told.machine, told.image.model, None if told.firmware is None else f"firmware {told.firmware}"]
    return ", ".join(part for part in parts if part)


def host_of(record: Record) -> str:
    """The address of the machine that a record is of, without the port."""
    end = record.source if record.sender == "machine" else record.destination
    return end.rpartition(":")[0] or end


def _refuse_image(path: Path) -> None:
    if looks_like_image(path):
        raise CommandError(f"{path} is a memory image, in which nothing changes: lmdecode diff compares two")


def _told(path: Path, name: str, history: History) -> Told:
    memory = history.at()
    return Told(path, name, history, MemoryImage(memory, model_of(memory), source=str(path)))
