"""Reading of whole captures for one question, and the summary of what was read.

A capture may be damaged, cut off or of something else. That never stops the reading: what could be read counts, and the
verdict has the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lmdecode.app.asked import Asked, Choice, Opened, no_such_machine, none_chosen
from lmdecode.app.decode import (
    Outcome,
    Progress,
    counted,
    in_order,
    joined,
    merged,
    no_progress,
    nothing_decoded,
    outcomes_of,
    read,
    summary,
)
from lmdecode.app.errors import CommandError
from lmdecode.app.files import expanded, refuse_to_overwrite
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers


class CaptureVerdict(NamedTuple):
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
        opened: What they are read with.
        asked: What is asked of them.
        output: The file that will be written; it must not be one of those that are read.
        progress: Opens a progress bar.

    Raises:
        CommandError: The output is one of the captures, or cannot be written.
        UsageError: A pipe is to be joined.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        opened: Opened,
        *,
        asked: Asked | None = None,
        output: Path | None = None,
        progress: Progress = no_progress,
    ) -> None:
        self._asked = Asked() if asked is None else asked
        self.opened = opened
        self._progress = progress
        self._choice: Choice | None = None
        self.paths = expanded(paths)
        configs = [Path(each) for each in (opened.origin, self._asked.config) if each]
        refuse_to_overwrite(output, [*self.paths, *configs])
        if self._asked.join:
            self.paths = in_order(self.paths)
            self.outcomes = [Outcome(path) for path in self.paths]
            """What came of each capture."""
        else:
            self.outcomes = outcomes_of(self.paths)

    @classmethod
    def with_keys(
        cls,
        paths: Iterable[Path],
        asked: Asked,
        *,
        output: Path | None = None,
        progress: Progress = no_progress,
    ) -> Captures:
        """Returns captures to read with the user's keys.

        Raises:
            MissingKeyError, ConfigError: There is no key, or it cannot be used.
            CommandError: The output is one of the captures, or cannot be written.
        """
        return cls(paths, asked.opened(), asked=asked, output=output, progress=progress)

    @classmethod
    def without_keys(
        cls,
        paths: Iterable[Path],
        asked: Asked,
        *,
        origin: str = "",
        output: Path | None = None,
        progress: Progress = no_progress,
    ) -> Captures:
        """Returns captures whose frames are not decrypted; `origin` is where keys are from that are read beside them.

        Raises:
            ConfigError: The configuration that the user named cannot be used.
            UsageError: A condition is about what only a key shows.
            CommandError: The output is one of the captures, or cannot be written.
        """
        asked.refuse_what_needs_a_key()
        return cls(paths, asked.opened_without_keys(origin), asked=asked, output=output, progress=progress)

    def is_asked(self, time_ns: int) -> bool:
        """Returns whether a time was asked for, after `by_time` or `in_turn` has begun."""
        return self._choice is None or self._choice.is_asked(time_ns)

    def condition(self, where: Sequence[str]) -> Callable[[Record], bool] | None:
        """Returns whether records meet some conditions; None if there are none. It is to be asked for each record."""
        if not where:
            return None
        from lmdecode.analysis.filters import parse_all

        return parse_all(where, machines=self.opened.names().of)

    def by_time(self, *, every_time: bool = False) -> Iterator[Record]:
        """Yields the records that were asked for as one story, in the order of time, whatever the captures' order.

        Args:
            every_time: Whether to yield those of all times: who needs to know what was before asks `is_asked` then.
        """
        outcomes, speakers = self.outcomes, self.opened.speakers
        if len(outcomes) == 1:
            with self._progress(self.paths[0]) as reached:
                yield from self._chosen(read(outcomes[0], speakers, progress=reached), outcomes[0], every_time)
        elif self._asked.join:
            yield from self._chosen(joined(outcomes, speakers, progress=self._progress), outcomes[0], every_time)
        else:
            yield from self._chosen(merged(outcomes, speakers), outcomes[0], every_time)

    def in_turn(self) -> Iterator[tuple[Path, Record]]:
        """Yields the records of one capture after the other, each with its capture; of pieces, with the first."""
        if self._asked.join:
            for record in self.by_time():
                yield self.paths[0], record
            return
        for outcome, path in zip(self.outcomes, self.paths, strict=True):
            with self._progress(path) as progress:
                records = read(outcome, self.opened.speakers, progress=progress)
                for record in self._chosen(records, outcome, every_time=False):
                    yield path, record

    def verdict(self) -> CaptureVerdict:
        """Returns what to say after the reading.

        Raises:
            UsageError: A machine was asked for that is not in the captures.
        """
        return verdict_on(self.outcomes, self.opened.speakers, self._asked)

    @property
    def span(self) -> tuple[int, int] | None:
        """When the captures begin and end, after they were read; None if all that is in them was asked for."""
        firsts = [outcome.first_ns for outcome in self.outcomes if outcome.first_ns is not None]
        return (min(firsts), max(outcome.last_ns for outcome in self.outcomes)) if firsts else None

    @property
    def choice(self) -> str:
        """What the user chose of the messages, as options of the command line; "" for all."""
        return self._asked.as_options()

    @property
    def none_chosen(self) -> str:
        """That no message was what was asked for, in one line; "" if one was, or if there is none anyway."""
        return none_chosen(self._asked, self.outcomes)

    @property
    def chose_nothing(self) -> bool:
        """Whether there are messages, and none was what was asked for."""
        return bool(self.none_chosen)

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

    def _chosen(self, records: Iterable[Record], outcome: Outcome, every_time: bool) -> Iterator[Record]:  # noqa: FBT001
        self._choice = Choice(self._asked, self.opened, outcome, every_time=every_time)
        return self._choice.of(records)


def verdict_on(outcomes: Sequence[Outcome], speakers: Speakers, asked: Asked, chosen: str = "chosen") -> CaptureVerdict:
    """Returns what to say about captures after they were read.

    Args:
        outcomes: What came of each capture.
        speakers: The dialects, with the user's keys.
        asked: What was asked of them.
        chosen: What happened to the messages that were asked for, in a word.

    Raises:
        UsageError: A machine was asked for that is not in the captures.
    """
    complaints = tuple(complaint for outcome in outcomes for complaint in outcome.complaints)
    any_connection = any(outcome.statistics.connections for outcome in outcomes)
    notes = [note for outcome in outcomes for note in outcome.notes]
    if asked.chooses:
        if (error := no_such_machine(asked, outcomes)) is not None:
            raise error
        notes += filter(None, [none_chosen(asked, outcomes)])
    return CaptureVerdict(
        tuple(notes),
        complaints,
        summary(outcomes, chosen=chosen if asked.chooses else "") if not complaints or any_connection else "",
        nothing_decoded(outcomes, speakers),
    )
