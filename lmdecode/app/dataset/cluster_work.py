"""What a worker of Dask is given and what it gives back: a capture to convert, and what came of it.

The scheduler keeps what it is given as it is, its dashboard shows it, and a worker writes it into its log when
something goes wrong. So a task shows the name of its capture and nothing else, neither keys nor the passwords of URLs;
and what a worker does never raises, since errors are logged with all that led to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lmdecode.app.dataset.converting import convert
from lmdecode.app.dataset.unit import Job, Result, Unit
from lmdecode.codec.errors import LmdecodeError


class Task:
    """A capture to convert, whose text is its name only. No dataclass: Dask looks into those.

    Args:
        unit: The capture.
        job: What is the same for all captures.
    """

    __slots__ = ("job", "unit")

    def __init__(self, unit: Unit, job: Job) -> None:
        self.unit = unit
        self.job = job

    def __repr__(self) -> str:
        return f"<capture {self.unit.name}>"


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
