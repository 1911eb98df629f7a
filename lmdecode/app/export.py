"""The use case of `lmdecode export`: captures go in, and a dataset has their messages afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from lmdecode.app.dataset.converting import convert
from lmdecode.app.dataset.unit import Job, Result, Unit


class Runner(Protocol):
    """Converts units: one after the other in this process, or many at once elsewhere."""

    def run(self, units: Iterable[Unit], job: Job) -> Iterator[Result]:
        """Yields what came of each unit, as soon as it is known, in any order.

        Raises:
            DatasetError: The dataset cannot be written.
        """

    def close(self) -> None:
        """Ends what was started for it."""


class OneByOne:
    """Converts units in this process, in their order."""

    def run(self, units: Iterable[Unit], job: Job) -> Iterator[Result]:
        """Yields what came of each unit."""
        for unit in units:
            yield convert(unit, job)

    def close(self) -> None:
        """Does nothing: nothing was started."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What the user asked for."""

    captures: Sequence[str]
    """Files, folders, patterns and URLs, as they were typed."""
    dataset: str
    """Where the dataset is or will be."""
    join: bool = False
    """Whether files that one recording was cut into are one capture."""
    scheduler: str | None = None
    """None: this process. "local", or the address of a scheduler of Dask, `tcp://host:8786`."""
    workers: int | None = None
    """How many workers a local cluster has; None: one for each core."""
