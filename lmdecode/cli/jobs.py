"""Several captures at once, one worker process each, with the output of one process.

A worker writes what it decodes to a file of its own, in the format that is asked for, because handing over records
would take about as long as making them. The files are joined in the order of the captures. How many connections the
captures before its own have a worker cannot know, so it numbers from a number that nothing else in the output is, and
that is replaced while joining.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import secrets
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lmdecode.cli.failures import CommandError
from lmdecode.cli.files import text_over
from lmdecode.cli.reading import Outcome, Settings, read, read_into
from lmdecode.cli.writers import BINARY, Format, Style, Writer, make_writer

__all__ = ["decode_in_processes"]

_ROOM: Final = 1_000_000_000  # numbers of connections that fit behind a mark
_SIGNALS: Final = frozenset((signal.SIGINT, signal.SIGTERM))
_mask = getattr(signal, "pthread_sigmask", lambda *_: None)  # Windows has none, and no such trouble
_FEW: Final = 16  # so many are replaced one after the other in a third of the time of a regular expression


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker is told."""

    path: Path
    part: Path
    chosen: Format
    style: Style
    settings: Settings
    mark: int


def decode_in_processes(
    paths: Sequence[Path], jobs: int, chosen: Format, style: Style, settings: Settings, writer: Writer
) -> Iterator[Outcome]:
    """Decode captures in worker processes; what comes of each, in order, when its records are written.

    Raises:
        CommandError: A worker was killed.
    """
    binary = chosen in BINARY
    # 18 digits with those behind it, so that it fits 64 bits; the chance that data has it is one in 10**8 a number
    mark = 0 if binary else (10**8 + secrets.randbelow(9 * 10**8)) * _ROOM
    connections = 0
    with tempfile.TemporaryDirectory(prefix="lmdecode-") as folder, _workers(min(jobs, len(paths))) as submit:
        tasks = [
            _Task(path, Path(folder) / str(index), chosen, replace(style, header=False), settings, mark if index else 0)
            for index, path in enumerate(paths)
        ]
        for task, future in [(task, submit(task)) for task in tasks]:
            try:
                outcome = future.result()
            except BrokenProcessPool:
                raise CommandError(
                    "a worker process was killed, perhaps for want of memory: try fewer with --jobs"
                ) from None
            count = outcome.statistics.connections
            writer.begin(task.path)
            writer.append(task.part, renumber=_renumbering(task.mark, connections, count), first_stream=connections)
            task.part.unlink()
            connections += count
            yield outcome


class _workers:  # noqa: N801 -- a context manager, used as one
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
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when the process that started it is gone, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: _Task) -> Outcome:
    """Decode one capture into a file."""
    outcome = Outcome(task.path)
    decoder, _ = task.settings.decoder()
    with task.part.open("wb") as binary:
        file = binary if task.chosen in BINARY else text_over(binary)
        writer = make_writer(task.chosen, file, task.style)
        if task.settings.where or task.settings.fields:
            records = read(outcome, decoder, task.settings.port, first_stream=task.mark)
            for outcome.shown, record in enumerate(task.settings.chosen(records), 1):
                writer.write(record)
        else:
            writer.write_all(read_into(writer.make, outcome, decoder, task.settings.port, first_stream=task.mark))
        writer.close()
        file.flush()
        if file is not binary:
            file.detach()
    return outcome


def _renumbering(mark: int, first: int, count: int) -> Callable[[bytes], bytes]:
    """Replaces marked numbers in text by those that count on from `first`; without a mark there are none.

    Args:
        mark: The number that stands for 0.
        first: What 0 becomes.
        count: How many there are.
    """
    if not mark:
        return lambda block: block
    if count > _FEW:
        pattern = re.compile(b"%d[0-9]{9}" % (mark // _ROOM))
        return lambda block: pattern.sub(lambda found: b"%d" % (int(found[0]) - mark + first), block)

    def renumber(block: bytes) -> bytes:
        for number in range(count):
            block = block.replace(b"%d" % (mark + number), b"%d" % (first + number))
        return block

    return renumber
