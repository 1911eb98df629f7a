"""Several captures at once, each decoded by a worker process into a file of its own.

Workers write the format that is asked for, because handing over records would take about as long as making them. This
process takes the files over in the order of the captures. The connections of each capture are numbered from 0 and its
Records have the capture's name, so nothing in the files depends on the other captures, and taking one over is copying
it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final

from lmdecode.analysis.times import in_zone, zone_in_force
from lmdecode.app.asked import Asked
from lmdecode.app.decode import Outcome
from lmdecode.app.errors import CommandError
from lmdecode.app.files import text_over
from lmdecode.app.output import decode_onto, finished
from lmdecode.render.records import Style, Writer, format_named

_SIGNALS: Final = frozenset((signal.SIGINT, signal.SIGTERM))
_mask = getattr(signal, "pthread_sigmask", lambda *_: None)  # Windows has none, and no such trouble


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker is given."""

    outcome: Outcome
    part: Path
    format: str
    style: Style
    asked: Asked
    zone: tzinfo | None
    """The zone in force, of which a process that is not forked knows nothing."""


def decode_in_processes(  # noqa: PLR0917
    outcomes: Sequence[Outcome], jobs: int, format_name: str, style: Style, asked: Asked, writer: Writer
) -> Iterator[Outcome]:
    """Decode captures in worker processes. Yields what comes of each, in order, when its records are written.

    Args:
        outcomes: The captures.
        jobs: How many processes.
        format_name: Of the output.
        style: How the output is written.
        asked: What the user asked for.
        writer: Takes what the workers wrote.

    Raises:
        CommandError: A worker was killed while it decoded a capture.
    """
    with tempfile.TemporaryDirectory(prefix="lmdecode-") as folder, _Workers(jobs) as submit:
        tasks = [
            _Task(outcome, Path(folder) / str(index), format_name, style._replace(header=False), asked, zone_in_force())
            for index, outcome in enumerate(outcomes)
        ]
        try:
            futures = [submit(task) for task in tasks]
            for task, future in zip(tasks, futures, strict=True):
                outcome = future.result()
                writer.begin(outcome.name)
                writer.append(task.part)
                task.part.unlink()
                yield outcome
        except BrokenProcessPool:
            raise CommandError(
                "a worker process was killed, perhaps because memory ran out: try fewer with --jobs"
            ) from None


class _Workers:
    """Worker processes, which are gone when the block is left: at once if it is left by an error."""

    def __init__(self, count: int) -> None:
        self._pool = ProcessPoolExecutor(count, initializer=_begin)

    def __enter__(self) -> Callable[[_Task], Future[Outcome]]:
        return self._submit

    def _submit(self, task: _Task) -> Future[Outcome]:
        """Hand in a task, which may start a process; a Ctrl-C meanwhile must not find that half started."""
        _mask(signal.SIG_BLOCK, _SIGNALS)
        try:
            return self._pool.submit(_work, task)
        finally:
            _mask(signal.SIG_UNBLOCK, _SIGNALS)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for process in multiprocessing.active_children():
                process.terminate()
        self._pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the one that started the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # ours, which cleans up, came along with the fork
    _mask(signal.SIG_UNBLOCK, _SIGNALS)
    with contextlib.suppress(RuntimeError):  # no memory for a thread: then the system ends it with the terminal
        threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when the process that started it is gone, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: _Task) -> Outcome:
    """Decode a capture into a file."""
    opened = task.asked.opened()
    chosen = format_named(task.format)
    with in_zone(task.zone), task.part.open("wb") as binary:
        file = binary if chosen.binary else text_over(binary)
        with finished(chosen.open(file, task.style)) as writer:
            decode_onto(writer, task.outcome, task.asked, opened)
        file.flush()
        if file is not binary:
            file.detach()
    return task.outcome
