"""Converts units on workers of Dask: processes on this computer, or those of a scheduler that runs already.

Dask has the queue, the workers and the second attempts; what is here hands units in and takes results out. Some rules
make that safe and small:

- Only so many units are handed in that every worker has one to go on with. The scheduler and this process keep what is
  under way, so their memory does not grow with the number of captures.
- Large units go first, or the last worker would be busy with one for long while the others wait. A unit so large that
  they would still wait is decoded in shares. Each share is a task, and one more task commits the unit after them.
- A worker commits a unit itself, and committing twice is the same as once. So a worker may die at any moment, and what
  a scheduler took with it is found in the dataset by the next run.
- A unit whose worker died is not blamed for that at once: another one on the same worker may have killed it, or
  somebody who needed the memory. It is tried once more when everything else is done, alone. If that kills a worker
  again, it is set aside. A unit in shares is tried as a whole then.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from importlib.util import find_spec
from itertools import islice
from typing import Any, Final

from lmdecode.app.dataset.cluster_health import Health
from lmdecode.app.dataset.cluster_start import LocalWorkers, SchedulerError, connect, uninterrupted
from lmdecode.app.dataset.cluster_work import Refusal, Task, commit_task, convert_task, share_task
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.shares import WORTHWHILE, Share, Sharing, shares_of
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import Job, Result, State, Unit
from lmdecode.app.errors import UsageError
from lmdecode.codec.errors import MissingPackageError
from lmdecode.extras import install_command

LOCAL: Final = "local"
"""The scheduler's address that means workers on this computer, for as long as the command runs."""

_ADDRESS: Final = re.compile(r"(?:tcp|tls)://[^\s/@]{1,255}:[0-9]{1,5}")
_FEWEST: Final = 8  # units under way: with fewer, a cluster that grows with the work would not begin to
_LOOK: Final = 0.2  # s between two looks at what is done: to take it a capture at a time costs a tenth of a core
_LAST_LOOK: Final = 0.02  # s, when nothing waits that a worker could go on with


def runner(
    scheduler: str,
    workers: int | None,
    *,
    tell: Callable[[str], None] = lambda _line: None,
    patience: float = 10.0,
    sharing: Sharing = WORTHWHILE,
) -> Cluster:
    """Returns what converts units on workers of Dask.

    Args:
        scheduler: "local", or the address of a scheduler that runs: `tcp://host:8786` or `tls://host:8786`.
        workers: How many workers "local" has; None: one for each core.
        tell: Is called with a line that is good to know while units are converted: there is no worker yet.
        patience: Seconds that a scheduler has to answer.
        sharing: From when on a capture is decoded in shares.

    Raises:
        MissingPackageError: Dask is not installed.
        UsageError: There is no such scheduler, or `workers` does not go with it.
        SchedulerError: No scheduler answers at the address.
    """
    check(scheduler, workers)
    return Cluster(scheduler, workers, tell, patience, sharing)


def check(scheduler: str, workers: int | None) -> None:
    """Makes sure that there can be such a cluster, and connects to nothing. Arguments and errors are as of `runner`."""
    if scheduler != LOCAL:
        if "@" in scheduler:
            raise UsageError("--scheduler: an address has no user and no password: tcp://host:8786")
        if not _ADDRESS.fullmatch(scheduler):
            raise UsageError(f"--scheduler {scheduler[:80]!r}: give local, or an address such as tcp://host:8786")
        if workers is not None:
            raise UsageError("--workers goes with --scheduler local: another scheduler has the workers that it has")
    elif workers is not None and workers < 1:
        raise UsageError(f"--workers {workers}: give 1 or more")
    if find_spec("distributed") is None:  # not imported: that takes half a second, which is used for other things too
        raise MissingPackageError(f"--scheduler needs Dask: {install_command('dask')}")


class Cluster:
    """Converts units on workers of Dask; what `runner` returns."""

    def __init__(
        self, scheduler: str, workers: int | None, tell: Callable[[str], None], patience: float, sharing: Sharing
    ) -> None:
        self._scheduler = scheduler
        self._sharing = sharing
        self._workers = workers
        self._tell = tell
        self._local: LocalWorkers | None = None
        self._client: Any = None if scheduler == LOCAL else connect(scheduler, patience)

    def run(self, units: Iterable[Unit], job: Job) -> Iterator[Result]:
        """Yields what came of each unit, as soon as it is known.

        Raises:
            DatasetError: The dataset cannot be written, or the workers cannot be used.
            SchedulerError: The scheduler is gone.
        """
        if self._client is None:
            self._local = LocalWorkers(self._workers, job.memory)
            self._client = self._local.client()
            if self._local.note:
                self._tell(self._local.note)
        health = Health(self._client, self._scheduler, job.memory, self._tell)
        suspects = []
        ordered = sorted(units, key=lambda unit: unit.size, reverse=True)
        total = sum(unit.size for unit in ordered)
        shared = ((unit, shares_of(unit, health.workers, total, self._sharing)) for unit in ordered)
        for unit, result in self._converted(shared, job, health):
            if result is None:
                suspects.append(unit)
            else:
                yield result
        for unit in suspects:
            for _, result in self._converted([(unit, (Share(),))], job, health):
                yield result or _set_aside(unit, job)

    def close(self) -> None:
        """Ends what was started for it: at once, whatever the workers do."""
        if self._local is not None:
            self._local.close()
        if self._client is not None:
            with contextlib.suppress(Exception):  # it may be connecting to a scheduler that is gone
                self._client.close(timeout=1)

    def _converted(
        self, units: Iterable[tuple[Unit, Sequence[Share]]], job: Job, health: Health
    ) -> Iterator[tuple[Unit, Result | None]]:
        """Yields units as they are done, each with what came of it; None: its worker was killed."""
        from distributed import as_completed

        waiting = iter(units)
        done = as_completed(loop=self._client.loop)
        under_way: dict[Any, Unit] = {}
        count = 0
        try:
            while True:
                room = max(_FEWEST, 3 * health.threads, 2 * count) - len(under_way)
                some = list(islice(waiting, max(0, room)))
                with uninterrupted():
                    handed = self._handed_in(some, job)
                    under_way |= handed
                done.update(handed)
                if not under_way:
                    return
                health.check()
                batch = done.next_batch(block=False)
                count = len(batch)
                if not batch:
                    time.sleep(_LOOK if handed or len(under_way) > health.threads else _LAST_LOOK)
                for future, answer in zip(batch, self._answers(batch), strict=True):
                    yield under_way.pop(future), self._judged(future, answer)
        finally:
            for future in under_way:
                future.release()

    def _handed_in(self, units: Sequence[tuple[Unit, Sequence[Share]]], job: Job) -> dict[Any, Unit]:
        """Returns the futures of units. Where a share fails, or kills its worker, so does what depends on it."""
        made: dict[Any, Unit] = {}
        whole = [unit for unit, shares in units if len(shares) == 1]
        if whole:
            tasks = [Task(unit, job) for unit in whole]
            made |= zip(self._client.map(convert_task, tasks, pure=False), whole, strict=True)
        for unit, shares in units:
            if len(shares) > 1:
                parts = self._client.map(share_task, [Task(unit, job, share) for share in shares], pure=False)
                made[self._client.submit(commit_task, Task(unit, job), parts, pure=False)] = unit
        return made

    def _answers(self, futures: Sequence[Any]) -> Sequence[Any]:
        """Returns what tasks that are done gave back, at once; None for those that failed."""
        finished = {number: future for number, future in enumerate(futures) if future.status == "finished"}
        answers: Mapping[int, Any] = {}
        if finished:
            try:
                answers = self._client.gather(finished, errors="skip")
            except (OSError, CancelledError, TimeoutError):
                raise self._gone() from None
        return [answers.get(number) for number in range(len(futures))]

    def _gone(self) -> SchedulerError:
        return SchedulerError(
            f"the scheduler {self._scheduler} is gone: start it again and run the same command; what is done is kept"
        )

    def _judged(self, future: Any, answer: Any) -> Result | None:  # noqa: ANN401 -- distributed has no types
        """Returns the result of a unit; None: its worker was killed.

        Raises:
            DatasetError: No unit can be converted.
        """
        from distributed import KilledWorker

        if isinstance(answer, Refusal):
            refused = DatasetError(answer.line)
            refused.exit_code = answer.exit_code
            raise refused
        if answer is not None:
            return answer  # type: ignore[no-any-return]
        error = future.exception() if future.status == "error" else None
        if error is None:
            raise self._gone()
        if isinstance(error, KilledWorker):
            return None
        if not isinstance(error, ImportError | RuntimeError | TypeError):  # of unpickling
            raise error
        raise DatasetError(
            f"a capture could not be handed to a worker of {self._scheduler} ({type(error).__name__}): have scheduler "
            "and workers the same lmdecode, with its extra dask, and the same Python as this computer?"
        )


def _set_aside(unit: Unit, job: Job) -> Result:
    """Writes down that a unit killed each worker that was given it. Returns its result."""
    reason = (
        "set aside: the worker that decoded it was killed, and once more with nothing else to do; perhaps memory ran "
        "out: try it with --scheduler local --workers 1, or without --scheduler"
    )
    open_dataset(job.dataset).record_failure(unit, job, reason)
    return Result(unit.name, State.FAILED, reason=reason)
