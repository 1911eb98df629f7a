"""What a capture is: its content, whatever its name, and whether it is all there.

The content of a file is the SHA-256 of its bytes, unpacked if it is compressed: `x.pcap` and `x.pcap.gz` are one
capture. That of a recording in several pieces is the SHA-256 of its pieces' contents, so an entry that lists these says
of each piece whether the dataset has it, and whether a recording goes on where an earlier state of it ended.

A capture that somebody is still writing must not get into a dataset as if it were whole. Three things show it:

- Its size, or the stamp of its storage, changes between the moment when it was listed and the end of its decode.
- It was written to a moment ago and ends in the middle of a packet, or has not even a header. A recorder writes
  whole blocks of memory, not whole packets. The cut alone shows nothing: recorders are killed, and disks fill up. Nor
  does the time alone: a recorder that has just been stopped leaves a whole file.
- It is empty, and was made a moment ago.

It is then left for the next run. Whatever of it is written after that makes it a capture that has grown.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Final

from lmdecode.app.dataset.places import file_at, is_url, local_file, opened, reason_of
from lmdecode.app.dataset.temporary import temporary_folder
from lmdecode.app.dataset.unit import File, Piece, Unit
from lmdecode.capture.compression import decompressed, is_compressed
from lmdecode.capture.source import CaptureError
from lmdecode.codec.errors import LmdecodeError

YOUNG_NS: Final = 600_000_000_000
"""How long after the last write a file may still be about to grow: a recorder of little traffic is silent for long."""

_CHUNK: Final = 1 << 20
_DIGITS: Final = 32  # of the SHA-256, in hexadecimal
_WINDOW: Final = 128 << 20  # bytes that an unpacker may keep
_MOST_LAYERS: Final = 3  # of compression
_MOST_MAGIC: Final = 16  # bytes that show that a file is compressed
_MOST_NAME: Final = 100  # characters of a copy's name


class Unsettled(LmdecodeError):  # noqa: N818 -- nothing is wrong, it is only too early
    """A capture is still being written, so it is left for the next run; the text says what shows it."""


class Copy:
    """A unit whose files are at hand, as they were when they were listed.

    Args:
        unit: The unit.
        paths: Where each of its files can be read.
        hashes: What was counted of each of them.
    """

    def __init__(self, unit: Unit, paths: Sequence[Path], hashes: Sequence[Hash]) -> None:
        self._unit = unit
        self._hashes = hashes
        self.paths = tuple(paths)
        """Its files: the user's own, or copies that are removed afterwards."""
        self.pieces = tuple(
            Piece(file.name, each.content, each.length) for file, each in zip(unit.files, hashes, strict=True)
        )
        """What is in them, in the same order."""
        self.content = content_of([each.content for each in self.pieces])
        """What identifies the unit."""

    def begun_by(self, earlier: Piece) -> int | None:
        """Returns the number of the piece that has grown from an earlier state of it; None if none has.

        Args:
            earlier: The earlier state. Its length must have been asked for.
        """
        for number, each in enumerate(self._hashes):
            if each.length > earlier.length and each.at.get(earlier.length) == earlier.content:
                return number
        return None

    def check(self, *, cut: bool) -> None:
        """Makes sure that the unit is whole. To be called when it was decoded, before anything is told of it.

        Args:
            cut: Whether one of its files ends in the middle of a packet, or could not be read at all.

        Raises:
            Unsettled: It is still being written.
        """
        for file in self._unit.files:
            _check_same(file, file_at(file.url))
        if cut and any(map(is_young, self._unit.files)):
            raise Unsettled("it was written to a moment ago and ends in the middle of a packet")

    def told(self, line: str) -> str:
        """Returns what is said of one of the paths, with the name of the capture in the place of the path."""
        for path, file in zip(self.paths, self._unit.files, strict=True):
            line = line.replace(str(path), file.name)
        return line


class Hash:
    """The content of a file whose bytes are handed over in order.

    Args:
        lengths: Of the beginnings whose content is wanted as well, in bytes.
    """

    def __init__(self, lengths: Iterable[int] = ()) -> None:
        self._digest = hashlib.sha256()
        self._left = sorted(set(lengths), reverse=True)
        self.length = 0
        """Bytes up to now."""
        self.at: dict[int, str] = {}
        """The content of each beginning that was wanted and is there."""

    def update(self, data: bytes) -> None:
        """Takes the next bytes."""
        view = memoryview(data)
        while self._left and self._left[-1] <= self.length + len(view):
            wanted = self._left.pop()
            self._digest.update(view[: wanted - self.length])
            view = view[wanted - self.length :]
            self.length = wanted
            self.at[wanted] = self.content
        self._digest.update(view)
        self.length += len(view)

    @property
    def content(self) -> str:
        """What identifies the bytes up to now."""
        return self._digest.hexdigest()[:_DIGITS]


def content_of(pieces: Sequence[str]) -> str:
    """Returns what identifies a recording by the contents of its pieces.

    >>> content_of(["5f3c"]), content_of(["5f3c", "99aa"])
    ('5f3c', '6aaf3a162b8b18a099b6b1d4e8ff2c33')
    """
    if len(pieces) == 1:
        return pieces[0]
    return hashlib.sha256("\n".join(pieces).encode("ascii")).hexdigest()[:_DIGITS]


@contextmanager
def local_copy(unit: Unit, lengths: Iterable[int] = ()) -> Iterator[Copy]:
    """Gives the files of a unit and what identifies its content. Each file is read once for that.

    What is not on this computer is copied into a temporary folder, which is gone afterwards, also after a kill.

    Args:
        unit: The unit.
        lengths: Of earlier states that the unit may have grown from: of the last piece of each, in bytes.

    Raises:
        Unsettled: It is still being written.
        CaptureError: It is not there, or cannot be read or copied.
    """
    wanted = tuple(lengths)
    for file in unit.files:
        if not file.size and is_young(file):
            raise Unsettled("it was made a moment ago and is still empty")
    with ExitStack() as stack:
        place: Path | None = None
        paths, hashes = [], []
        for number, file in enumerate(unit.files):
            if is_url(file.url):
                place = place or _place(stack, unit.name)
                path = place / str(number) / _last_name(file)
                hashes.append(_copied(file, path, wanted))
            else:
                path = Path(file.url)
                hashes.append(_hashed(file, path, wanted))
            paths.append(path)
        yield Copy(unit, paths, hashes)


def is_young(file: File) -> bool:
    """Returns whether a file was written to a moment ago. A clock that is wrong by no more does not matter."""
    return file.modified_ns is not None and abs(time.time_ns() - file.modified_ns) < YOUNG_NS


def _place(stack: ExitStack, name: str) -> Path:
    try:
        return stack.enter_context(temporary_folder())
    except OSError as error:
        raise CaptureError(f"{name} cannot be copied ({error.strerror}): set TMPDIR to a folder for it") from None


def _last_name(file: File) -> str:
    """Returns the last part of a file's name, for its copy: without what a file system may not take."""
    last = file.name.rstrip("/").rpartition("/")[2]
    return "".join(each if each.isalnum() or each in "._-" else "_" for each in last)[-_MOST_NAME:] or "capture"


def _check_same(listed: File, now: File | None) -> None:
    """Raises Unsettled if a file is not as it was when it was listed."""
    if now is None:
        raise Unsettled("it is not there any more, or is being replaced")
    if now.size != listed.size:
        raise Unsettled(f"it is still being written: it had {listed.size:,} bytes, and has {now.size:,} now")
    if now.stamp != listed.stamp:
        raise Unsettled("it is still being written: it changed while it was read")


def _hashed(file: File, path: Path, lengths: Iterable[int]) -> Hash:
    """Reads a file on this computer.

    Raises:
        Unsettled: It is still being written.
        CaptureError: It cannot be read.
    """
    try:
        with path.open("rb") as opened_file:
            _check_same(file, local_file(file.url, file.name, os.fstat(opened_file.fileno())))
            return _content(path, opened_file, lengths)
    except OSError as error:
        raise _unreadable(file, error) from None


def _copied(file: File, path: Path, lengths: Iterable[int]) -> Hash:
    """Copies a file from elsewhere, and reads it on the way.

    Raises:
        Unsettled: It is still being written.
        CaptureError: It cannot be read, or there is no room for it.
    """
    raw = Hash(lengths)
    try:
        with opened(file.url) as source:
            path.parent.mkdir()
            with path.open("wb") as target:
                while chunk := _read(source, file):
                    raw.update(chunk)
                    target.write(chunk)
        if file.size >= 0 and raw.length != file.size:
            raise Unsettled(f"it is still being written: it had {file.size:,} bytes, and {raw.length:,} came")
        with path.open("rb") as copy:
            return _content(path, copy, lengths, raw)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise CaptureError(
                f"{file.name}: no room for a copy of {max(file.size, 0):,} bytes in {path.parents[1].parent}: "
                "set TMPDIR to a folder with more"
            ) from None
        raise _unreadable(file, error) from None


def _content(path: Path, file: IO[bytes], lengths: Iterable[int], raw: Hash | None = None) -> Hash:
    """Returns the content of a file, unpacked if it is compressed and whole; else as it is.

    Args:
        path: The file.
        file: The same, at its beginning.
        lengths: Of the beginnings that are wanted.
        raw: What was counted of its bytes already, if they were.
    """
    start = file.read(_MOST_MAGIC)
    file.seek(0)
    if is_compressed(start):
        with suppress(OSError):
            return _unpacked(path, lengths)
    if raw is not None:
        return raw
    hashed = Hash(lengths)
    while chunk := file.read(_CHUNK):
        hashed.update(chunk)
    return hashed


def _unpacked(path: Path, lengths: Iterable[int]) -> Hash:
    """Returns the content of a compressed file, unpacked.

    Raises:
        OSError: It is damaged, or cut off.
    """
    hashed = Hash(lengths)
    file: BufferedReader = path.open("rb")
    for _ in range(_MOST_LAYERS):
        inner = decompressed(file, file.peek(_MOST_MAGIC), _WINDOW)
        if inner is None:
            break
        file = inner
    with file:
        while chunk := file.read1(_CHUNK):
            hashed.update(chunk)
    return hashed


def _read(source: IO[bytes], file: File) -> bytes:
    """Returns the next bytes of a file elsewhere. Raises CaptureError if they cannot be had."""
    try:
        return source.read(_CHUNK)
    except Exception as error:  # noqa: BLE001 -- each storage has its own
        raise CaptureError(reason_of(error, file.name)) from None


def _unreadable(file: File, error: OSError) -> CaptureError:
    if isinstance(error, FileNotFoundError):
        return CaptureError(f"{file.name} is not there any more; check the path")
    if isinstance(error, PermissionError):
        return CaptureError(f"{file.name} cannot be read: permission denied; check its permissions: ls -l FILE")
    return CaptureError(f"{file.name} cannot be read ({error.strerror or type(error).__name__}); check its disk")
