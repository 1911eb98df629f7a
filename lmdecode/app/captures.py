"""Reading of whole captures for one question, and the summary of what was read.

A capture may be damaged, cut off or of something else. That never stops the reading: what could be read counts, and the
verdict has the rest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from lmdecode.app.decode import Outcome, Settings, counted, merged, nothing_decoded, outcomes_of, read, summary
from lmdecode.app.errors import CommandError
from lmdecode.app.files import expanded, refuse_to_overwrite
from lmdecode.codec.dialect import Speakers
from lmdecode.codec.record import Record
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import KeylessDecoder

Progress: TypeAlias = Callable[[Path], AbstractContextManager[Callable[[int], None] | None]]
"""Opens a progress bar for a file; gives a function to call with the position in bytes, or None without a bar."""


def no_progress(_path: Path) -> AbstractContextManager[None]:
    """Opens no progress bar."""
    return contextlib.nullcontext()


@dataclass(frozen=True, slots=True)
class CaptureVerdict:
    """What to say about some captures after they were read."""

    notes: tuple[str, ...]
    """What is good to know, one line each."""
    complaints: tuple[str, ...]
    """What is wrong with a capture, one line each."""
    summary: str
    """How much was read, in one line; "" if the complaints say it all."""
    nothing: str | None
    """Why nothing was decoded; "" if the complaints say it; None if something was, or if nothing was said."""

    @property
    def error(self) -> CommandError | None:
        """The error to end with after all has been said; its text is empty if the complaints have said it."""
        return None if self.nothing is None else CommandError(self.nothing)

    @property
    def failed(self) -> bool:
        """Whether anything was wrong with a capture."""
        return bool(self.complaints) or self.nothing is not None


class Captures:
    """Some captures, to be read once.

    Args:
        paths: The captures; a pattern stands for the files that match it.
        speakers: The dialects, with the user's keys.
        origin: Where the keys come from; if that is a file, the output must not be it.
        output: The file that will be written; it must not be one of those that are read.
        progress: Opens a progress bar.

    Raises:
        CommandError: The output is one of the captures, or cannot be written.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        speakers: Speakers,
        *,
        origin: str = "",
        output: Path | None = None,
        progress: Progress = no_progress,
    ) -> None:
        self.paths = expanded(paths)
        self.outcomes = outcomes_of(self.paths)
        """What came of each capture."""
        self._speakers = speakers
        self._progress = progress
        refuse_to_overwrite(output, [*self.paths, Path(origin)] if origin else self.paths)

    @classmethod
    def with_keys(
        cls,
        paths: Iterable[Path],
        settings: Settings,
        *,
        output: Path | None = None,
        progress: Progress = no_progress,
    ) -> Captures:
        """Returns captures to read with the user's keys.

        Raises:
            MissingKeyError, ConfigError: There is no key, or it cannot be used.
            CommandError: The output is one of the captures, or cannot be written.
        """
        speakers, origin = settings.speakers()
        return cls(paths, speakers, origin=origin, output=output, progress=progress)

    @classmethod
    def without_keys(
        cls,
        paths: Iterable[Path],
        port: int | None,
        *,
        origin: str = "",
        output: Path | None = None,
        progress: Progress = no_progress,
    ) -> Captures:
        """Returns captures whose frames are not decrypted; `port` is the machine's, None for the usual one."""
        return cls(paths, speakers_with(KeylessDecoder(), port), origin=origin, output=output, progress=progress)

    def by_time(self) -> Iterator[Record]:
        """Yields all records as one story, in the order of time, whatever the order of the captures."""
        if len(self.outcomes) > 1:
            yield from merged(self.outcomes, self._speakers)
            return
        for _, record in self.in_turn():
            yield record

    def in_turn(self) -> Iterator[tuple[Path, Record]]:
        """Yields the records of one capture after the other, each with its capture."""
        for outcome, path in zip(self.outcomes, self.paths, strict=True):
            with self._progress(path) as progress:
                for record in read(outcome, self._speakers, progress=progress):
                    yield path, record

    def verdict(self) -> CaptureVerdict:
        """Returns what to say after the reading."""
        return verdict_on(self.outcomes, self._speakers)

    @property
    def frames(self) -> int:
        """How many frames were found."""
        return counted(self.outcomes).frames

    @property
    def messages(self) -> int:
        """How many messages were decoded."""
        return counted(self.outcomes).messages

    @property
    def incomplete(self) -> bool:
        """Whether bytes were skipped or are missing, so that not everything that was said is known."""
        tally = counted(self.outcomes)
        return bool(tally.bytes_skipped or tally.bytes_missing)


def verdict_on(outcomes: Sequence[Outcome], speakers: Speakers, *, chosen: bool = False) -> CaptureVerdict:
    """Returns what to say about captures after they were read.

    Args:
        outcomes: What came of each capture.
        speakers: The dialects, with the user's keys.
        chosen: Whether only some of the messages were shown, so that the summary says how many.
    """
    complaints = tuple(complaint for outcome in outcomes for complaint in outcome.complaints)
    any_connection = any(outcome.statistics.connections for outcome in outcomes)
    return CaptureVerdict(
        tuple(note for outcome in outcomes for note in outcome.notes),
        complaints,
        summary(outcomes, chosen=chosen) if not complaints or any_connection else "",
        nothing_decoded(outcomes, speakers),
    )
