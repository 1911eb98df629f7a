"""Where records are written to: a file that appears when it is whole, or stdout."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from lmdecode.app.decode import Outcome, Settings, read, read_into
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.files import text_over, whole_file
from lmdecode.codec.dialect import Speakers
from lmdecode.render.records import OutputFormat, Style, Writer, format_named

if TYPE_CHECKING:
    from lmdecode.codec.record import Record


def decode_onto(
    writer: Writer,
    outcome: Outcome,
    settings: Settings,
    speakers: Speakers,
    *,
    live: bool = False,
    progress: Callable[[int], None] | None = None,
    ahead: bool = False,
) -> None:
    """Write what the user wants to see of a capture. What is wrong with it does not raise, but is in the outcome.

    Args:
        writer: Writes it.
        outcome: Names the capture, and takes what comes of it.
        settings: What the user wants to see.
        speakers: The dialects, with the user's keys.
        live: Whether somebody waits for each record.
        progress: Called now and then with the position in the file, in bytes.
        ahead: Whether a second process may read it ahead.
    """
    if not (live or settings.where or settings.fields):
        writer.write_all(read_into(writer.sink, outcome, speakers, progress=progress, ahead=ahead))
        return
    records: Iterator[Record] = read(outcome, speakers, progress=progress, ahead=ahead)
    for outcome.shown, record in enumerate(settings.chosen(records), 1):
        writer.write(record)
        if live:
            writer.flush()


@contextlib.contextmanager
def open_writer(
    name: str, chosen: OutputFormat, output: Path | None, style: Style, *, private: bool = False
) -> Iterator[Writer]:
    """Open the writer of a format, over a file that appears when all went well, or over stdout.

    Args:
        name: The format's.
        chosen: The format.
        output: The file; None for stdout.
        style: How it is written.
        private: Whether only the file's owner may read it.

    Raises:
        CommandError: The file cannot be written.
    """
    with open_output(name, chosen, output, private=private) as opened, finished(chosen.open(opened, style)) as writer:
        yield writer


@contextlib.contextmanager
def finished(writer: Writer) -> Iterator[Writer]:
    """Close a writer at the end, or abandon it at an error."""
    try:
        yield writer
        writer.close()
    except BaseException:
        writer.abandon()
        raise


def open_output(
    name: str, chosen: OutputFormat, output: Path | None, *, private: bool = False
) -> contextlib.AbstractContextManager[IO[str] | IO[bytes]]:
    """Open where a format is written to: a file that appears when all went well, or stdout.

    Args:
        name: The format's.
        chosen: The format.
        output: The file; None for stdout.
        private: Whether only the file's owner may read it.

    Raises:
        CommandError: The file cannot be written.
        UsageError: Stdout is a terminal and the format is not for one.
    """
    if output is None and chosen.binary and sys.stdout.isatty():
        raise UsageError(f"{name} is not for terminals: name a file, --output FILE.{name}")
    if output is not None:
        return whole_file(output, binary=chosen.binary, private=private)
    if not chosen.binary and not sys.stdout.isatty() and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # what programs read is the same everywhere
    return contextlib.nullcontext(sys.stdout.buffer if chosen.binary else sys.stdout)


_SIGNALS: Final = frozenset((signal.SIGINT, signal.SIGTERM))
_mask = getattr(signal, "pthread_sigmask", lambda *_: None)  # Windows has none, and no such trouble


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker is given."""

    outcome: Outcome
    part: Path
    format: str
    style: Style
    settings: Settings


def decode_in_processes(  # noqa: PLR0917
    outcomes: Sequence[Outcome], jobs: int, format_name: str, style: Style, settings: Settings, writer: Writer
) -> Iterator[Outcome]:
    """Decode captures in worker processes. Yields what comes of each, in order, when its records are written.

    Args:
        outcomes: The captures.
        jobs: How many processes.
        format_name: Of the output.
        style: How the output is written.
        settings: What the user asked for.
        writer: Takes what the workers wrote.

    Raises:
        CommandError: A worker was killed while it decoded a capture.
    """
    with tempfile.TemporaryDirectory(prefix="lmdecode-") as folder, _Workers(jobs) as submit:
        tasks = [
            _Task(outcome, Path(folder) / str(index), format_name, replace(style, header=False), settings)
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
                "a worker process was killed, perhaps for want of memory: try fewer with --jobs"
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
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when the process that started it is gone, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: _Task) -> Outcome:
    """Decode a capture into a file."""
    speakers, _ = task.settings.speakers()
    chosen = format_named(task.format)
    with task.part.open("wb") as binary:
        file = binary if chosen.binary else text_over(binary)
        with finished(chosen.open(file, task.style)) as writer:
            decode_onto(writer, task.outcome, task.settings, speakers)
        file.flush()
        if file is not binary:
            file.detach()
    return task.outcome
