"""What a worker of Dask is given and what it gives back: a capture to convert, or a share of it, and what came of it.

The scheduler keeps what it is given as it is, its dashboard shows it, and a worker writes it into its log when
something goes wrong. So a task shows the name of its capture and nothing else, neither keys nor the passwords of URLs;
and what a worker does never raises, since errors are logged with all that led to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lmdecode.app.dataset.converting import Part, commit, convert, convert_share
from lmdecode.app.dataset.shares import Share
from lmdecode.app.dataset.unit import Job, Result, Unit
from lmdecode.codec.errors import LmdecodeError


class Task:
    """A capture to convert, whose text is its name only. No dataclass: Dask looks into those.

    Args:
        unit: The capture.
        job: What is the same for all captures.
        share: Which of its connections; the only share is all of them.
    """

    __slots__ = ("job", "share", "unit")

    def __init__(self, unit: Unit, job: Job, share: Share = Share()) -> None:  # noqa: B008 -- it does not change
        self.unit = unit
        self.job = job
        self.share = share

    def __repr__(self) -> str:
        share = f", share {self.share.index + 1} of {self.share.count}" if self.share.count > 1 else ""
        return f"<capture {self.unit.name}{share}>"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no capture can be converted at all."""

    line: str
    exit_code: int


Answer: TypeAlias = Result | Refusal


def convert_task(task: Task) -> Answer:
    """Returns what came of a capture; on a worker."""
    try:
        return convert(task.unit, task.job)
    except LmdecodeError as error:
        return Refusal(str(error), error.exit_code)


def share_task(task: Task) -> Part | Answer:
    """Returns what came of a share of a capture, or of the capture, if that is known already; on a worker."""
    try:
        return convert_share(task.unit, task.job, task.share)
    except LmdecodeError as error:
        return Refusal(str(error), error.exit_code)


def commit_task(task: Task, made: Sequence[Part | Answer]) -> Answer:
    """Returns what came of a capture whose shares are done; on a worker.

    Args:
        task: The capture.
        made: What came of its shares, in their order.
    """
    for each in made:
        if not isinstance(each, Part):
            return each
    try:
        return commit(task.unit, task.job, [each for each in made if isinstance(each, Part)])
    except LmdecodeError as error:
        return Refusal(str(error), error.exit_code)
