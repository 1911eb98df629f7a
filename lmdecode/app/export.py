"""The use case of `lmdecode export`: captures go in, and a dataset has their messages afterwards.

    request → job, what is the same for all captures
            → units, of the files that are there
            → what the dataset has already, or has tried in vain, is told without reading it
            → the rest is converted by a runner: in this process, or on a cluster
            → report

Each unit is committed by itself, so whatever ends an export leaves a dataset that has some captures, whole, and the
next export goes on with the others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Protocol

from lmdecode.app.asked import Asked, Opened, known_handles
from lmdecode.app.dataset.converting import convert
from lmdecode.app.dataset.finding import find
from lmdecode.app.dataset.places import is_url
from lmdecode.app.dataset.rotation import units as units_of
from lmdecode.app.dataset.store import Dataset, open_dataset
from lmdecode.app.dataset.unit import Job, Result, Unit
from lmdecode.app.errors import UsageError
from lmdecode.app.export_report import ExportReport
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.errors import LmdecodeError, MissingPackageError
from lmdecode.config.keys import NoKeyError, find_keys
from lmdecode.extras import install_command


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

    captures: Sequence[str] = field(repr=False)
    """Files, folders, patterns and URLs, as they were typed."""
    dataset: str = field(repr=False)
    """Where the dataset is or will be. Like a capture's name it may hold a password."""
    join: bool = False
    """Whether files that one recording was cut into are one capture."""
    scheduler: str | None = None
    """None: this process. "local", or the address of a scheduler of Dask, `tcp://host:8786`."""
    workers: int | None = None
    """How many workers a local cluster has; None: one for each core."""


Watcher = Callable[[ExportReport], None]
"""Is told when an export has begun, when it goes on to another capture, and when one is done."""


def export(
    request: ExportRequest,
    asked: Asked,
    report: ExportReport,
    *,
    access: OwnerAccess | None = None,
    watcher: Watcher = lambda _report: None,
    tell: Callable[[str], None] = lambda _line: None,
) -> None:
    """Brings captures into a dataset. What is wrong with one of them does not raise, but is in the report.

    Args:
        request: What is to be exported, and where to.
        asked: With which keys, handles and ports.
        report: Takes what was done, also if it ends with an error or is interrupted.
        access: The keys, where a program gave them itself; None: those that `asked` and the configuration name.
        watcher: Is told how far it is.
        tell: Takes a line that is worth to be shown at once.

    Raises:
        UsageError: The request cannot be meant.
        DatasetError: The dataset cannot be written, or is being written by another export.
        MissingPackageError, MissingKeyError, ConfigError: A package, a key or a configuration cannot be used.
    """
    started = time.perf_counter()
    if request.workers is not None and request.scheduler is None:
        raise UsageError("--workers is about a cluster: give --scheduler local as well")
    if not request.dataset.strip():
        raise UsageError("--to is empty: name the dataset's folder or URL; `.` is this folder")
    if request.scheduler is not None:  # before captures are looked for, which may take a while
        from lmdecode.app.dataset.cluster import check

        check(request.scheduler, request.workers)
    _needs_pyarrow(here=request.scheduler is None)
    job = job_of(request, asked, access)
    try:
        found = find(request.captures, request.dataset)
        report.wrong += found.wrong
        report.notes += found.notes
        units = list(units_of(found.files, join=request.join))
        report.total = len(units)
        report.bytes_total = sum(unit.size for unit in units)
        watcher(report)
        if not units:
            return
        dataset = open_dataset(request.dataset, create=True)
        with closing(_runner(request, tell)) as runner, dataset.locked() as token:
            job = replace(job, lock=token)
            for result, size in _results(units, dataset, runner, job, report, watcher):
                report.add(result, size)
                watcher(report)
    finally:
        report.seconds = time.perf_counter() - started


def job_of(request: ExportRequest, asked: Asked, access: OwnerAccess | None = None) -> Job:
    """Returns what is the same for all captures. Arguments and errors of keys are those of `export`.

    Raises:
        MissingKeyError, ConfigError: A key or the configuration that the user gave cannot be used.
        UsageError: The handles cannot be understood.
    """
    if access is None:
        try:
            keys, origin = find_keys(asked.keys, asked.config)
            access = OwnerAccess(keys, False, origin)
        except NoKeyError as error:
            access = OwnerAccess((), False, missing=error)
    known = Opened(access.keys, access.origin, asked.config).known
    where = request.dataset
    if request.scheduler is not None and not is_url(where):  # a worker may have another current folder
        where = os.path.abspath(where)  # noqa: PTH100 -- without following links
    return Job(
        dataset=where,
        keys=tuple(access.keys),
        origin=access.origin,
        missing=access.missing,
        handles=tuple(known_handles(asked.handles).items()),
        port=asked.port,
        ports=frozenset() if asked.port else known.ports,
        known=known,
    )


def _results(  # noqa: PLR0917 -- the parts of one export
    units: Sequence[Unit], dataset: Dataset, runner: Runner, job: Job, report: ExportReport, watcher: Watcher
) -> Iterator[tuple[Result, int]]:
    """Yields what came of each unit, with its size: first of those that need not be read."""
    index = dataset.index(job)
    sizes: dict[str, int] = {}
    to_do: list[Unit] = []
    for unit in units:
        settled = index.settled(unit)
        if settled is not None:
            yield settled, unit.size
        else:
            sizes[unit.name] = unit.size
            to_do.append(index.prepared(unit))
    if not to_do:
        return

    def begun() -> Iterator[Unit]:
        for unit in to_do:
            report.current = unit.name
            watcher(report)
            yield unit

    for result in runner.run(begun() if isinstance(runner, OneByOne) else to_do, job):
        yield result, sizes.get(result.name, 0)


def _runner(request: ExportRequest, tell: Callable[[str], None]) -> Runner:
    if request.scheduler is None:
        return OneByOne()
    from lmdecode.app.dataset.cluster import runner

    return runner(request.scheduler, request.workers, tell=tell)


def _needs_pyarrow(*, here: bool) -> None:
    if not here:  # workers import it, and here it is enough to know that it is there
        if find_spec("pyarrow") is None:
            raise _missing("pyarrow", "dataset")
        return
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise _missing((error.name or "").partition(".")[0], "dataset") from None
    del pa


def _missing(package: str, extra: str) -> LmdecodeError:
    return MissingPackageError(f"an export needs {package}, which is not installed: {install_command(extra)}")
