"""Schedulers of Dask: one of our own with its workers on this computer, or the connection to one that runs.

Workers of our own decode a capture each at a time, in a process each. A thread would wait for the other threads, since
most of the work is Python's.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import Any, Final

from lmdecode.app.dataset import cluster_fork
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.device.errors import NO_CONNECTION

WORKER_MEMORY: Final = 256 << 20
"""Bytes that a worker takes without a capture: Python, Dask and pyarrow (150 MB were measured), and a margin."""

_LAST_WORDS: Final = 0.3  # s for a worker to end by itself; then it is killed, and what it writes is no loss
_LOOK: Final = 0.05  # s
_SILENT: Final = logging.CRITICAL + 1
_mask = getattr(signal, "pthread_sigmask", lambda *_: None)  # Windows has none
_BLOCK, _RESTORE = getattr(signal, "SIG_BLOCK", 0), getattr(signal, "SIG_SETMASK", 0)


class SchedulerError(DatasetError):
    """There is no connection to a scheduler, or it went away."""

    exit_code = NO_CONNECTION


class LocalWorkers:
    """A scheduler in this process, and workers in processes of their own, which end with it.

    They talk over TLS with keys that exist in memory only: whoever can talk to a scheduler can have it run anything,
    and its port is open to all users of the computer.

    Args:
        workers: How many; None: one for each core, but no more than there is memory for.
        memory: Bytes of memory that the decode of one capture may take.

    Raises:
        DatasetError: They cannot be started.
    """

    def __init__(self, workers: int | None, memory: int) -> None:
        self._folder = TemporaryDirectory(prefix="lmdecode-dask-", ignore_cleanup_errors=True)
        self.note = ""
        """What is good to know about the workers, in one line."""
        starting = ThreadPoolExecutor(1, initializer=_leave_interrupts_to_main)
        started = starting.submit(self._started, workers, memory)
        try:
            self._cluster = started.result()
        except KeyboardInterrupt:
            _end_half_started(started)
            self._folder.cleanup()
            raise
        except (OSError, RuntimeError) as error:
            self._folder.cleanup()
            raise DatasetError(f"the workers cannot be started: {str(error) or type(error).__name__}") from None
        finally:
            starting.shutdown(wait=False)

    def client(self) -> Any:  # noqa: ANN401 -- distributed has no types
        """Returns a client of the scheduler."""
        from distributed import Client

        return Client(self._cluster, set_as_default=False)

    def close(self) -> None:
        """Ends the workers, whatever they do."""
        _end(self._cluster)
        self._folder.cleanup()

    def _started(self, workers: int | None, memory: int) -> Any:  # noqa: ANN401 -- distributed has no types
        forked = cluster_fork.start()  # first of all: it imports what workers need while this imports Dask
        return _local_cluster(
            *self._sizes(workers, memory), self._folder.name, cluster_fork.settings() if forked else {}
        )

    def _sizes(self, workers: int | None, memory: int) -> tuple[int, int]:
        """Returns how many workers there shall be, and the bytes of memory at which Dask ends one of them."""
        from dask.system import CPU_COUNT
        from distributed.system import MEMORY_LIMIT

        needed = memory + WORKER_MEMORY
        count = workers or max(1, min(CPU_COUNT, MEMORY_LIMIT // needed))
        if count * needed > MEMORY_LIMIT and count > 1:
            fit = max(1, MEMORY_LIMIT // needed)
            self.note = (
                f"{count} workers may need {count * needed / 1e9:.1f} GB of memory, and this computer has "
                f"{MEMORY_LIMIT / 1e9:.1f} GB: --workers {fit} fits"
            )
        return count, max(MEMORY_LIMIT // count, 2 * needed)


def connect(address: str, patience: float) -> Any:  # noqa: ANN401 -- distributed has no types
    """Returns a client of the scheduler at an address.

    Args:
        address: Of the scheduler.
        patience: Seconds that it has to answer.

    Raises:
        SchedulerError: Nothing that speaks Dask's protocol answers there.
    """
    from distributed import Client

    class QuietClient(Client):
        """A client that waits for nothing when it is forgotten: one that never connected would for 20 s, in vain."""

        def __del__(self) -> None:
            pass

    be_quiet()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # versions that differ: a table of many lines, of which we make one
        try:
            return QuietClient(address, timeout=patience, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise SchedulerError(f"no scheduler answers at {address}: {_why(error, address)}") from None


def be_quiet() -> None:
    """Keeps the log of Dask, with its tracebacks, from stderr. What is to be known of it is said in one line."""
    import distributed  # noqa: F401 -- it sets its log up when it is loaded

    for name in ("distributed", "tornado.application", "asyncio"):
        logger = logging.getLogger(name)
        logger.propagate = name == "distributed" and logger.propagate
        for handler in logger.handlers:
            handler.setLevel(_SILENT)
        if name == "asyncio" and not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _why(error: Exception, address: str) -> str:
    """Returns why there is no connection, and what to do."""
    if address.startswith("tls://") and ("ssl" in str(error).lower() or "tls" in str(error).lower()):
        return (
            "its certificate and ours do not go together: give the files in Dask's own configuration, "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE and CLIENT__CERT, CLIENT__KEY"
        )
    return f"start one with `dask scheduler`, and workers with `dask worker {address}`"


def _leave_interrupts_to_main() -> None:
    """Blocks Ctrl-C in this thread, and so in all threads and processes that it starts.

    Ctrl-C reaches all processes of a terminal. A worker would show a traceback; the main thread ends the workers.
    """
    resource_tracker.ensure_running()  # Python starts it with the first process, and then unblocks what was blocked
    _mask(_BLOCK, {signal.SIGINT})


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Has Ctrl-C wait for as long as it is entered: a future that is half made complains of that when it is gone."""
    before = _mask(_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        _mask(_RESTORE, before)


def _local_cluster(workers: int, memory: int, folder: str, settings: dict[str, Any]) -> Any:  # noqa: ANN401 -- distributed has no types
    import dask
    from distributed import LocalCluster

    be_quiet()
    with dask.config.set(
        {
            # A unit for each worker at a time, so that few are on a worker that dies, and the next is not far.
            "distributed.scheduler.worker-saturation": 1.0,
            # Logs for developers of Dask, which fill 6 MB with the first thousand captures.
            "distributed.admin.log-length": 100,
            "distributed.admin.low-level-log-length": 100,
            # Nobody looks at these, and they took more of this process than the captures did: how it and its workers
            # do (every half second, and 50 times in a second), and where the workers' time goes (every 10 ms).
            "distributed.admin.system-monitor.interval": "5s",
            "distributed.admin.tick.interval": "1s",
            "distributed.worker.profile.enabled": False,
            # Results are small and are taken at once, so there are no copies of them to be removed.
            "distributed.scheduler.active-memory-manager.start": False,
            # Nothing takes 100 MB in a tenth of a second, which is how often Dask looks.
            "distributed.worker.memory.monitor-interval": "500ms",
            **settings,
        }
    ):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory,
            security=True,
            dashboard_address=None,
            silence_logs=_SILENT,
            local_directory=folder,
            env=dict(os.environ),  # it may have changed since the process was started from which they are forked
            # Its web server, which has no dashboard, takes a free port: Dask's own choice warns where two run at once.
            scheduler_kwargs={"allowed_failures": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
        )


def _end_half_started(started: Future[Any]) -> None:
    """Ends workers that are just being started, which Dask would wait for."""
    while not started.done():
        for process in multiprocessing.active_children():
            process.kill()
        wait([started], timeout=_LOOK)
    if started.exception() is None:
        _end(started.result())


def _end(cluster: Any) -> None:  # noqa: ANN401 -- distributed has no types
    async def end_workers() -> None:
        await asyncio.gather(
            *(nanny.close(timeout=_LAST_WORDS) for nanny in cluster.workers.values()), return_exceptions=True
        )

    cluster.sync(end_workers)
    cluster.close()
