"""Several captures at once, in some processes, with the output of one.

This process is one of them. It writes the captures in their order: what nobody has begun by then it decodes straight
into the output. While it has to wait for what another process has begun, it decodes what comes later. That, and all
that others decode, is written to files first, each in the format that is asked for, because handing over records would
take about as long as making them. A capture is for whoever creates its file, even if nothing is written to that.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from lmdecode.app.decode import Outcome, Settings
from lmdecode.app.decoding import decode_into
from lmdecode.app.errors import CommandError
from lmdecode.app.files import text_over
from lmdecode.app.parts import GrowingPart, new_mark
from lmdecode.app.writers import BINARY, Format, Style, Writer, finished, make_writer
from lmdecode.codec.v1.decoder import Decoder

_SIGNALS: Final = frozenset((signal.SIGINT, signal.SIGTERM))
_mask = getattr(signal, "pthread_sigmask", lambda *_: None)  # Windows has none, and no such trouble


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker is told."""

    path: Path
    part: Path
    chosen: Format
    style: Style
    settings: Settings
    mark: int


def decode_in_processes(  # noqa: PLR0917
    paths: Sequence[Path],
    jobs: int,
    chosen: Format,
    style: Style,
    settings: Settings,
    decoder: Decoder,
    writer: Writer,
) -> Iterator[Outcome]:
    """Decode captures in worker processes and this one; what comes of each, in order, when its records are written.

    Raises:
        CommandError: A worker was killed while it decoded a capture.
    """
    mark = 0 if chosen in BINARY else new_mark()
    connections = 0
    with tempfile.TemporaryDirectory(prefix="lmdecode-") as folder, _workers(jobs - 1) as submit:
        tasks = [
            _Task(path, Path(folder) / str(index), chosen, replace(style, header=False), settings, mark)
            for index, path in enumerate(paths)
        ]
        try:
            # The first one no worker is given: this process begins with it, and never asks what comes of it.
            futures: list[Future[Outcome | None]] = [Future(), *map(submit, tasks[1:])]
            for index, task in enumerate(tasks):
                writer.begin(task.path)
                if _begins(task):
                    outcome = Outcome(task.path)
                    decode_into(writer, outcome, settings, decoder, first_stream=connections)
                else:
                    _decode_meanwhile(tasks, futures, index, decoder)
                    writer.append(GrowingPart(task.part, futures[index], mark, connections))
                    outcome = cast("Outcome", futures[index].result())  # of whoever began with it
                    os.truncate(task.part, 0)  # without the file a worker would begin with it again
                connections += outcome.statistics.connections
                yield outcome
        except BrokenProcessPool:
            raise CommandError(
                "a worker process was killed, perhaps for want of memory: try fewer with --jobs"
            ) from None


def _decode_meanwhile(
    tasks: Sequence[_Task], futures: list[Future[Outcome | None]], awaited: int, decoder: Decoder
) -> None:
    """Until a capture is decoded, decode later ones that no worker has begun."""
    for later in range(awaited + 1, len(tasks)):
        if futures[awaited].done():
            return
        if _begins(tasks[later]):
            futures[later] = Future()
            futures[later].set_result(_decode_part(tasks[later], decoder))


class _workers:  # noqa: N801 -- a context manager, used as one
    """Worker processes, which are gone when the block is left: at once if it is left by an error."""

    def __init__(self, count: int) -> None:
        self._pool = ProcessPoolExecutor(count, initializer=_begin)

    def __enter__(self) -> Callable[[_Task], Future[Outcome | None]]:
        return self._submit

    def _submit(self, task: _Task) -> Future[Outcome | None]:
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
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when the process that started it is gone, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: _Task) -> Outcome | None:
    """Decode a capture, unless that has begun elsewhere."""
    return _decode_part(task, task.settings.decoder()[0]) if _begins(task) else None


def _begins(task: _Task) -> bool:
    """Begin with a capture; whether nobody else has."""
    try:
        task.part.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _decode_part(task: _Task, decoder: Decoder) -> Outcome:
    """Decode a capture into a file."""
    outcome = Outcome(task.path)
    with task.part.open("wb") as binary:
        file = binary if task.chosen in BINARY else text_over(binary)
        with finished(make_writer(task.chosen, file, task.style)) as writer:
            decode_into(writer, outcome, task.settings, decoder, first_stream=task.mark)
        file.flush()
        if file is not binary:
            file.detach()
    return outcome
