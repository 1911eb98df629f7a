"""A large capture, read by a second process while this one decodes.

To read packets, find their TCP segments and decrypt what looks like a frame takes half of all the time, needs no
knowledge of the connections, and so can be done ahead of the rest on another core. A fork of this process does it, and
hands over the segments and what their frames say through a pipe (or the segments alone, if this process would wait
meanwhile: then it decrypts them itself). This process puts the segments in order, pairs answers with requests and makes
what is wanted of the messages, just as without the other. So what comes out is the same, and the reader can be stopped
at any time.

Both ends of the pipe are one program, so `marshal` will do, which takes a third of the time of `pickle`. It knows plain
tuples only: what frames say are such, and lists of Segments go over as their columns, which `zip` and `map` take apart
and put together without a step of Python for each.
"""

from __future__ import annotations

import marshal
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import lru_cache
from io import BufferedReader, BufferedWriter, FileIO
from itertools import repeat
from pathlib import Path
from typing import Any, BinaryIO, Final

from lmdecode.capture.net.packet import Endpoint, Segment
from lmdecode.capture.source import CaptureError, CaptureStatistics, set_pipe_size

Predecoded = tuple[list[Segment], Sequence[Any]]
"""Segments, and for each of them what its dialect predecoded of its payload, or None."""

ReadSegments = Callable[[CaptureStatistics, Callable[[int], None]], Iterator[list[Segment]]]
"""Reads a capture: given where to count and whom to tell of the progress, gives segments, some at a time."""

Predecode = Callable[[list[Segment]], Sequence[Any]]
"""Returns for each segment what its dialect predecodes of its payload, with fields as JSON text."""

_WORTH: Final = 4 << 20  # bytes of the file; below, to start a process costs more than it saves
_PIPE_SIZE: Final = 1 << 20
_ENOUGH: Final = 1 << 16  # bytes of segments that are handed over at once
_LEAST: Final = 64  # bytes that a segment counts for, beside its payload
_PREFIX: Final = 8  # bytes, before each thing in the pipe, that say how long it is
_SIGNALS: Final = frozenset((signal.SIGINT, signal.SIGTERM))


def worth_reading_ahead(path: Path) -> bool:
    """Whether a capture is a large file, and this the only thread of a process that may fork, with a core to spare.

    A fork of several threads has the locks that the others hold, and nobody to release them; macOS has such threads in
    its own libraries.
    """
    if not hasattr(os, "fork") or sys.platform == "darwin" or threading.active_count() > 1 or _cores() < 2:
        return False
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size >= _WORTH


def read_ahead(
    path: Path,
    read: ReadSegments,
    predecode: Predecode,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
) -> Generator[Predecoded, None, None]:
    """The segments of a capture, read by another process, and what the frames in them say.

    Args:
        path: The capture, for messages.
        read: Reads it, in the other process.
        predecode: Decrypts the frames, there or here.
        statistics: What was read is counted in it, whole when the last segment is out.
        progress: Called now and then with the position in the file, in bytes.

    Raises:
        CaptureError: The capture cannot be read any further, or the other process was killed.
    """
    reading, writing = os.pipe()
    set_pipe_size(writing, _PIPE_SIZE)
    reader = _fork(reading, writing, read, predecode)
    os.close(writing)
    try:
        with BufferedReader(FileIO(reading), _PIPE_SIZE) as pipe:
            while True:
                position, ends, columns, found = _receive(path, pipe)
                if progress is not None and position is not None:
                    progress(position)
                if ends is None:
                    break
                segments = _segments(ends, columns)
                yield segments, predecode(segments) if found is None else found
            import pickle  # noqa: PLC0415 -- for the last message only

            counted, error = pickle.loads(found)  # noqa: S301 -- from a fork of ourselves
    finally:
        os.kill(reader, signal.SIGKILL)  # if it is not over, nobody wants the rest; until it is waited for, it is there
        os.waitpid(reader, 0)
    statistics.packets = counted.packets
    statistics.bytes_read = counted.bytes_read
    statistics.unread += counted.unread
    statistics.warnings += counted.warnings
    statistics.notes += counted.notes
    if error is not None:
        raise error


def _fork(reading: int, writing: int, read: ReadSegments, predecode: Predecode) -> int:
    """Start the reader; its process id. It never comes back from here."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # a Ctrl-C must not find it half started
    try:
        process = os.fork()
        if process:
            return process
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches both, and is for the other to deal with
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.close(reading)  # so that writing fails when the other process is gone
            with BufferedWriter(FileIO(writing, "wb"), _PIPE_SIZE) as pipe:
                _serve(pipe, read, predecode)
        finally:
            os._exit(0)  # nothing of the other's is flushed or cleaned up here
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _serve(pipe: BinaryIO, read: ReadSegments, predecode: Predecode) -> None:
    """What the reader does."""
    statistics = CaptureStatistics()
    position: int | None = None
    error: Exception | None = None

    def progress(reached: int) -> None:
        nonlocal position
        position = reached

    try:
        for segments in _gathered(read(statistics, progress)):
            # If the other process has nothing to do meanwhile, it may as well decrypt these. Else it gets the fields as
            # JSON, since to hand over mappings takes longer.
            found = None if _is_empty(pipe) else predecode(segments)
            _send(pipe, (position, *_segment_columns(segments), found))
    except BrokenPipeError:
        return
    except Exception as raised:  # noqa: BLE001 -- whatever it is, the other process has to raise it
        error = raised
    import pickle  # noqa: PLC0415 -- the other process goes on meanwhile

    _send(pipe, (position, None, None, pickle.dumps((statistics, error))))


def _gathered(batches: Iterator[list[Segment]]) -> Iterator[list[Segment]]:
    """The same segments, more at a time where they are few: to hand over and to decrypt many costs less for each.

    Those before an error come before it.
    """
    gathered: list[Segment] = []
    size = 0
    try:
        for segments in batches:
            gathered += segments
            size += sum(_LEAST + len(segment.payload) for segment in segments)
            if size >= _ENOUGH:
                yield gathered
                gathered, size = [], 0
    except Exception:
        if gathered:
            yield gathered
        raise
    if gathered:
        yield gathered


def _send(pipe: BinaryIO, thing: Any) -> None:  # noqa: ANN401 -- whatever `marshal` knows
    data = marshal.dumps(thing)
    pipe.write(len(data).to_bytes(_PREFIX, "big"))
    pipe.write(data)
    pipe.flush()


def _receive(path: Path, pipe: BinaryIO) -> Any:  # noqa: ANN401 -- whatever was sent
    prefix = pipe.read(_PREFIX)
    size = int.from_bytes(prefix, "big")
    data = pipe.read(size)
    if len(prefix) < _PREFIX or len(data) < size:
        raise CaptureError(
            f"{path}: the process that read it was killed, perhaps because memory ran out; all before was decoded: "
            "try again with --jobs 1"
        )
    return marshal.loads(data)  # noqa: S302 -- from a fork of ourselves


def _is_empty(pipe: BinaryIO) -> bool:
    """Whether nothing is in a pipe that was not read."""
    import fcntl  # noqa: PLC0415 -- where there is no fork, there is none of these
    import termios  # noqa: PLC0415

    return not any(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)))


def _segment_columns(segments: list[Segment]) -> tuple[object, object]:
    """The pairs of ends that segments have, and the segments' columns, with the number of such a pair for both ends."""
    times, sources, destinations, *rest = zip(*segments, strict=True)
    numbers = _Numbers()
    pairs = [numbers[pair] for pair in zip(sources, destinations, strict=True)]
    return [(*source, *destination) for source, destination in numbers], [times, pairs, *rest]


class _Numbers(dict[tuple[Endpoint, Endpoint], int]):
    """Numbers things in the order in which they are first asked for."""

    def __missing__(self, thing: tuple[Endpoint, Endpoint]) -> int:
        number = self[thing] = len(self)
        return number


@lru_cache(maxsize=4096)  # equal ends of segments are one object, as those who read them like it
def _endpoint(host: str, port: int) -> Endpoint:
    return Endpoint(host, port)


def _segments(ends: list[tuple[str, int, str, int]], columns: list[Any]) -> list[Segment]:
    """What `_segment_columns` was given."""
    sources = [_endpoint(host, port) for host, port, _, _ in ends]
    destinations = [_endpoint(host, port) for _, _, host, port in ends]
    times, pairs, *rest = columns
    values = zip(times, map(sources.__getitem__, pairs), map(destinations.__getitem__, pairs), *rest, strict=True)
    return list(map(tuple.__new__, repeat(Segment), values))


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
